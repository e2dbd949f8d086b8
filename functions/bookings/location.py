"""Where partners are, for those who track a booking of theirs."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from functions.bookings.events import DIGITS, Location, PartnerLocation
from functions.bookings.namespaces import CUSTOMER, PARTNER
from functions.bookings.product import bookings
from functions.bookings.rows import Booking, Partner, Tracker
from shared import times
from shared.aws.parallel import together
from shared.pipeline.context import Context
from shared.realtime import connections

MANY_TRACKERS = 20


def tracker(context: Context, booking_id: str) -> Tracker:
    """The asking session as one that tracks a booking."""
    asked_ms = context.arrival.ms
    return Tracker(booking_id, context.address.member, context.session.sid, asked_ms)


def of_session(booking: Booking, mine: Tracker) -> set[Tracker]:
    """As what the session of ``mine`` tracks a booking already."""
    known = map(Tracker.of, booking.trackers or ())
    return {one for one in known if (one.member, one.sid) == (mine.member, mine.sid)}


@bookings.on("location:update", namespaces=[PARTNER.path], payload=Location)
def update(context: Context, where: Location) -> None:
    """One write; nothing else happens unless somebody tracks. A location that arrived before the
    last one is dropped."""
    partner = _locate(context.session.person_id, where, context.arrival.ms)
    if partner is None or not partner.trackers:
        return
    trackers = [Tracker.of(text) for text in partner.trackers]
    here = [one for one in trackers if one.booking_id in (partner.active or ())]
    live = _live(here)
    at = times.iso(context.arrival.ms)
    context.emit(
        *(PartnerLocation(one.booking_id, where, at).to([one.address]) for one in here if live[one])
    )
    gone = {one.text for one in trackers if not live.get(one)}
    if gone:
        partner.update([Partner.trackers.delete(gone)])


def stale(booking: Booking) -> set[Tracker]:
    """Trackers whose sessions are over, looked for when there are many: they come back with every
    new connection of a customer and leave without a word."""
    texts = booking.trackers or set()
    if len(texts) < MANY_TRACKERS:
        return set()
    return {one for one, there in _live(map(Tracker.of, texts)).items() if not there}


def _locate(partner_id: str, where: Location, arrived_ms: int) -> Partner | None:
    """The partner's row then; None where a later location is known."""
    partner = Partner(partner_id)
    at = Partner.located_at
    actions = [
        Partner.latitude.set(round(where.latitude, DIGITS)),
        Partner.longitude.set(round(where.longitude, DIGITS)),
        at.set(arrived_ms),
    ]
    is_newer = at.does_not_exist() | (at <= arrived_ms)
    return partner if partner.update_if(actions, is_newer) else None


def _live(trackers: Iterable[Tracker]) -> dict[Tracker, bool]:
    some = list(trackers)
    found = together(partial(_is_live, one) for one in some) if some else []
    return dict(zip(some, found, strict=True))


def _is_live(one: Tracker) -> bool:
    """Whether the session is still the one that asked: a connection may have left the namespace,
    and come back without asking."""
    connection = connections.get(one.address.connection_id)
    session = connection.session(CUSTOMER.path) if connection else None
    return session is not None and session.sid == one.sid
