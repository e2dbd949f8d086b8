// The product of calls: a user on the left, a telecaller on the right.

import { button, clock, everySecond, h } from "./dom.js";
import { avatar, makePhone } from "./phone.js";
import { startRinging } from "./ring.js";
import { joinRoom } from "./room.js";

/** Both phones. The user connects first, so that it hears of the telecaller coming online. */
export function makeCalls(root, { people, ringSeconds }) {
  const of = (role) => people.filter((person) => person.role === role);
  const contacts = new Map(of("TELECALLER").map(({ id, name }) => [id, { name, presence: null }]));
  const user = makePhone({
    role: "USER", title: "User", namespace: "/user", people: of("USER"),
    start: (phone) => userSide(phone, contacts, ringSeconds),
  });
  const telecaller = makePhone({
    role: "TELECALLER", title: "Telecaller", namespace: "/telecaller", people: of("TELECALLER"),
    start: (phone) => telecallerSide(phone, ringSeconds),
  });
  root.append(h("div", { class: "pair" }, user.element, telecaller.element));
}

/** What both sides do alike: a face at a time, each with something to stop when it goes. */
function faces(phone, idle) {
  let stops = [];
  const clear = () => {
    stops.forEach((stop) => stop());
    stops = [];
  };
  const go = (word, build) => {
    clear();
    phone.state(word);
    phone.show(...build((stop) => stops.push(stop)));
  };
  return {
    clear,
    go,
    /** A call in progress: time, room, and the way out. */
    talk(name, callId, callType, livekit) {
      go("on call", (later) => {
        const begin = Date.now();
        const time = h("p", { class: "timer", role: "timer" });
        later(everySecond(() => (time.textContent = clock((Date.now() - begin) / 1000))));
        const room = joinRoom(livekit, callType === "VIDEO");
        later(() => room.leave());
        const hangUp = () => {
          phone.socket.emit("call:end", { callId });
          idle(`Call ended after ${clock((Date.now() - begin) / 1000)}.`);
        };
        return [avatar(name), h("p", { class: "name" }, name), time, room.element,
          h("div", { class: "actions" }, button("Hang up", "stop", hangUp))];
      });
    },
    /** Something rings: a bar that runs out, and what can be done about it. */
    ring(title, name, note, seconds, actions, sound = () => () => {}) {
      go("ringing", (later) => {
        later(sound());
        const left = h("span", {});
        const bar = h("progress", { max: seconds, "aria-label": "Time left to answer" });
        const end = Date.now() + seconds * 1000;
        later(everySecond(() => {
          const rest = Math.max(0, Math.ceil((end - Date.now()) / 1000));
          left.textContent = `${rest} s`;
          bar.value = rest;
        }));
        return [avatar(name, "pulse"), h("p", { class: "over", role: "alert" }, `${title} ${name}`),
          h("p", { class: "note" }, note, left), bar, h("div", { class: "actions" }, actions)];
      });
    },
  };
}

function userSide(phone, contacts, ringSeconds) {
  const { socket } = phone;
  let call = null, said = [];
  const face = faces(phone, idle);

  function idle(news = "", bad = false) {
    [call, said] = [null, [news, bad]];
    face.go(socket.connected ? "online" : "connecting", () => [
      h("p", { class: bad ? "news problem" : "news", role: "status" }, news || "Whom do you want to call?"),
      contacts.size
        ? h("ul", { class: "contacts" }, [...contacts].map(contact))
        : h("p", { class: "empty" }, "Telecallers appear here when they come online."),
    ]);
  }

  function contact([id, { name, presence }]) {
    const words = { ONLINE: "online", ON_CALL: "on a call", OFFLINE: "offline" }[presence] ?? "not heard of yet";
    return h("li", {}, avatar(name, presence === "ONLINE" ? "here" : ""),
      h("div", {}, h("strong", {}, name), h("span", { class: "note" }, words)),
      button("Audio", "go", () => initiate(id, "AUDIO")), button("Video", "go soft", () => initiate(id, "VIDEO")));
  }

  function initiate(telecallerId, callType) {
    call = { callType, name: contacts.get(telecallerId).name };
    socket.emit("call:initiate", { telecallerId, callType });
  }

  socket.on("connect", () => idle());
  socket.on("telecaller:presence-changed", ({ telecallerId, presence, telecaller }) => {
    const known = contacts.get(telecallerId);
    contacts.set(telecallerId, { name: telecaller?.name ?? known?.name ?? telecallerId, presence });
    if (!call) idle(...said); // who comes and goes does not wipe the last news
  });
  socket.on("call:ringing", ({ callId, telecaller }) => {
    call = { callType: "AUDIO", ...call, callId, name: telecaller.name };
    const cancel = () => {
      socket.emit("call:cancel", { callId });
      idle("You cancelled the call.");
    };
    face.ring("Calling", telecaller.name, `${call.callType.toLowerCase()} call, `, ringSeconds,
      button("Cancel", "stop", cancel));
  });
  socket.on("call:accepted", ({ callId, livekit }) =>
    face.talk(call?.name ?? "Telecaller", callId, call?.callType, livekit));
  socket.on("call:rejected", () => idle(`${call?.name} is not available just now.`));
  socket.on("call:missed", () => idle(`${call?.name} did not answer.`));
  socket.on("call:ended", () => idle("The other side hung up."));
  for (const event of ["call:error", "error"]) socket.on(event, ({ message }) => idle(message, true));
  return face.clear;
}

function telecallerSide(phone, ringSeconds) {
  const { socket } = phone;
  let caller = "";
  const face = faces(phone, idle);

  function idle(news = "", bad = false) {
    face.go(socket.connected ? "online" : "connecting", () => [
      h("p", { class: bad ? "news problem" : "news", role: "status" }, news || "Waiting for calls."),
      h("p", { class: "empty" }, "Call from the user's phone: this one rings."),
    ]);
  }

  socket.on("connect", () => idle());
  socket.on("call:incoming", ({ callId, callType, caller: { name } }) => {
    caller = name;
    const reject = () => {
      socket.emit("call:reject", { callId });
      idle(`You rejected ${name}.`);
    };
    face.ring("Call from", name, `${callType.toLowerCase()} call, `, ringSeconds, [
      button("Accept", "go", () => socket.emit("call:accept", { callId })), button("Reject", "stop", reject)], startRinging);
  });
  socket.on("call:accepted", ({ callId, callType, caller: { name }, livekit }) =>
    face.talk(name, callId, callType, livekit));
  socket.on("call:cancelled", () => idle(`${caller} cancelled.`));
  socket.on("call:missed", () => idle(`Missed call from ${caller}.`));
  socket.on("call:ended", () => idle("The other side hung up."));
  socket.on("error", ({ message }) => idle(message, true));
  return face.clear;
}
