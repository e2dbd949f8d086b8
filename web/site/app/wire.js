// A connection of one person, and the log of every frame on it.

import { io } from "/vendor/socket.io.esm.min.js";
import { h, warn } from "./dom.js";

const TYPES = ["open", "close", "ping", "pong", "message", "upgrade", "noop"];
const KEPT = 80;
const SLOW_MS = 6000;
/** A list is up to date a moment after the event, which may have gone out just before the page could be reached. */
const LIST_MS = 3000;
const LOST = 3001; // a page may close with 1000, which is a goodbye, or with a code from 3000 on
const AWAY = "The stack does not answer. Start it with make run, or check the network: this page goes on by itself.";

/** Long strings, tokens above all, cut short. */
function short(text) {
  return text.replace(/"([^"]{60})[^"]{12,}"/g, '"$1…"');
}

/** A log of frames: `log.element`, `log.add("out", "42/user,[…]")`. */
export function makeLog(name) {
  const list = h("ol", {});
  const scroll = h("div", { class: "frames", role: "log", "aria-live": "off", "aria-label": `Frames of ${name}`, tabindex: "0" }, list);
  const empty = h("li", { class: "none" }, "Nothing yet.");
  list.append(empty);
  return {
    element: h("details", { class: "wire", open: true }, h("summary", {}, "On the wire"), scroll),
    add(direction, text) {
      empty.remove();
      const time = new Date().toLocaleTimeString([], { hour12: false });
      const quiet = text.length === 1 ? " quiet" : "";
      list.append(h("li", { class: direction + quiet },
        h("span", { class: "way", title: direction === "out" ? "sent" : "received" }, direction === "out" ? "↑" : "↓"),
        h("code", {}, short(text)), h("time", {}, time)));
      while (list.children.length > KEPT) list.firstChild.remove();
      scroll.scrollTop = scroll.scrollHeight;
    },
  };
}

/**
 * Connect somebody: an ordinary socket.io-client socket. `onstate` hears "connecting", "online",
 * "away" and, with the stack's own words, "refused". `lose()` ends the connection as a network
 * does that fails: without a goodbye.
 */
export function connect(namespace, token, log, onstate) {
  const socket = io(namespace, {
    forceNew: true, auth: token ? { token } : {}, reconnectionDelayMax: 5000,
  });
  const key = Symbol(namespace);
  const watch = (engine) => {
    engine.on("packet", ({ type, data }) => log.add("in", TYPES.indexOf(type) + (data ?? "")));
    engine.on("packetCreate", ({ type, data }) => log.add("out", TYPES.indexOf(type) + (data ?? "")));
  };
  watch(socket.io.engine);
  socket.io.on("reconnect_attempt", () => setTimeout(() => watch(socket.io.engine)));
  socket.on("connect", () => {
    warn(key);
    onstate("online");
  });
  socket.on("disconnect", (reason) => {
    if (reason === "io client disconnect") return;
    log.add("in", `connection lost: ${reason}`);
    const closed = reason === "io server disconnect";
    if (!closed) warn(key, AWAY);
    onstate(closed ? "refused" : "away", closed ? "The stack has closed this session." : "");
  });
  socket.on("connect_error", (error) => {
    if (socket.active) warn(key, AWAY);
    if (!socket.active) clearTimeout(slow);
    onstate(socket.active ? "away" : "refused", error.message);
  });
  const slow = setTimeout(() => !socket.connected && warn(key, AWAY), SLOW_MS);
  onstate("connecting");
  return {
    socket,
    lose() {
      const { ws } = socket.io.engine?.transport ?? {};
      ws?.close(LOST, "lost");
    },
    leave() {
      clearTimeout(slow);
      warn(key);
      socket.disconnect();
    },
  };
}

/** Do something whenever a socket connects, and once `again` a moment later. Returns what stops that. */
export function onArrival(socket, work) {
  let later = null;
  socket.on("connect", () => {
    clearTimeout(later);
    work(false);
    later = setTimeout(work, LIST_MS, true);
  });
  return () => clearTimeout(later);
}
