// The product of chat: two people in one channel.

import { get } from "./api.js";
import { tell } from "./backend.js";
import { button, h } from "./dom.js";
import { makePhone } from "./phone.js";

const CHANNEL = "lobby";
const OTHERS = new Set(["USER", "TELECALLER", "ADMIN", "CUSTOMER", "PARTNER"]);
const TYPING_MS = 2500;
const AGAIN_MS = 1200;
const ANSWER_MS = 10_000;
const HISTORY = 30;
/** A text behind all times. */
const LATER = "~";

/** Channels come from a team's own system. Without one to play, the channel has to be there. */
function makeChannel(people) {
  const data = { channelId: CHANNEL, name: "Lobby", description: "Of the demo", private: false, members: [] };
  return tell(people, "channel.upserted", data).catch(() => {});
}

export function makeChat(root, { people }) {
  const staff = people.filter(({ role }) => !OTHERS.has(role));
  const names = new Map(staff.map(({ id, name }) => [id, name]));
  const made = makeChannel(people);
  const phones = ["One tab", "Another tab"].map((title, first) => makePhone({
    role: `CHAT-${first + 1}`, asked: "with chat permissions", title, namespace: "/", people: staff, first, open: true,
    start: (phone) => side(phone, made, new Map(names)),
  }));
  root.append(h("div", { class: "pair" }, phones.map(({ element }) => element)));
}

/** The messages of the channel, and those that wait until they can be sent. */
function makeMessages(phone) {
  const list = h("ol", {});
  const element = h("div", { class: "messages", role: "log", "aria-label": "Messages", tabindex: "0" }, list);
  const empty = h("li", { class: "none note" }, "No messages yet. Write the first one.");
  const shown = new Set();

  /** Show a line in the order of the times `at`, which are texts: events may arrive in another order. */
  function line(own, note, text, at) {
    empty.remove();
    const item = h("li", { class: own ? "own" : "", "data-at": at }, h("span", { class: "note" }, note), h("p", {}, text));
    list.insertBefore(item, [...list.children].find(({ dataset }) => dataset.at > at) ?? null);
    element.scrollTop = element.scrollHeight;
    return item;
  }

  return {
    element,
    add({ id, userId, userDisplayName, message, timestamp }) {
      if (shown.has(id)) return;
      shown.add(id);
      const own = userId === phone.person.id;
      const time = new Date(timestamp).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
      line(own, own ? time : `${userDisplayName}, ${time}`, message, timestamp);
    },
    /** One's own message on its way; the returned function takes it away. */
    wait(text) {
      const item = line(true, "not sent yet", text, LATER);
      return () => item.remove();
    },
    /** Nothing at all is a state, too. */
    settle: () => list.children.length || list.append(empty),
  };
}

/** Who belongs here, those who are online first. People who are not known yet join the list as they come. */
function makeMembers(names, me) {
  const count = h("span", { class: "note" });
  const list = h("ul", {});
  const element = h("div", { class: "members" }, count, list);
  const online = new Set();

  function show() {
    const known = [...names].map(([id, name]) => ({ id, name, there: online.has(id) }));
    known.sort((one, other) => other.there - one.there || one.name.localeCompare(other.name));
    count.textContent = `${online.size} online`;
    list.replaceChildren(...known.map(({ id, name, there }) => h("li", { class: there ? "there" : "", title: there ? `${name} is online` : `${name} is offline` },
      id === me ? `${name} (you)` : name, h("span", { class: "unseen" }, there ? ", online" : ", offline"))));
  }

  show();
  return {
    element,
    change(id, name, there) {
      if (name || !names.has(id)) names.set(id, name ?? id);
      if (there) online.add(id);
      else online.delete(id);
      show();
    },
  };
}

