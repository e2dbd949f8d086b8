"""The locations of partners, for customers who track their bookings."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial

from functions.bookings import store
from functions.bookings.events import DIGITS, Location, PartnerLocation
from functions.bookings.namespaces import CUSTOMER, PARTNER
from functions.bookings.product import bookings
from functions.bookings.rows import Booking, Partner, Tracker
from shared import times
from shared.aws.parallel import together
from shared.pipeline.context import Context
from shared.realtime import connections, recovery
from shared.realtime.address import Address, Wire

OVERTAKEN_MS = 60_000
"""How late a frame may be handled, after a newer one of its connection."""

MANY_TRACKERS = 20
"""From this number on, trackers of a booking whose sessions have ended are looked for."""


def tracker(context: Context, booking_id: str) -> Tracker:
    """Return the session that sent the frame as a tracker of a booking."""
    asked_ms = context.arrival.ms
    return Tracker(booking_id, context.address.member, context.session.sid, asked_ms)


def of_session(texts: Iterable[str] | None, tracker: Tracker) -> set[Tracker]:
    """Return those trackers that are of the session of ``tracker``."""
    known = map(Tracker.of, texts or ())
    return {one for one in known if one.sid == tracker.sid}


def recent(texts: Iterable[str] | None, now_ms: int) -> set[Tracker]:
    """Return those trackers whose frame a still older frame may yet follow."""
    known = map(Tracker.of, texts or ())
    return {one for one in known if now_ms - one.asked_ms < OVERTAKEN_MS}


@bookings.on("location:update", namespaces=[PARTNER.path], payload=Location)
def update(context: Context, location: Location) -> None:
    """Update where the partner is. The connections that track one of the partner's bookings receive
    ``partner:location_update``, from when the booking is accepted until it is over. A location that
    arrives after a newer one is dropped."""
    # One write, and nothing else unless a customer tracks: partners send this every few seconds.
    partner = _save_location(context.session.person_id, location, context.arrival.ms)
    for _ in range(store.ROUNDS):
        if partner is None or not partner.trackers:
            return
        if not _tell_trackers(context, partner, location):
            return
        # The trackers may have received a newer location before this one.
        newest = store.partner(partner.partner_id)
        partner = newest if newest.located_at != partner.located_at else None
        location = Location(float(newest.latitude), float(newest.longitude))


def _tell_trackers(context: Context, partner: Partner, location: Location) -> bool:
    """Send a partner's last location to the connections that track one of the partner's bookings.

    Returns whether there are any. Trackers whose sessions have ended are removed.
    """
    trackers = [Tracker.of(text) for text in partner.trackers]
    tracking = [one for one in trackers if one.booking_id in (partner.active or ())]
    addresses = _addresses(tracking, context.now_ms // 1000)
    at = times.iso(int(partner.located_at))
    context.emit.tell(
        *(
            PartnerLocation(one.booking_id, location, at).to([address])
            for one, address in addresses.items()
        )
    )
    ended = {one.text for one in trackers if one not in addresses}
    if ended:
        partner.update([Partner.trackers.delete(ended)])
    return bool(addresses)


def ended_trackers(booking: Booking) -> set[Tracker]:
    """Return the trackers whose sessions have ended, if the booking has ``MANY_TRACKERS`` or more.

    Every new connection of the customer may add one, and a connection that ends removes none.
    """
    texts = booking.trackers or set()
    if len(texts) < MANY_TRACKERS:
        return set()
    known = set(map(Tracker.of, texts))
    return known - _addresses(known, int(time.time())).keys()


def _save_location(partner_id: str, location: Location, arrived_ms: int) -> Partner | None:
    """Store the location and return the partner's row. Returns None if a newer one is known."""
    partner = Partner(partner_id)
    at = Partner.located_at
    actions = [
        Partner.latitude.set(round(location.latitude, DIGITS)),
        Partner.longitude.set(round(location.longitude, DIGITS)),
        at.set(arrived_ms),
    ]
    is_newer = at.does_not_exist() | (at <= arrived_ms)
    return partner if partner.update_if(actions, is_newer) else None


def _addresses(trackers: Iterable[Tracker], now: int) -> dict[Tracker, Address]:
    """Return the addresses of those trackers whose sessions go on.

    now: the time in epoch seconds.
    """
    listed = list(trackers)
    addresses = together(partial(_address, one, now) for one in listed)
    return {one: address for one, address in zip(listed, addresses, strict=True) if address}


def _address(tracker: Tracker, now: int) -> Address | None:
    """Return the address of a tracker, or None if the session that asked to track has ended.

    A connection may have left the namespace, and have come back without asking again. A session
    with recovery may have another connection by now, or none.
    """
    address = tracker.address
    connection = connections.get(address.connection_id)
    session = connection.session(CUSTOMER.path) if connection else None
    if session is not None and session.sid == tracker.sid:
        return address
    lost = connection.lost_session(CUSTOMER.path) if connection and address.sid else None
    if lost is not None and lost.sid == tracker.sid:
        return address._replace(wire=Wire.AWAY)
    return recovery.current(address, now)
