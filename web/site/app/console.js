// The console: pages that follow the stack by themselves.

import { makeAudit, makeWork } from "./auditlog.js";
import { makeDesk } from "./desk.js";
import { h, warn } from "./dom.js";
import { makeFolk } from "./folk.js";
import { makeOverview } from "./overview.js";
import { signInForm, signOut } from "./session.js";
import { makeTabs } from "./tabs.js";
import { tickAges } from "./words.js";
import { io } from "/vendor/socket.io.esm.min.js";

const EVERY_MS = 5_000;
const STALE_MS = 20_000;
const SAID_MS = 8_000;
const AWAY = "The stack does not answer. What you see is old; this page goes on by itself.";

const PAGES = [
  { id: "overview", name: "Overview", build: makeOverview },
  { id: "calls", name: "Calls", build: makeDesk },
  { id: "people", name: "People", build: makeFolk },
  { id: "audit", name: "Audit log", build: makeAudit },
  { id: "queues", name: "Queues", build: makeWork },
];

const [content, tabs, when, leave, said] = ["content", "tabs", "when", "leave", "said"].map((id) => document.getElementById(id));

let live = null;
let timer = null;
let shown = null;
let chosen = null;

/** Say what was done, for a while. */
function say(text) {
  said.textContent = text;
  said.hidden = false;
  setTimeout(() => said.textContent === text && (said.hidden = true), SAID_MS);
}

function tellAge() {
  tickAges();
  if (!shown?.last) return;
  const age = Date.now() - shown.last;
  const stale = age > STALE_MS;
  document.body.classList.toggle("stale", stale);
  const text = stale ? `Not updated for ${Math.round(age / 1000)} s` : "Live, a few seconds behind at most";
  if (when.textContent !== text) when.textContent = text;
}

/** Load what the chosen page shows. Only one load runs at a time; the last wish is fulfilled. */
let loading = false, wanted = false;
async function poll() {
  if (loading) return void (wanted = true);
  loading = true;
  const page = shown;
  try {
    await page.refresh();
    page.last = Date.now();
    warn("stats");
    leave.hidden = false;
  } catch (error) {
    if (error.status === 401 || error.status === 403) return void askToSignIn(leave.hidden ? "" : "Your session is over. Sign in again.");
    warn("stats", AWAY);
  } finally {
    loading = false;
    tellAge();
    if (wanted && timer) {
      wanted = false;
      poll();
    }
  }
}

function connect() {
  live = io("/admin", { autoConnect: false, reconnectionDelayMax: 5000 });
  live.on("connect", () => {
    warn("socket");
    live.emit("monitor:bookings");
  });
  live.on("disconnect", (reason) => reason !== "io client disconnect" && warn("socket", AWAY));
}

/** Look again a moment after something has happened, once for many. */
let looking = null;
function soon() {
  looking ??= setTimeout(() => {
    looking = null;
    if (timer) poll();
  }, 500);
}

function askToSignIn(why) {
  clearInterval(timer);
  live?.disconnect();
  [live, timer, shown, chosen] = [null, null, null, null];
  leave.hidden = tabs.hidden = true;
  warn("stats");
  warn("socket");
  document.body.classList.remove("stale");
  when.textContent = "What the stack does right now";
  content.replaceChildren(signInForm(start, why));
}

/** Show the page that the address names: `#people/507f…`. */
function follow() {
  const [id, subject] = location.hash.slice(1).split("/");
  chosen.choose(id);
  shown.open?.(subject ? decodeURIComponent(subject) : "");
}

/** Ask for the numbers first: whether there is a cookie, only the stack can tell. */
async function start() {
  content.replaceChildren(h("p", { class: "empty" }, "Loading…"));
  const answer = await fetch("/admin/stats").catch(() => null);
  if (answer?.status === 401 || answer?.status === 403) return askToSignIn("");
  clearInterval(timer);
  connect();
  const made = new Map();
  const pages = PAGES.map(({ id, name, build }) => ({ id, name, make: (panel) => made.set(id, build(panel, { live, say, soon })) }));
  chosen = makeTabs(tabs, content, pages, (id) => {
    shown = made.get(id);
    if (timer) poll();
  });
  follow();
  timer = setInterval(() => document.hidden || poll(), EVERY_MS);
  await poll();
  live?.connect();
}

leave.addEventListener("click", async () => {
  await signOut();
  askToSignIn("");
});
addEventListener("hashchange", () => timer && follow());
document.addEventListener("visibilitychange", () => timer && !document.hidden && poll());
setInterval(tellAge, 1000);
start();