function side(phone, made, names) {
  const { socket } = phone;
  const messages = makeMessages(phone);
  const members = makeMembers(names, phone.person.id);
  const hint = h("p", { class: "note hint", role: "status" });
  const input = h("input", { "aria-label": "Message", placeholder: "Write to #lobby", autocomplete: "off", maxlength: "8000" });
  const form = h("form", { class: "write", onsubmit: send }, input, h("button", { class: "go" }, "Send"));
  const waiting = [];
  let typing = null, hints = null, joined = false, sending = false, tries = 3;

  function say(text) {
    clearTimeout(hints);
    hint.textContent = text;
    if (text) hints = setTimeout(() => (hint.textContent = ""), TYPING_MS * 2);
  }

  function stopTyping() {
    if (!typing) return;
    clearTimeout(typing);
    typing = null;
    socket.volatile.emit("chat:typing", { channelId: CHANNEL, isTyping: false });
  }

  function send(event) {
    event.preventDefault();
    const message = input.value.trim();
    if (!message) return;
    stopTyping();
    waiting.push({ message, remove: messages.wait(message) });
    input.value = "";
    sendNext();
  }

  /** Send what waits, one after the other: what has no answer stays for the next time. */
  function sendNext() {
    if (!joined || sending || !waiting.length) return;
    const [{ message, remove }] = waiting;
    sending = true;
    socket.timeout(ANSWER_MS).emit("chat:send_message", { channelId: CHANNEL, message, messageType: "text", replyToId: null }, (failed, answer) => {
      sending = false;
      if (failed) return;
      waiting.shift();
      remove();
      if (answer?.error) input.value = input.value || message;
      sendNext();
    });
  }

  input.addEventListener("input", () => {
    if (!typing) socket.volatile.emit("chat:typing", { channelId: CHANNEL, isTyping: true });
    clearTimeout(typing);
    typing = setTimeout(stopTyping, TYPING_MS);
  });

  /** A connection that comes back joins again: the channel is the connection's. */
  async function join() {
    await made;
    socket.emit("join_channel", CHANNEL, (answer) => {
      if (!answer?.error) return ready();
      // What a team's system tells is handled a moment later.
      if (--tries) return void setTimeout(join, AGAIN_MS);
      phone.show(h("p", { class: "problem", role: "alert" }, answer.error.message), button("Try again", "go soft", () => {
        tries = 3;
        join();
      }));
    });
  }

  async function ready() {
    tries = 3;
    joined = true;
    phone.state("online");
    if (!form.isConnected) phone.show(h("div", { class: "chat" }, members.element, messages.element, hint, form));
    socket.emit("presence:get_online_users", (users) => users.error || users.forEach(({ userId }) => members.change(userId, null, true)));
    try {
      const { items } = await get(`/channels/${CHANNEL}/messages?limit=${HISTORY}`, phone.person.token);
      items.reverse().forEach(messages.add);
    } catch ({ message }) {
      say(message);
    }
    messages.settle();
    sendNext();
  }

  socket.on("connect", () => {
    phone.state("connecting");
    if (!form.isConnected) phone.show(h("p", { class: "empty" }, "Joining #lobby…"));
    socket.emit("authenticate", phone.person.token);
  });
  socket.on("disconnect", () => (joined = false));
  socket.on("authenticated", join);
  socket.on("auth:error", (message) => {
    phone.state("refused");
    phone.show(h("p", { class: "problem", role: "alert" }, message));
  });
  socket.on("chat:error", (message) => say(String(message)));
  socket.on("chat:new_message", (message) => {
    messages.add(message);
    if (message.userId !== phone.person.id) say("");
  });
  socket.on("chat:user_typing", ({ userId, userDisplayName, isTyping }) => {
    if (userId !== phone.person.id) say(isTyping ? `${userDisplayName} is writing…` : "");
  });
  socket.on("presence_updated", ({ userId, userDisplayName, status }) => members.change(userId, userDisplayName, status !== "offline"));
  socket.on("user_joined", ({ userDisplayName }) => say(`${userDisplayName} has joined.`));
  socket.on("user_left", ({ userDisplayName }) => say(`${userDisplayName} has left.`));
  return () => {
    clearTimeout(typing);
    clearTimeout(hints);
    typing = null;
  };
}
