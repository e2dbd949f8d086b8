// The product of bookings: a customer who waits and a partner on the way.

import { get } from "./api.js";
import { tell } from "./backend.js";
import { button, h } from "./dom.js";
import { makeMap } from "./map.js";
import { makePhone } from "./phone.js";
import { onArrival } from "./wire.js";

const HOME = { latitude: 52.52, longitude: 13.405 };
const STEPS = 24;
const STEP_MS = 1000;
const APPLY_MS = 600;
const ANSWER_MS = 5000;

const WORDS = {
  PENDING: "Waiting for a partner", PARTNER_ASSIGNED: "Offered to a partner", PARTNER_ACCEPTED: "Accepted",
  ON_THE_WAY: "On the way", ARRIVED: "At the door", IN_PROGRESS: "At work", COMPLETED: "Done", CANCELLED: "Cancelled",
};
const NEXT = { PARTNER_ACCEPTED: "ON_THE_WAY", ON_THE_WAY: "ARRIVED", ARRIVED: "IN_PROGRESS", IN_PROGRESS: "COMPLETED" };
const DO = { ON_THE_WAY: "Set off", ARRIVED: "I have arrived", IN_PROGRESS: "Start work", COMPLETED: "Finish" };
const OVER = new Set(["COMPLETED", "CANCELLED"]);
const MAY_CANCEL = new Set(["PENDING", "PARTNER_ASSIGNED", "PARTNER_ACCEPTED", "ON_THE_WAY", "ARRIVED"]);

export function makeBookings(root, { people }) {
  const of = (role) => people.filter((person) => person.role === role);
  const customer = makePhone({
    role: "CUSTOMER", title: "Customer", namespace: "/customer", people: of("CUSTOMER"),
    start: (phone) => customerSide(phone, people, () => partner.person?.id),
  });
  const partner = makePhone({ role: "PARTNER", title: "Partner", namespace: "/partner", people: of("PARTNER"), start: partnerSide });
  root.append(h("div", { class: "pair" }, customer.element, partner.element));
}

/** The newest booking of a person that is not over: what a page that is loaded anew begins with. */
async function openBooking({ token }) {
  const { items } = await get("/bookings", token);
  return items.find(({ status }) => !OVER.has(status));
}

const news = () => h("p", { class: "news", role: "status" });

function customerSide(phone, people, partnerId) {
  const { socket } = phone;
  const map = makeMap(HOME);
  const words = news();
  const actions = h("div", { class: "actions" });
  let bookingId = null;
  let turns = 0;

  function show(status, text) {
    turns += 1;
    words.dataset.status = status ?? "";
    words.classList.remove("problem");
    words.textContent = text ?? WORDS[status];
    actions.replaceChildren(status && MAY_CANCEL.has(status)
      ? button("Cancel", "stop", () => socket.emit("booking:cancel", { bookingId, reason: "Changed my mind" }))
      : button("Book a cleaning", "go", () => book().catch((error) => problem(error.message))));
  }

  function problem(text) {
    words.textContent = text;
    words.classList.add("problem");
  }

  /** What a shop's own system would tell when somebody has paid, and when it has found a partner. */
  async function book() {
    map.clear();
    actions.replaceChildren();
    words.textContent = "Booking…";
    bookingId = `demo-${crypto.randomUUID()}`;
    await tell(people, "booking.created", {
      bookingId, bookingNumber: `BK${String(Date.now()).slice(-6)}`, customerId: phone.person.id, service: "House cleaning",
      scheduledAt: new Date().toISOString(), address: "1 Example Street", amount: 49,
    });
    await track();
    show("PENDING");
    if (partnerId()) await tell(people, "booking.assigned", { bookingId, partnerId: partnerId() });
  }

  /** What a shop's system tells is handled a moment later: until then there is no such booking. */
  async function track() {
    for (let tries = 5; ; tries -= 1) {
      await new Promise((done) => setTimeout(done, APPLY_MS));
      const answer = await socket.timeout(ANSWER_MS).emitWithAck("booking:track", bookingId);
      if (!answer?.error) return;
      if (!tries) throw new Error(answer.error.message);
    }
  }

  /** Show where things are, after a reload or a gap, perhaps `again`. What happens meanwhile is newer. */
  async function resume(again) {
    const [known, before] = [bookingId, turns];
    const booking = known ? await get(`/bookings/${known}`, phone.person.token) : await openBooking(phone.person);
    if (bookingId !== known || turns !== before) return;
    if (again && words.dataset.status === (booking?.status ?? "")) return;
    if (!booking) return show(null, "Nothing booked.");
    bookingId = booking.bookingId;
    show(booking.status);
    if (!OVER.has(booking.status)) socket.emit("booking:track", bookingId);
  }

  const stop = onArrival(socket, (again) => {
    if (!again) phone.show(map.element, words, actions);
    resume(again).catch(({ message }) => problem(message));
  });
  socket.on("booking:status_updated", ({ bookingId: id, status }) => id === bookingId && show(status));
  socket.on("partner:location_update", ({ bookingId: id, location }) => id === bookingId && map.move(location));
  socket.on("error", ({ message }) => problem(message));
  return stop;
}

