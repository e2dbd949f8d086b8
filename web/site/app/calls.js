// The product of calls: a user on the left, a telecaller on the right.

import { get, post } from "./api.js";
import { makeContacts } from "./contacts.js";
import { button, clock, everySecond, h } from "./dom.js";
import { avatar, makePhone } from "./phone.js";
import { startRinging } from "./ring.js";
import { joinRoom } from "./room.js";
import { onArrival } from "./wire.js";

const ANSWER_MS = 10_000;
const NO_ANSWER = "The stack does not answer. Try again.";

/** Both phones. */
export function makeCalls(root, { people, ringSeconds }) {
  const of = (role) => people.filter((person) => person.role === role);
  const user = makePhone({
    role: "USER", title: "User", namespace: "/user", people: of("USER"),
    start: (phone) => userSide(phone, of("TELECALLER"), ringSeconds),
  });
  const telecaller = makePhone({
    role: "TELECALLER", title: "Telecaller", namespace: "/telecaller", people: of("TELECALLER"),
    start: (phone) => telecallerSide(phone, ringSeconds),
  });
  root.append(h("div", { class: "pair" }, user.element, telecaller.element));
}

/** What this page knows of a call: who the other is, and that the page has been in the room. */
const memory = {
  keep: (callId, facts) => sessionStorage.setItem(`call ${callId}`, JSON.stringify({ ...memory.of(callId), ...facts })),
  of: (callId) => JSON.parse(sessionStorage.getItem(`call ${callId}`) ?? "{}"),
};

