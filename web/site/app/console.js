// The console: numbers that follow the stack by themselves.

import { asTable, outcomes, perMinute } from "./chart.js";
import { h, warn } from "./dom.js";
import { signInForm, signOut } from "./session.js";
import { io } from "/vendor/socket.io.esm.min.js";

const EVERY_MS = 5_000;
const STALE_MS = 20_000;
const FEED = 8;
const FINAL = new Set(["COMPLETED", "CANCELLED"]);
const AWAY = "The stack does not answer. What you see is old; this page goes on by itself.";

const content = document.getElementById("content");
const when = document.getElementById("when");
const leave = document.getElementById("leave");

const TILES = [
  ["onlineUsers", "Users online"],
  ["onlineTelecallers", "Telecallers online"],
  ["telecallersOnCall", "On a call"],
  ["connections", "Connections"],
];

let socket = null;
let timer = null;
let last = 0;
let parts = null;

function makeParts() {
  const numbers = Object.fromEntries(TILES.map(([key]) => [key, h("strong", { "data-key": key }, "–")]));
  const today = h("p", { class: "note" });
  const chart = h("div", { class: "empty" }, "Loading…");
  const share = h("div", {});
  const table = h("div", {});
  const booked = h("div", {});
  const feed = h("ol", { class: "feed", "aria-label": "Latest changes" });
  const bookings = h("section", { class: "card", hidden: true, "aria-labelledby": "bookings-title" },
    h("h2", { id: "bookings-title" }, "Bookings"), booked, feed);
  content.replaceChildren(
    h("dl", { class: "tiles" }, TILES.map(([key, name]) => h("div", {}, h("dt", {}, name), h("dd", {}, numbers[key])))),
    h("section", { class: "card", "aria-labelledby": "calls-title" },
      h("div", { class: "head" }, h("h2", { id: "calls-title" }, "Calls per minute"), today), chart, share,
      h("details", {}, h("summary", {}, "As a table"), table)),
    bookings);
  parts = { numbers, today, chart, share, table, bookings, booked, feed };
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function showNumbers(values) {
  for (const [key, element] of Object.entries(parts.numbers)) {
    if (key in values) set(element, String(values[key]));
  }
}

function show(stats) {
  last = Date.now();
  showNumbers(stats);
  const { calls, lastHour } = stats;
  set(parts.today, `${calls.ringing} ringing now · today ${calls.completedToday} completed, ${calls.missedToday} missed`);
  const any = Object.values(lastHour).some((numbers) => Array.isArray(numbers) && numbers.some(Boolean));
  parts.chart.className = any ? "" : "empty";
  parts.chart.replaceChildren(any ? perMinute(lastHour, parts.chart.clientWidth) : "No call has ended in the last hour.");
  parts.share.replaceChildren(outcomes(lastHour));
  parts.table.replaceChildren(asTable(lastHour));
  if (stats.bookings) showBookings(stats.bookings);
  tellAge();
}

addEventListener("resize", () => timer && soon());

function showBookings({ byStatus, active, today }) {
  const entries = [["with a partner on it", active], ["created today", today.created], ["completed today", today.completed],
    ["cancelled today", today.cancelled]];
  const waiting = Object.entries(byStatus).filter(([status, count]) => count && !FINAL.has(status));
  parts.bookings.hidden = entries.every(([, value]) => !value) && !waiting.length && !parts.feed.children.length;
  const words = waiting.map(([status, count]) => `${count} ${status.toLowerCase().replaceAll("_", " ")}`).join(", ");
  parts.booked.replaceChildren(
    h("dl", { class: "tiles small" }, entries.map(([key, value]) => h("div", {}, h("dt", {}, key), h("dd", {}, h("strong", {}, String(value ?? 0)))))),
    h("p", { class: "note" }, words ? `Now: ${words}.` : "No booking is open."));
}

/** A booking that has just changed, newest first. */
function tellBooking({ bookingId, bookingNumber, status }) {
  const time = new Date().toLocaleTimeString([], { hour12: false });
  parts.feed.prepend(h("li", {}, h("time", {}, time), h("code", {}, bookingNumber ?? bookingId), h("span", {}, status.toLowerCase().replaceAll("_", " "))));
  while (parts.feed.children.length > FEED) parts.feed.lastChild.remove();
  parts.bookings.hidden = false;
}

function tellAge() {
  if (!last) return;
  const seconds = Math.round((Date.now() - last) / 1000);
  const stale = Date.now() - last > STALE_MS;
  document.body.classList.toggle("stale", stale);
  set(when, stale ? `Not updated for ${seconds} s` : "Live, a few seconds behind at most");
}

async function poll() {
  try {
    const answer = await fetch("/admin/stats", { headers: { Accept: "application/json" } });
    if (answer.status === 401 || answer.status === 403) return askToSignIn(last ? "Your session is over. Sign in again." : "");
    if (!answer.ok) throw new Error(String(answer.status));
    if (!parts) begin();
    show(await answer.json());
    warn("stats");
  } catch {
    warn("stats", AWAY);
    if (!parts) set(when, "Waiting for the stack");
  }
  if (socket?.connected) socket.emit("presence:request-counts");
}

/** The first numbers have come: the cookie is good for a socket, too. */
function begin() {
  makeParts();
  leave.hidden = false;
  socket = io("/admin", { reconnectionDelayMax: 5000 });
  socket.on("presence:counts", showNumbers);
  socket.on("dashboard:stats_update", showBookings);
  for (const event of ["booking:created", "booking:updated"]) socket.on(event, tellBooking);
  socket.on("connect", () => {
    warn("socket");
    socket.emit("monitor:bookings");
  });
  socket.on("disconnect", (reason) => reason !== "io client disconnect" && warn("socket", AWAY));
}

/** Look again a moment after something has happened, once for many. */
let looking = null;
function soon() {
  looking ??= setTimeout(() => {
    looking = null;
    poll();
  }, 1000);
}

function askToSignIn(why) {
  clearInterval(timer);
  socket?.disconnect();
  [socket, timer, parts, last] = [null, null, null, 0];
  leave.hidden = true;
  warn("stats");
  warn("socket");
  document.body.classList.remove("stale");
  set(when, "What the stack does right now");
  content.replaceChildren(signInForm(start, why));
}

function start() {
  content.replaceChildren(h("p", { class: "empty" }, "Loading…"));
  clearInterval(timer);
  timer = setInterval(() => document.hidden || poll(), EVERY_MS);
  poll();
}

leave.addEventListener("click", async () => {
  await signOut();
  askToSignIn("");
});
document.addEventListener("visibilitychange", () => timer && !document.hidden && poll());
setInterval(tellAge, 1000);
start();
