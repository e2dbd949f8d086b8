// The demo: a section per product of the stack, chosen by tabs.

import { makeBookings } from "./bookings.js";
import { makeCalls } from "./calls.js";
import { makeChat } from "./chat.js";
import { h } from "./dom.js";
import { loadPeople } from "./people.js";
import { soundButton } from "./ring.js";

/** A product: its tab's name and what builds its section when it is looked at for the first time. */
const PRODUCTS = [
  { id: "calls", name: "Calls", make: makeCalls },
  { id: "chat", name: "Chat", make: makeChat },
  { id: "bookings", name: "Bookings", make: makeBookings },
];

function makeTabs(known) {
  const tabs = document.getElementById("tabs");
  const sections = document.getElementById("sections");
  sections.replaceChildren();
  const made = PRODUCTS.map(({ id, name, make }) => {
    const panel = h("div", { id: `panel-${id}`, role: "tabpanel", "aria-labelledby": `tab-${id}`, hidden: true });
    const tab = h("button", {
      type: "button", role: "tab", id: `tab-${id}`, "aria-controls": panel.id,
      onclick: () => choose(id), onkeydown: (event) => move(event, id),
    }, name);
    tabs.append(tab);
    sections.append(panel);
    return { id, tab, panel, make };
  });
  tabs.hidden = made.length < 2;

  function choose(wanted) {
    for (const one of made) {
      const chosen = one.id === wanted;
      one.tab.setAttribute("aria-selected", String(chosen));
      one.tab.tabIndex = chosen ? 0 : -1;
      one.panel.hidden = !chosen;
      if (chosen && one.make) {
        one.make(one.panel, known);
        one.make = null;
      }
    }
    history.replaceState(null, "", `#${wanted}`);
  }

  function move(event, from) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = made.findIndex(({ id }) => id === from);
    const next = made[(at + step + made.length) % made.length];
    choose(next.id);
    next.tab.focus();
  }

  const asked = made.find(({ id }) => `#${id}` === location.hash);
  choose((asked ?? made[0]).id);
}

soundButton(document.getElementById("sound"));
makeTabs(await loadPeople());
