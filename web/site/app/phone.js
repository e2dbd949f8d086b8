// One person's phone: a card with a face, a state and the wire below. What its face shows is up to
// the product.

import { button, h } from "./dom.js";
import { choice, askForToken } from "./people.js";
import { connect, makeLog } from "./wire.js";

const WORDS = {
  connecting: "connecting", online: "online", away: "no connection", refused: "refused",
  calling: "calling", ringing: "ringing", "on call": "on call", absent: "not connected",
};

/**
 * `role`, `title` and `namespace` say whose phone it is, `people` who may use it, the one at `first`
 * to begin with. `start(phone)` is called for every person with `phone.socket`, `phone.person`,
 * `phone.show` and `phone.state`. `open`: connecting takes no token.
 */
export function makePhone({ role, asked = `with the role ${role}`, title, namespace, people, first = 0, open = false, start }) {
  const log = makeLog(title);
  const face = h("div", { class: "face" });
  const pill = h("span", { class: "pill", role: "status" });
  const name = h("h2", {}, title);
  const who = h("div", { class: "who" });
  const element = h("section", { class: "phone", "aria-label": title, "data-role": role },
    h("header", {}, h("div", {}, name, who), pill), face, log.element);
  log.element.append(button("Lose the connection", "quiet small", () => connection?.lose()));
  const phone = { element, socket: null, person: null, show, state };
  let connection = null;
  let stop = null;

  /** Put something on the phone's face. */
  function show(...children) {
    face.replaceChildren(...children);
  }

  function state(word) {
    pill.textContent = WORDS[word];
    pill.dataset.state = word;
  }

  function use(person) {
    stop?.();
    connection?.leave();
    phone.person = person;
    if (!people.length) who.replaceChildren(h("p", {}, person.name));
    connection = connect(namespace, open ? null : person.token, log, (word, words) => {
      state(word);
      if (word === "connecting") show(h("p", { class: "empty" }, "Connecting…"));
      if (word === "away") stop?.();
      if (word === "refused") show(h("p", { class: "problem", role: "alert" }, words), again());
    });
    phone.socket = connection.socket;
    stop = start(phone);
  }

  function again() {
    return people.length ? "" : askForToken(asked, title, use);
  }

  state("absent");
  if (people.length) {
    const begin = people[first % people.length];
    who.append(choice(people, begin, `Who is at: ${title}`, use));
    queueMicrotask(() => use(begin));
  } else {
    show(askForToken(asked, title, use));
  }
  return phone;
}

/** Initials in a circle. */
export function avatar(name, kind = "") {
  const initials = name.split(/\s+/).slice(0, 2).map((word) => word[0] ?? "").join("").toUpperCase();
  return h("span", { class: `avatar ${kind}`, "aria-hidden": "true" }, initials);
}
