// The product of chat: two people in one channel.

import { tell } from "./backend.js";
import { button, h } from "./dom.js";
import { makePhone } from "./phone.js";

const CHANNEL = "lobby";
const OTHERS = new Set(["USER", "TELECALLER", "ADMIN", "CUSTOMER", "PARTNER"]);
const TYPING_MS = 2500;
const AGAIN_MS = 1200;

/** Channels come from a team's own system. Without one to play, the channel has to be there. */
function makeChannel(people) {
  const data = { channelId: CHANNEL, name: "Lobby", description: "Of the demo", private: false, members: [] };
  return tell(people, "channel.upserted", data).catch(() => {});
}

export function makeChat(root, { people }) {
  const staff = people.filter(({ role }) => !OTHERS.has(role));
  const made = makeChannel(people);
  const phones = ["One tab", "Another tab"].map((title, first) => makePhone({
    role: `CHAT-${first + 1}`, asked: "with chat permissions", title, namespace: "/", people: staff, first, open: true,
    start: (phone) => side(phone, made),
  }));
  root.append(h("div", { class: "pair" }, phones.map(({ element }) => element)));
}

function side(phone, made) {
  const { socket } = phone;
  const list = h("ol", {});
  const log = h("div", { class: "messages", role: "log", "aria-label": "Messages", tabindex: "0" }, list);
  const hint = h("p", { class: "note hint", role: "status" });
  const input = h("input", { "aria-label": "Message", placeholder: "Write to #lobby", autocomplete: "off", maxlength: "8000" });
  const form = h("form", { class: "write", onsubmit: send }, input, h("button", { class: "go" }, "Send"));
  let typing = null;
  let hints = null;
  let tries = 3;

  function say(text) {
    clearTimeout(hints);
    hint.textContent = text;
    if (text) hints = setTimeout(() => (hint.textContent = ""), TYPING_MS * 2);
  }

  function stopTyping() {
    if (!typing) return;
    clearTimeout(typing);
    typing = null;
    socket.emit("chat:typing", { channelId: CHANNEL, isTyping: false });
  }

  function send(event) {
    event.preventDefault();
    const message = input.value.trim();
    if (!message) return;
    stopTyping();
    socket.emit("chat:send_message", { channelId: CHANNEL, message, messageType: "text", replyToId: null });
    input.value = "";
  }

  input.addEventListener("input", () => {
    if (!typing) socket.emit("chat:typing", { channelId: CHANNEL, isTyping: true });
    clearTimeout(typing);
    typing = setTimeout(stopTyping, TYPING_MS);
  });

  /** Whoever comes back joins again: the channel is the connection's. */
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

  function ready() {
    tries = 3;
    phone.state("online");
    phone.show(h("div", { class: "chat" }, log, hint, form));
  }

  socket.on("connect", () => {
    phone.state("connecting");
    phone.show(h("p", { class: "empty" }, "Joining #lobby…"));
    socket.emit("authenticate", phone.person.token);
  });
  socket.on("authenticated", join);
  socket.on("auth:error", (message) => {
    phone.state("refused");
    phone.show(h("p", { class: "problem", role: "alert" }, message));
  });
  socket.on("chat:error", (message) => say(String(message)));
  socket.on("chat:new_message", ({ userId, userDisplayName, message, timestamp }) => {
    const own = userId === phone.person.id;
    const time = new Date(timestamp).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    list.append(h("li", { class: own ? "own" : "" }, h("span", { class: "note" }, own ? time : `${userDisplayName}, ${time}`), h("p", {}, message)));
    log.scrollTop = log.scrollHeight;
    if (!own) say("");
  });
  socket.on("chat:user_typing", ({ userId, userDisplayName, isTyping }) => {
    if (userId !== phone.person.id) say(isTyping ? `${userDisplayName} is writing…` : "");
  });
  socket.on("user_joined", ({ userDisplayName }) => say(`${userDisplayName} has joined.`));
  socket.on("user_left", ({ userDisplayName }) => say(`${userDisplayName} has left.`));
  return () => {
    clearTimeout(typing);
    clearTimeout(hints);
    typing = null;
  };
}
