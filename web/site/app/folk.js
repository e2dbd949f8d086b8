// The console's page of people: find a person or a call, see what is known, suspend and approve.

import { ask, find, path } from "./admin.js";
import { auditList } from "./auditlog.js";
import { confirmed } from "./confirm.js";
import { endCall, OVER } from "./desk.js";
import { button, h } from "./dom.js";
import { makeList } from "./list.js";
import { duration, label, moment, person, words } from "./words.js";

const CALL_ID = /^[0-9a-f]{24}$/;

/** What can be done to an account, by the status that it has. */
const ACTIONS = [
  { when: ({ accountStatus }) => accountStatus === "ACTIVE", verb: "suspend", name: "Suspend", kind: "stop",
    text: (name) => `${name} is signed out everywhere within seconds, and cannot connect any more.`, done: "is suspended" },
  { when: ({ accountStatus }) => accountStatus === "SUSPENDED", verb: "activate", name: "End the suspension", kind: "go",
    text: (name) => `${name} can connect again.`, done: "is active again" },
  { when: ({ role, approvalStatus }) => role === "TELECALLER" && approvalStatus !== "APPROVED", verb: "approve", name: "Approve", kind: "go",
    text: (name) => `${name} can connect, is listed, and can be called.`, done: "is approved" },
  { when: ({ role, approvalStatus }) => role === "TELECALLER" && approvalStatus !== "REJECTED", verb: "reject", name: "Reject", kind: "stop",
    text: (name) => `${name} is signed out as a telecaller within seconds, and is neither listed nor called.`, done: "is rejected" },
];

