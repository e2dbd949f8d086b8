// A list of the console: a table on a desk, cards on a phone, with what it shows while it loads,
// when it is empty, and when it cannot be loaded.

import { button, h } from "./dom.js";

/**
 * `columns`: `{ name, about, cell(item), number }`, `about` being the tooltip of the heading.
 * `load(cursor)`: a page `{ items, cursor }`. `key(item)`: tells items apart, and an item from
 * itself after a change. `empty`: what is said if there is nothing. Returns `{ element, refresh }`.
 */
export function makeList({ label, columns, load, key, empty }) {
  // Cards are no table to the browser, so the roles are said.
  const body = h("tbody", { role: "rowgroup" });
  const head = h("tr", { role: "row" }, columns.map(({ name, about, number }) =>
    h("th", { scope: "col", role: "columnheader", title: about, class: number ? "number" : "" }, name)));
  const table = h("table", { class: "list", role: "table", "aria-label": label, hidden: true }, h("thead", { role: "rowgroup" }, head), body);
  const note = h("p", { class: "empty", role: "status" }, "Loading…");
  const again = button("Try again", "go soft", () => refresh().catch(() => {}));
  const more = button("Show more", "quiet", () => next().catch(() => {}));
  const element = h("div", { class: "listed" }, table, note, again, more);
  let rows = new Map();
  let pages = 1;
  let cursor = null;
  again.hidden = more.hidden = true;

  function row(item) {
    return rows.get(key(item)) ?? h("tr", { role: "row" }, columns.map(({ name, cell, number }) =>
      h("td", { role: "cell", "data-name": name, class: number ? "number" : "" }, cell(item))));
  }

  function show(items) {
    const kept = new Map(items.map((item) => [key(item), row(item)]));
    const active = body.contains(document.activeElement) ? document.activeElement : null;
    const at = active ? [...body.children].findIndex((one) => one.contains(active)) : -1;
    for (const [old, element_] of rows) if (kept.get(old) !== element_) element_.remove();
    [...kept.values()].forEach((one, index) => body.children[index] === one || body.insertBefore(one, body.children[index] ?? null));
    rows = kept;
    if (active && !active.isConnected) body.children[Math.min(at, body.children.length - 1)]?.querySelector("button, a")?.focus();
    table.hidden = !items.length;
    note.textContent = items.length ? "" : empty;
    more.hidden = !cursor;
    again.hidden = true;
    element.classList.remove("old");
  }

  function failed(error) {
    note.textContent = `${label} cannot be loaded: ${error.message}`;
    again.hidden = false;
    element.classList.add("old");
    throw error;
  }

  /** Load as many pages as are shown. */
  async function refresh() {
    try {
      const items = [];
      cursor = null;
      for (let page = 0; page < pages; page += 1) {
        const found = await load(cursor);
        items.push(...found.items);
        cursor = found.cursor;
        if (!cursor) break;
      }
      show(items);
    } catch (error) {
      failed(error);
    }
  }

  async function next() {
    pages += 1;
    await refresh();
  }

  return { element, refresh };
}
