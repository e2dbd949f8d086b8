// Times, durations and states in words.

import { clock, h } from "./dom.js";

/** `ON_THE_WAY` → `on the way`. */
export function words(state) {
  return state.toLowerCase().replaceAll("_", " ");
}

/** A state as a small label. */
export function label(state) {
  return h("span", { class: "pill", "data-state": words(state) }, words(state));
}

/** A moment in the reader's own time: without the date if it is today. The tooltip has all of it. */
export function moment(iso) {
  if (!iso) return "–";
  const at = new Date(iso);
  const date = at.toDateString() === new Date().toDateString() ? [] : [at.toLocaleDateString([], { day: "numeric", month: "short" })];
  const text = [...date, at.toLocaleTimeString([], { hour12: false })].join(", ");
  return h("time", { datetime: iso, title: `${at.toLocaleString()} (${iso})` }, text);
}

/** 75 → `1:15`; null → `–`. */
export function duration(seconds) {
  return seconds === null ? "–" : clock(seconds);
}

/** How long ago something began; `tickAges` keeps it right. */
export function age(iso) {
  return h("span", { class: "age", "data-since": iso, title: `Since ${new Date(iso).toLocaleString()}` }, sinceThen(iso));
}

function sinceThen(iso) {
  return clock(Math.max(0, Date.now() - Date.parse(iso)) / 1000);
}

/** Bring all ages on the page up to date. */
export function tickAges() {
  for (const one of document.querySelectorAll(".age")) one.textContent = sinceThen(one.dataset.since);
}

/** 0.8571 → `86 %`; null → `–`. */
export function percent(rate) {
  return rate === null ? "–" : `${Math.round(rate * 100)} %`;
}

/** A person's name that leads to the person. */
export function person(id, name) {
  return h("a", { href: `#people/${encodeURIComponent(id)}`, title: `Show this person: ${id}` }, name ?? id);
}
