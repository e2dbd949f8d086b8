// The console's page of calls: how they go, which ring or go on, and which are over.

import { ask, path } from "./admin.js";
import { perDay } from "./chart.js";
import { confirmed } from "./confirm.js";
import { button, h } from "./dom.js";
import { makeList } from "./list.js";
import { age, duration, label, moment, percent, person, words } from "./words.js";

const STATS_MS = 30_000;

const NUMBERS = [
  ["Answered", "The share of the calls that were answered; below, how many calls there were", ({ answerRate }) => percent(answerRate),
    ({ calls }) => `of ${calls.toLocaleString()}`],
  ["Rang", "The median of how long the answered calls rang", ({ medianRingSeconds }) => medianRingSeconds === null ? "–" : `${medianRingSeconds} s`,
    () => "median"],
  ["Lasted", "How long the answered calls lasted", ({ averageSeconds }) => duration(averageSeconds), () => "on average"],
  ["Coins", "What users have paid", ({ coins }) => coins.toLocaleString(), () => "paid"],
];
const PERIODS = [["hour", "Last hour"], ["day", "Today (UTC)"], ["week", "Seven days (UTC)"]];

const TYPE = { name: "Type", about: "What the call was made as", cell: ({ callType }) => words(callType) };
const FROM = { name: "User", about: "Who has called", cell: ({ userId, userName }) => person(userId, userName) };
const TO = { name: "Telecaller", about: "Who was called", cell: ({ telecallerId, telecallerName }) => person(telecallerId, telecallerName) };
const STATUS = { name: "Status", about: "Whether it rings, goes on, or how it has ended", cell: ({ status }) => label(status) };
export const OVER = [
  { name: "Began", about: "When it began to ring, in your own time", cell: ({ startedAt }) => moment(startedAt) }, FROM, TO, TYPE, STATUS,
  { name: "Rang", about: "How long it rang until it was answered or given up", number: true, cell: ({ ringSeconds }) => `${ringSeconds} s` },
  { name: "Lasted", about: "From the answer to the end", number: true, cell: ({ acceptedAt, durationSeconds }) => duration(acceptedAt ? durationSeconds : null) },
  { name: "Coins", about: "What the user has paid", number: true, cell: ({ coins }) => coins.toLocaleString() },
];

/** Ask whether to end a call, and end it. Resolves to the call as it ended, or to null. */
export function endCall({ callId, product, status, userName, userId, telecallerName, telecallerId }) {
  const ringing = status === "RINGING", paid = product === "calls" ? ", and the started minutes are paid" : "";
  return confirmed({
    title: "End this call?",
    text: `${userName ?? userId} and ${telecallerName ?? telecallerId} ${ringing ? "are being connected. The call is cancelled." : `are talking. Both hear that the call is over${paid}.`}`,
    action: "End the call", path: path("/calls/{id}/end", callId),
  });
}

/** The page; `say(text)` tells what was done. */
export function makeDesk(panel, { say, soon }) {
  const stats = h("div", { class: "stats" }, h("p", { class: "empty" }, "Loading…"));
  const [ofRunning, ofRecent] = ["running", "recent"].map((id) =>
    h("select", { id: `of-${id}`, onchange: soon }, h("option", { value: "calls" }, "Users and telecallers"), h("option", { value: "chat" }, "Chat")));
  const end = (call) => button("End", "stop small", async () => {
    const done = await endCall(call);
    if (!done) return;
    const coins = done.product === "calls" ? `, ${done.coins} coins` : "";
    say(`The call is ${words(done.status)}: ${duration(done.durationSeconds)}${coins}.`);
    soon();
  });
  const running = makeList({
    label: "Running calls", empty: "No call rings or goes on.",
    columns: [FROM, TO, TYPE, STATUS,
      { name: "Age", about: "Since it began to ring", number: true, cell: ({ startedAt }) => age(startedAt) },
      { name: "", about: "", number: true, cell: end }],
    key: ({ callId, status }) => `${callId} ${status}`,
    load: (cursor) => ask(path("/admin/calls/running", "", { cursor, product: ofRunning.value })),
  });
  const recent = makeList({
    label: "Recent calls", empty: "No call has ended yet.", columns: OVER,
    key: ({ callId }) => callId,
    load: (cursor) => ask(path("/admin/calls", "", { cursor, product: ofRecent.value })),
  });
  panel.replaceChildren(
    h("section", { class: "card", "aria-labelledby": "how-title" }, h("h2", { id: "how-title" }, "How calls go"), stats),
    h("section", { class: "card", "aria-labelledby": "running-title" },
      h("div", { class: "head" }, h("h2", { id: "running-title" }, "Running"), h("label", { class: "note" }, "Of ", ofRunning)), running.element),
    h("section", { class: "card", "aria-labelledby": "recent-title" },
      h("div", { class: "head" }, h("h2", { id: "recent-title" }, "Recent"), h("label", { class: "note" }, "Of ", ofRecent)), recent.element));
  let read = 0, found = null;

  async function refreshStats() {
    if (Date.now() - read < STATS_MS) return;
    found = await ask("/admin/calls/stats");
    read = Date.now();
    showStats();
  }

  function showStats() {
    const rows = PERIODS.map(([key, name]) => h("tr", {}, h("th", { scope: "row" }, name), NUMBERS.map(([heading, , value, below]) =>
      h("td", { class: "number", "data-name": heading }, h("strong", {}, value(found[key])), h("span", { class: "note" }, below(found[key]))))));
    stats.replaceChildren(
      h("table", { class: "figures", "aria-label": "How calls go" },
        h("thead", {}, h("tr", {}, h("td", {}), NUMBERS.map(([name, about]) => h("th", { scope: "col", title: about, class: "number" }, name)))),
        h("tbody", {}, rows)),
      h("h3", {}, "Calls per day, the last seven days (UTC)"), perDay(found.days, stats.clientWidth));
  }

  addEventListener("resize", () => found && stats.clientWidth && showStats());
  return { refresh: () => Promise.all([refreshStats(), running.refresh(), recent.refresh()]) };
}