/** What both sides do alike: a face at a time, each with something to stop when it goes. */
function faces(phone, idle) {
  let stops = [];
  let turns = 0;
  const clear = () => {
    stops.forEach((stop) => stop());
    stops = [];
  };
  const go = (word, build) => {
    clear();
    turns += 1;
    phone.state(word);
    phone.show(...build((stop) => stops.push(stop)));
  };
  const face = {
    clear,
    go,
    /** A call in progress: time, room, and the way out. */
    talk({ name, callId, callType, livekit, before = false, begin = Date.now() }) {
      memory.keep(callId, { before: before || Boolean(livekit) });
      go("on call", (later) => {
        const time = h("p", { class: "timer", role: "timer" });
        later(everySecond(() => (time.textContent = clock(Math.max(0, Date.now() - begin) / 1000))));
        const fresh = () => {
          memory.keep(callId, { before: true });
          return post(`/calls/${callId}/credentials`, phone.person.token);
        };
        const room = joinRoom({ livekit, fresh, before }, callType === "VIDEO");
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
    ring({ title, name, note, seconds, begin = Date.now(), actions, sound = () => () => {} }) {
      go("ringing", (later) => {
        later(sound());
        const left = h("span", {});
        const bar = h("progress", { max: seconds, "aria-label": "Time left to answer" });
        const end = begin + seconds * 1000;
        later(everySecond(() => {
          const rest = Math.max(0, Math.ceil((end - Date.now()) / 1000));
          left.textContent = `${rest} s`;
          bar.value = rest;
        }));
        return [avatar(name, "pulse"), h("p", { class: "over", role: "alert" }, `${title} ${name}`),
          h("p", { class: "note" }, note, left), bar, h("div", { class: "actions" }, actions)];
      });
    },
    /** Show the call that goes on, if there is one, and `over()` otherwise. What happens meanwhile is newer. */
    async resume(ringing, over) {
      const before = turns;
      const { items } = await get("/calls", phone.person.token);
      if (turns !== before) return;
      const call = items.find(({ product, endedAt }) => product === "calls" && !endedAt);
      if (!call) return over();
      const known = memory.of(call.callId);
      if (call.status === "RINGING") ringing({ ...call, ...known, begin: Date.parse(call.startedAt) });
      else face.talk({ name: "The other side", ...call, ...known, begin: Date.parse(call.acceptedAt) });
    },
  };
  return face;
}

function userSide(phone, telecallers, ringSeconds) {
  const { socket } = phone;
  const contacts = makeContacts(telecallers, initiate);
  let call = null, withdrawn = false;
  const face = faces(phone, idle);

  function idle(news = "", bad = false) {
    call = null;
    face.go(socket.connected ? "online" : "connecting", () => [
      h("p", { class: bad ? "news problem" : "news", role: "status" }, news || "Whom do you want to call?"), ...contacts.parts,
    ]);
  }

  function initiate(telecallerId, name, callType) {
    const attempt = { callType, name };
    [call, withdrawn] = [attempt, false];
    const giveUp = () => {
      withdrawn = true;
      idle("You cancelled the call.");
    };
    face.go("calling", () => [avatar(name), h("p", { class: "over", role: "status" }, `Calling ${name}…`),
      h("div", { class: "actions" }, button("Cancel", "stop", giveUp))]);
    socket.timeout(ANSWER_MS).emit("call:initiate", { telecallerId, callType }, (failed, answer) => {
      if (failed && call === attempt && !call.callId) idle(NO_ANSWER, true);
      if (!withdrawn || !answer?.callId) return;
      socket.emit("call:cancel", { callId: answer.callId });
      withdrawn = false;
    });
  }

  function ringing({ callId, callType, name, begin }) {
    call = { callId, callType, name };
    const cancel = () => {
      socket.emit("call:cancel", { callId });
      idle("You cancelled the call.");
    };
    face.ring({ title: "Calling", name, note: `${callType.toLowerCase()} call, `, seconds: ringSeconds, begin,
      actions: button("Cancel", "stop", cancel) });
  }

  /** What the stack refuses is no reason to lose sight of a call that goes on. */
  function refused(message) {
    const over = () => idle(message, true);
    if (call?.callId) return;
    if (/active call/.test(message)) look(over);
    else over();
  }

  const look = (over) => face.resume(
    (running) => ringing({ name: contacts.name(running.telecallerId) ?? "a telecaller", ...running }), over,
  ).catch(({ message }) => idle(message, true));

  const loadContacts = (again) =>
    contacts.load(phone.person.token, again).catch(({ message }) => call || idle(message, true));

  const later = onArrival(socket, (again) => {
    loadContacts(again);
    if (again) return;
    if (!call) idle();
    look(() => call?.callId && idle("The call is over."));
  });
  socket.on("telecaller:presence-changed", ({ telecallerId, presence, telecaller }) =>
    contacts.change(telecallerId, telecaller?.name, presence));
  socket.on("call:ringing", ({ callId, telecaller: { name } }) => {
    const { callType = "AUDIO" } = call ?? {};
    memory.keep(callId, { name });
    if (!withdrawn) ringing({ callId, callType, name });
  });
  socket.on("call:accepted", ({ callId, livekit }) => {
    call = { callType: "AUDIO", name: "Telecaller", ...call, ...memory.of(callId), callId, livekit };
    face.talk(call);
  });
  socket.on("call:rejected", () => idle(`${call?.name ?? "The telecaller"} is not available just now.`));
  socket.on("call:missed", () => idle(`${call?.name ?? "The telecaller"} did not answer.`));
  socket.on("call:ended", () => idle("The other side hung up."));
  for (const event of ["call:error", "error"]) socket.on(event, ({ message }) => refused(message));
  return () => {
    later();
    face.clear();
  };
}

function telecallerSide(phone, ringSeconds) {
  const { socket } = phone;
  let call = null;
  const face = faces(phone, idle);

  function idle(news = "", bad = false) {
    call = null;
    face.go(socket.connected ? "online" : "connecting", () => [
      h("p", { class: bad ? "news problem" : "news", role: "status" }, news || "Waiting for calls."),
      h("p", { class: "empty" }, "Call from the user's phone: this one rings."),
    ]);
  }

  function ringing({ callId, callType, name = "a user", begin }) {
    call = { callId, name };
    const reject = () => {
      socket.emit("call:reject", { callId });
      idle(`You rejected ${name}.`);
    };
    face.ring({ title: "Call from", name, note: `${callType.toLowerCase()} call, `, seconds: ringSeconds, begin, sound: startRinging,
      actions: [button("Accept", "go", () => socket.emit("call:accept", { callId })), button("Reject", "stop", reject)] });
    phone.element.querySelector(".actions").scrollIntoView({ block: "nearest" });
  }

  socket.on("connect", () => {
    if (!call) idle();
    face.resume(ringing, () => call && idle("The call is over.")).catch(({ message }) => idle(message, true));
  });
  socket.on("call:incoming", ({ callId, callType, caller: { name } }) => {
    memory.keep(callId, { name });
    ringing({ callId, callType, name });
  });
  socket.on("call:accepted", ({ callId, callType, caller: { name }, livekit }) => {
    memory.keep(callId, { name });
    call = { callId, callType, name, livekit };
    face.talk(call);
  });
  socket.on("call:cancelled", () => idle(`${call?.name ?? "The user"} cancelled.`));
  socket.on("call:missed", () => idle(`Missed call from ${call?.name ?? "a user"}.`));
  socket.on("call:ended", () => idle("The other side hung up."));
  socket.on("error", ({ message }) => idle(message, true));
  return face.clear;
}