function partnerSide(phone) {
  const { socket } = phone;
  const words = news();
  const about = h("p", { class: "note" });
  const actions = h("div", { class: "actions" });
  let booking = null;
  let drive = null;

  function show(text, detail, ...buttons) {
    words.classList.remove("problem");
    words.textContent = text;
    about.textContent = detail;
    actions.replaceChildren(...buttons);
  }

  function idle(text = "Waiting for work.") {
    stop();
    booking = null;
    show(text, "Book on the customer's phone: this one is offered the work.");
  }

  function at(status) {
    const next = NEXT[status];
    booking = { ...booking, status };
    show(WORDS[status], `${booking.service}, ${booking.address}`, button(DO[next], "go", () => go(next)));
  }

  function go(status) {
    socket.emit("booking:status_update", { bookingId: booking.bookingId, status }, (answer) => {
      if (answer?.error) return;
      if (status === "COMPLETED") return idle("Done.");
      if (status === "ON_THE_WAY") start();
      else stop();
      at(status);
    });
  }

  /** Drive: a place every second, along two streets. */
  function start() {
    let step = 0;
    drive = setInterval(() => {
      const rest = 1 - ++step / STEPS;
      socket.volatile.emit("location:update", {
        latitude: HOME.latitude + 0.008 * Math.min(1, rest * 2),
        longitude: HOME.longitude - 0.016 * Math.max(0, rest - 0.5),
      });
      if (step === STEPS) stop();
    }, STEP_MS);
  }

  function stop() {
    clearInterval(drive);
  }

  function offer(request) {
    booking = { ...request, status: "PARTNER_ASSIGNED" };
    const { bookingId } = request;
    show("New work", `${request.service}, ${request.address}, ${request.amount} €`,
      button("Accept", "go", () => socket.emit("booking:accept", bookingId, (answer) => answer?.error || at("PARTNER_ACCEPTED"))),
      button("Reject", "stop", () => socket.emit("booking:reject", { bookingId, reason: "Not available" }, (answer) => answer?.error || idle("You rejected it."))));
  }

  /** Show where things are, after a reload or a gap, perhaps `again`. What happens meanwhile is newer. */
  async function resume(again) {
    const known = booking;
    const found = await openBooking(phone.person);
    if (booking !== known) return;
    if (again && found?.bookingId === known?.bookingId && found?.status === known?.status) return;
    if (!found) return known && idle("It is over.");
    booking = found;
    if (found.status === "PARTNER_ASSIGNED") return offer(found);
    stop();
    if (found.status === "ON_THE_WAY") start();
    at(found.status);
  }

  function problem(text) {
    words.textContent = text;
    words.classList.add("problem");
  }

  const later = onArrival(socket, (again) => {
    if (!again) phone.show(words, about, actions);
    if (!again && !booking) idle();
    resume(again).catch(({ message }) => problem(message));
  });
  socket.on("booking:new_request", offer);
  socket.on("booking:cancelled", () => idle("The customer cancelled."));
  socket.on("error", ({ message }) => problem(message));
  return () => {
    later();
    stop();
  };
}
