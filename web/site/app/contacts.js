// The telecallers whom a user may call. A row stays in its place while it is shown, so that the focus stays on it.

import { get } from "./api.js";
import { button, h } from "./dom.js";
import { avatar } from "./phone.js";

const MOST = 8;
const WORDS = { ONLINE: "online", ON_CALL: "on a call", OFFLINE: "offline" };

/** `known`: `{ id, name }` of those who are always shown. `oncall(id, name, callType)`: a button was pressed. */
export function makeContacts(known, oncall) {
  const list = h("ul", { class: "contacts" });
  const more = h("p", { class: "note" });
  const rows = new Map();
  const others = new Set();
  let touched = new Set();
  known.forEach(({ id, name }) => set(id, name, null));

  function makeRow(id, name) {
    const face = avatar(name);
    const words = h("span", { class: "note" });
    const element = h("li", {}, face, h("div", {}, h("strong", {}, name), words),
      button("Audio", "go", () => oncall(id, name, "AUDIO")), button("Video", "go soft", () => oncall(id, name, "VIDEO")));
    return { id, name, face, words, element, presence: null };
  }

  /** Room for one more: who is offline and nobody's focus goes first. */
  function makeRoom() {
    if (rows.size < MOST) return true;
    const out = [...rows.values()].find(({ id, presence, element }) =>
      (presence ?? "OFFLINE") === "OFFLINE" && !element.contains(document.activeElement) && !known.some((one) => one.id === id));
    if (!out) return false;
    out.element.remove();
    return rows.delete(out.id);
  }

  function set(id, name, presence) {
    if (!rows.has(id) && (presence === "OFFLINE" || !makeRoom())) {
      if (presence === "OFFLINE") others.delete(id);
      else others.add(id);
    } else {
      others.delete(id);
      const row = rows.get(id) ?? makeRow(id, name ?? id);
      if (!rows.has(id)) list.append(row.element);
      rows.set(id, row);
      row.presence = presence;
      row.face.classList.toggle("here", presence === "ONLINE");
      row.words.textContent = WORDS[presence] ?? "";
    }
    const text = others.size ? `and ${others.size} more` : "";
    more.textContent = rows.size ? text : "Telecallers appear here when they come online.";
  }

  return {
    parts: [list, more],
    name: (id) => rows.get(id)?.name,
    /** A telecaller's presence has changed. */
    change(id, name, presence) {
      touched.add(id);
      set(id, name, presence);
    },
    /** Ask who is there, perhaps `again`. What has been heard since it was first asked is newer than the answer. */
    async load(token, again) {
      if (!again) touched = new Set();
      const [online, talking] = await Promise.all(["ONLINE", "ON_CALL"].map((presence) =>
        get(`/telecallers?presence=${presence}&limit=${MOST}`, token)));
      const there = new Map([...online.items, ...talking.items].map((one) => [one._id, one]));
      for (const id of [...rows.keys()]) if (!there.has(id) && !touched.has(id)) set(id, null, "OFFLINE");
      for (const { _id, name, presence } of there.values()) if (!touched.has(_id)) set(_id, name, presence);
    },
  };
}
