// Who takes part. A stack on a developer's machine hands out demo tokens; in AWS people bring one.

import { h } from "./dom.js";

/** What a token says of its owner, unverified: only the stack can tell whether it is true. */
export function claims(token) {
  try {
    const part = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(part), (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}

/** `{ people: [{ id, role, name, token }], ringSeconds }`, without people where there are none. */
export async function loadPeople() {
  try {
    const answer = await fetch("/demo/tokens.json", { headers: { Accept: "application/json" } });
    if (answer.ok) return await answer.json();
  } catch {
    // No demo tokens: the page asks for real ones.
  }
  return { people: [], ringSeconds: 30 };
}

/** A form that asks for a token and hands over its owner. */
export function askForToken(asked, title, onperson) {
  const input = h("input", {
    type: "password", autocomplete: "off", spellcheck: "false", required: true, "aria-label": `Token: ${title}`,
    placeholder: "eyJhbGciOi…",
  });
  const problem = h("p", { class: "problem", role: "alert" });
  const onsubmit = (event) => {
    event.preventDefault();
    const token = input.value.trim();
    const found = claims(token);
    problem.textContent = found ? "" : "This is not a token: it has three parts with dots between.";
    if (found) onperson({ id: found.sub, role: found.role, name: found.name ?? found.sub, token });
  };
  return h("form", { class: "ask", onsubmit },
    h("p", {}, `Paste a token ${asked}.`), input,
    h("button", { class: "go" }, "Connect"), problem);
}

/** People to choose from. */
export function choice(people, chosen, label, onchoose) {
  const select = h("select", { "aria-label": label, onchange: () => onchoose(people[select.selectedIndex]) },
    people.map((person) => h("option", { selected: person === chosen }, person.name)));
  return select;
}
