// The docs: a search box, one language of examples at a time, and buttons to copy them.

import { button } from "./dom.js";

const form = document.querySelector(".find");
const input = form.querySelector("input");
const languages = form.querySelector("select");
const said = form.querySelector("[role=status]");
const entries = [...document.querySelectorAll(".entry")].map((element) => ({ element, text: element.textContent.toLowerCase() }));
const COPIED_MS = 1500;

/** Show the entries that have all words, and the sections that have any. */
function search() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const { element, text } of entries) {
    element.hidden = !words.every((word) => text.includes(word));
    found += !element.hidden;
  }
  for (const section of document.querySelectorAll("main section")) {
    const all = section.querySelectorAll(".entry");
    section.hidden = words.length > 0 && ![...all].some((one) => !one.hidden);
  }
  document.body.classList.toggle("searching", words.length > 0);
  said.textContent = words.length ? `${found} ${found === 1 ? "entry" : "entries"}` : "";
}

function speak() {
  document.body.dataset.lang = languages.value;
  try {
    localStorage.setItem("language", languages.value);
  } catch {
    // The choice is for this visit only.
  }
}

function copyButton(sample) {
  const copy = button("Copy", "quiet", async () => {
    await navigator.clipboard.writeText(sample.querySelector("code").textContent);
    copy.textContent = "Copied";
    setTimeout(() => (copy.textContent = "Copy"), COPIED_MS);
  });
  sample.append(copy);
}

/** An entry that a link leads to is shown, whatever is searched for. */
function arrive() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target?.closest("[hidden]")) return;
  input.value = "";
  search();
  target.scrollIntoView();
}

document.querySelectorAll(".sample").forEach(copyButton);
const kept = localStorage.getItem("language");
if ([...languages.options].some(({ value }) => value === kept)) languages.value = kept;
speak();
form.hidden = false;
input.value = new URLSearchParams(location.search).get("q") ?? "";
search();
input.addEventListener("input", search);
languages.addEventListener("change", speak);
form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("hashchange", arrive);
addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.matches("input, select, textarea")) return;
  event.preventDefault();
  input.focus();
});
