// Tabs with panels, of which one is shown. The part of the address behind # says which.

import { h } from "./dom.js";

/**
 * Tabs for `pages`, each `{ id, name, make(panel) }`; `make` is called when a tab is chosen for the
 * first time. `onchoose(id)` is told of every choice. Returns `{ choose, panel }`.
 */
export function makeTabs(tabs, sections, pages, onchoose = () => {}) {
  const made = pages.map(({ id, name, make }) => {
    const panel = h("div", { id: `panel-${id}`, role: "tabpanel", "aria-labelledby": `tab-${id}`, hidden: true });
    const tab = h("button", {
      type: "button", role: "tab", id: `tab-${id}`, "aria-controls": panel.id,
      onclick: () => go(id), onkeydown: (event) => move(event, id),
    }, name);
    return { id, tab, panel, make };
  });
  tabs.replaceChildren(...made.map(({ tab }) => tab));
  sections.replaceChildren(...made.map(({ panel }) => panel));
  tabs.hidden = made.length < 2;

  function choose(wanted) {
    const chosen = made.find(({ id }) => id === wanted) ?? made[0];
    for (const one of made) {
      one.tab.setAttribute("aria-selected", String(one === chosen));
      one.tab.tabIndex = one === chosen ? 0 : -1;
      one.panel.hidden = one !== chosen;
    }
    if (chosen.make) {
      const { make } = chosen;
      chosen.make = null;
      make(chosen.panel);
    }
    onchoose(chosen.id);
    chosen.tab.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  function go(wanted) {
    history.replaceState(null, "", `#${wanted}`);
    choose(wanted);
  }

  function move(event, from) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = made.findIndex(({ id }) => id === from);
    const next = made[(at + step + made.length) % made.length];
    go(next.id);
    next.tab.focus();
  }

  return { choose };
}
