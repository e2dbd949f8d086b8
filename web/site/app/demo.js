// The demo: a section per product of the stack, chosen by tabs.

import { makeBookings } from "./bookings.js";
import { makeCalls } from "./calls.js";
import { makeChat } from "./chat.js";
import { loadPeople } from "./people.js";
import { soundButton } from "./ring.js";
import { makeTabs } from "./tabs.js";

/** A product: its tab's name and what builds its section when it is looked at for the first time. */
const PRODUCTS = [
  { id: "calls", name: "Calls", make: makeCalls },
  { id: "chat", name: "Chat", make: makeChat },
  { id: "bookings", name: "Bookings", make: makeBookings },
];

soundButton(document.getElementById("sound"));
const known = await loadPeople();
const pages = PRODUCTS.map((product) => ({ ...product, make: (panel) => product.make(panel, known) }));
const tabs = makeTabs(document.getElementById("tabs"), document.getElementById("sections"), pages);
tabs.choose(location.hash.slice(1));
