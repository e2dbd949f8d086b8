// The console's first page: what the stack does right now.

import { ask } from "./admin.js";
import { asTable, outcomes, perMinute } from "./chart.js";
import { h } from "./dom.js";
import { words } from "./words.js";

const FEED = 8;
const FINAL = new Set(["COMPLETED", "CANCELLED"]);

const TILES = [
  ["onlineUsers", "Users online", "People, not connections: a user with two devices counts once"],
  ["onlineTelecallers", "Telecallers online", "Telecallers with a connection, also those on a call"],
  ["telecallersOnCall", "On a call", "Telecallers in an answered call"],
  ["connections", "Connections", "Open WebSockets of all people, and clients that poll"],
];

function smallTiles(entries) {
  return h("dl", { class: "tiles small" }, entries.map(([key, value]) => h("div", {}, h("dt", {}, key), h("dd", {}, h("strong", {}, String(value ?? 0))))));
}

/** The numbers, which follow the stack by themselves. `live`: the socket of `/admin`. */
export function makeOverview(panel, { live, soon }) {
  const numbers = Object.fromEntries(TILES.map(([key]) => [key, h("strong", { "data-key": key }, "–")]));
  const today = h("p", { class: "note" });
  const chart = h("div", { class: "empty" }, "Loading…");
  const share = h("div", {});
  const table = h("div", {});
  const booked = h("div", {});
  const feed = h("ol", { class: "feed", "aria-label": "Latest changes" });
  const bookings = h("section", { class: "card", hidden: true, "aria-labelledby": "bookings-title" },
    h("h2", { id: "bookings-title" }, "Bookings"), booked, feed);
  const chatted = h("div", {});
  const chat = h("section", { class: "card", hidden: true, "aria-labelledby": "chat-title" }, h("h2", { id: "chat-title" }, "Chat"), chatted);
  panel.replaceChildren(
    h("dl", { class: "tiles" }, TILES.map(([key, name, about]) => h("div", { title: about }, h("dt", {}, name), h("dd", {}, numbers[key])))),
    h("section", { class: "card", "aria-labelledby": "calls-title" },
      h("div", { class: "head" }, h("h2", { id: "calls-title" }, "Calls per minute, the last hour"), today), chart, share,
      h("details", {}, h("summary", {}, "As a table"), table)),
    bookings, chat);

  function showNumbers(values) {
    for (const [key, element] of Object.entries(numbers)) {
      if (key in values && element.textContent !== String(values[key])) element.textContent = String(values[key]);
    }
  }

  function showChat({ online, messagesToday, callsToday }) {
    const entries = [["in chat now", online], ["messages today", messagesToday], ["calls today", callsToday]];
    chat.hidden = entries.every(([, value]) => !value);
    chatted.replaceChildren(smallTiles(entries), h("p", { class: "note" }, "A day is UTC's."));
  }

  function showBookings({ byStatus, active, today: sums }) {
    const entries = [["with a partner on it", active], ["created today", sums.created], ["completed today", sums.completed],
      ["cancelled today", sums.cancelled]];
    const waiting = Object.entries(byStatus).filter(([status, count]) => count && !FINAL.has(status));
    bookings.hidden = entries.every(([, value]) => !value) && !waiting.length && !feed.children.length;
    const open = waiting.map(([status, count]) => `${count} ${words(status)}`).join(", ");
    booked.replaceChildren(
      smallTiles(entries),
      h("p", { class: "note" }, open ? `Now: ${open}.` : "No booking is open."));
  }

  /** A booking that has just changed, newest first. */
  function tellBooking({ bookingId, bookingNumber, status }) {
    const time = new Date().toLocaleTimeString([], { hour12: false });
    feed.prepend(h("li", {}, h("time", {}, time), h("code", {}, bookingNumber ?? bookingId), h("span", {}, words(status))));
    while (feed.children.length > FEED) feed.lastChild.remove();
    bookings.hidden = false;
  }

  function show(stats) {
    showNumbers(stats);
    const { calls, lastHour } = stats;
    today.textContent = `${calls.ringing} ringing now · today (UTC) ${calls.completedToday} completed, ${calls.missedToday} missed`;
    const any = Object.values(lastHour).some((minutes) => Array.isArray(minutes) && minutes.some(Boolean));
    chart.className = any ? "" : "empty";
    chart.replaceChildren(any ? perMinute(lastHour, chart.clientWidth) : "No call has ended in the last hour.");
    share.replaceChildren(outcomes(lastHour));
    table.replaceChildren(asTable(lastHour));
    if (stats.bookings) showBookings(stats.bookings);
    if (stats.chat) showChat(stats.chat);
  }

  live.on("presence:counts", showNumbers);
  live.on("dashboard:stats_update", showBookings);
  for (const event of ["booking:created", "booking:updated"]) live.on(event, tellBooking);
  addEventListener("resize", soon);

  return {
    async refresh() {
      show(await ask("/admin/stats"));
      if (live.connected) live.emit("presence:request-counts");
    },
  };
}
