// What admins have done, and what waits or has failed.

import { ask, path } from "./admin.js";
import { h } from "./dom.js";
import { makeList } from "./list.js";
import { label, moment, person } from "./words.js";

const WORDS = {
  "call.end": "ended a call", "account.suspend": "suspended", "account.activate": "ended a suspension",
  "account.approve": "approved", "account.reject": "rejected",
};

/** The list of actions, of one subject or of all. */
export function auditList({ subjectId = "" } = {}) {
  const subject = ({ subjectId: id, action }) => action.startsWith("account.") ? person(id) : h("code", {}, id);
  const columns = [
    { name: "When", about: "In your own time", cell: ({ at }) => moment(at) },
    { name: "Admin", about: "Who has done it", cell: ({ adminId, adminName }) => h("span", { title: adminId }, adminName) },
    { name: "Action", about: "What was done", cell: ({ action }) => WORDS[action] ?? action },
    ...(subjectId ? [] : [{ name: "Subject", about: "The account or the call", cell: subject }]),
    { name: "Change", about: "The status before and after", cell: ({ from, to, outcome }) => h("span", { class: "labels" },
      outcome === "UNCHANGED" ? [label(to), h("span", { class: "note" }, "already")] : [label(from), "→", label(to)]) },
    { name: "Reason", about: "What the admin has written about it", cell: ({ reason }) => reason ?? "–" },
  ];
  return makeList({
    label: "Audit log", empty: "No admin has done anything.", columns, key: ({ id }) => id,
    load: (cursor) => ask(path("/admin/audit", "", { subjectId, cursor })),
  });
}

/** The page of the audit log. */
export function makeAudit(panel) {
  const list = auditList();
  panel.replaceChildren(h("section", { class: "card", "aria-labelledby": "audit-title" },
    h("h2", { id: "audit-title" }, "What admins have done"),
    h("p", { class: "note" }, "Newest first. Nothing is ever removed."), list.element));
  return list;
}

/** The page of the work that waits or has failed. */
export function makeWork(panel) {
  const count = (value) => value === null ? "–" : h("strong", { class: value ? "" : "zero" }, String(value));
  const list = makeList({
    label: "Queues", empty: "There are no queues.", key: (item) => JSON.stringify(item),
    columns: [
      { name: "Work", about: "The queue, or the function", cell: ({ name }) => name },
      { name: "Waiting", about: "Messages that wait to be handled", number: true, cell: ({ waiting }) => count(waiting) },
      { name: "In flight", about: "Messages that are being handled, or wait for their next attempt", number: true, cell: ({ inFlight }) => count(inFlight) },
      { name: "Failed for good", about: "Dead letters: what people have to look at", number: true,
        cell: ({ deadLetters }) => h("strong", { class: deadLetters ? "problem" : "zero" }, String(deadLetters)) },
    ],
    load: () => ask("/admin/queues").then(({ items }) => ({ items, cursor: null })),
  });
  panel.replaceChildren(h("section", { class: "card", "aria-labelledby": "work-title" },
    h("h2", { id: "work-title" }, "Backlog and dead letters"),
    h("p", { class: "note" }, "As SQS estimates them. What has failed for good is kept for two weeks."), list.element));
  return list;
}