function facts(entries) {
  return h("dl", { class: "facts" }, entries.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

/** The page; `say(text)` tells what was done. */
export function makeFolk(panel, { say, soon }) {
  const input = h("input", { id: "find", autocomplete: "off", spellcheck: "false", placeholder: "Ann, or an id", maxlength: "128", required: true });
  const form = h("form", { class: "search", role: "search", onsubmit: search },
    h("label", { for: "find" }, "The beginning of a name, a person's id, or a call's id"),
    h("div", {}, input, h("button", { class: "go" }, "Find")));
  const results = h("div", {});
  panel.replaceChildren(h("section", { class: "card", "aria-label": "Find" }, form), results);
  let shown = null;

  async function search(event) {
    event.preventDefault();
    const text = input.value.trim();
    if (!text) return;
    location.hash = "people";
    shown = null;
    results.replaceChildren(h("p", { class: "card empty", role: "status" }, "Looking…"));
    try {
      const [account, call, named] = await Promise.all([
        find(path("/accounts/{id}", text)), CALL_ID.test(text) ? find(path("/calls/{id}", text)) : null,
        find(path("/accounts", "", { name: text })),
      ]);
      const others = (named?.items ?? []).filter(({ _id }) => _id !== account?._id);
      if (call) return void showCall(call);
      const all = account ? [account, ...others] : others;
      if (all.length === 1) return void (location.hash = `people/${encodeURIComponent(all[0]._id)}`);
      results.replaceChildren(h("section", { class: "card", "aria-label": "Found" },
        all.length ? foundList(all) : h("p", { class: "empty", role: "status" }, `No person and no call is known as “${text}”.`),
        named?.cursor ? h("p", { class: "note" }, "There are more. Type more of the name.") : ""));
    } catch (error) {
      failed(error);
    }
  }

  function foundList(accounts) {
    return h("ul", { class: "found" }, accounts.map((one) => h("li", {}, person(one._id, one.name),
      h("span", { class: "note" }, words(one.role)), one.accountStatus === "ACTIVE" ? "" : label(one.accountStatus), h("code", {}, one._id))));
  }

  function failed(error) {
    results.replaceChildren(h("p", { class: "card problem", role: "alert" }, `This cannot be loaded: ${error.message}`));
  }

  function showCall(call) {
    const running = !call.endedAt;
    const log = auditList({ subjectId: call.callId });
    results.replaceChildren(
      h("section", { class: "card", "aria-label": "The call" },
        h("div", { class: "head" }, h("h2", {}, "Call"), label(call.status)),
        facts([["Id", h("code", {}, call.callId)], ["User", person(call.userId)], ["Telecaller", person(call.telecallerId)], ["Type", words(call.callType)],
          ["Began", moment(call.startedAt)], ["Answered", call.acceptedAt && moment(call.acceptedAt)], ["Ended", call.endedAt && moment(call.endedAt)],
          ["Lasted", call.acceptedAt && duration(call.durationSeconds)], ["Coins", call.acceptedAt && String(call.coins)]]),
        running ? h("div", { class: "actions" }, button("End the call", "stop", async () => {
          const done = await endCall(call);
          if (!done) return;
          say(`The call is ${words(done.status)}.`);
          showCall(done);
        })) : ""),
      h("section", { class: "card", "aria-label": "Audit log of the call" }, h("h2", {}, "What admins have done"), log.element));
    shown = log;
    log.refresh().catch(() => {});
  }

  async function showPerson(id) {
    results.replaceChildren(h("p", { class: "card empty", role: "status" }, "Loading…"));
    shown = makePerson(id, say, soon);
    try {
      await shown.refresh();
      results.replaceChildren(...shown.parts);
    } catch (error) {
      failed(error);
    }
  }

  return {
    /** Show the person whom the address names. */
    open: (id) => id ? void showPerson(id) : shown?.parts && (results.replaceChildren(), (shown = null)),
    refresh: async () => shown?.refresh(),
  };
}

/** All that is known of a person: `{ parts, refresh }`. */
function makePerson(id, say, soon) {
  const about = h("section", { class: "card", "aria-label": "The person" });
  const calls = makeList({
    label: "Calls of this person", empty: "No calls.", columns: OVER,
    key: ({ callId, status }) => `${callId} ${status}`,
    load: (cursor) => ask(path("/admin/calls", "", { userId: id, cursor })),
  });
  const log = auditList({ subjectId: id });
  let seen = "";

  function show(account, sessions) {
    const { name } = account;
    const online = sessions.items.map(({ namespace, devices }) => `${namespace}: ${devices} ${devices === 1 ? "device" : "devices"}`).join(", ");
    const rates = Object.entries(account.rates).map(([type, rate]) => `${words(type)} ${rate}`).join(", ");
    const actions = ACTIONS.filter(({ when }) => when(account)).map((one) => button(one.name, one.kind, async () => {
      const done = await confirmed({ title: `${one.name}: ${name}?`, text: one.text(name), action: one.name, kind: one.kind, path: path(`/accounts/{id}/${one.verb}`, id) });
      if (!done) return;
      say(`${name} ${one.done}.`);
      await refresh();
      soon();
    }));
    about.replaceChildren(
      h("div", { class: "head" }, h("h2", { tabindex: "-1" }, name),
        h("span", { class: "labels" }, label(account.accountStatus), account.role === "TELECALLER" ? label(account.approvalStatus) : "")),
      facts([["Id", h("code", {}, id)], ["Role", words(account.role)], ["Online", online || "no"], ["Balance", `${account.coins} coins`],
        ["Coins a minute", rates], ["Language", account.language], ["About", account.about], ["Permissions", (account.permissions ?? []).join(", ")]]),
      h("div", { class: "actions" }, actions));
  }

  async function refresh() {
    const [account, sessions] = await Promise.all([ask(path("/accounts/{id}", id)), ask(path("/accounts/{id}/sessions", id))]);
    const now = JSON.stringify([account, sessions]);
    if (now !== seen) {
      const focused = about.contains(document.activeElement);
      show(account, sessions);
      if (focused) about.querySelector("h2").focus();
    }
    seen = now;
    await Promise.all([calls.refresh(), log.refresh()]);
  }

  const parts = [about,
    h("section", { class: "card", "aria-label": "Calls of the person" }, h("h2", {}, "Calls"), calls.element),
    h("section", { class: "card", "aria-label": "Audit log of the person" }, h("h2", {}, "What admins have done"), log.element)];
  return { parts, refresh };
}
