"""What the team's backend reports about bookings, partners and accounts.

Events are delivered at least once and in any order. A booking is created once. Events about a
booking that arrive before it wait on its row. Of two assignments, statuses, or values of a field,
the one that the backend says happened later wins: see ``statuses``.

``at_ms`` is when the backend says that an event happened, epoch milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from functions.bookings import statuses, store
from functions.bookings.events import (
    EARNINGS_UPDATED,
    KYC_SUBMITTED,
    NOTIFICATION_NEW,
    PARTNER_REGISTERED,
    Assigned,
    Created,
    Earnings,
    Notification,
    Registered,
    Submitted,
    Updated,
)
from functions.bookings.monitor import MONITORS
from functions.bookings.moves import Move
from functions.bookings.namespaces import CUSTOMER, PARTNER
from functions.bookings.product import REPORTED, bookings
from functions.bookings.rows import Booking, WaitingStatus
from functions.bookings.state import Trigger, after
from shared.aws import event_order
from shared.aws.event_order import is_older
from shared.aws.log import logger
from shared.ids import compose
from shared.pipeline.backend_events import digest
from shared.pipeline.context import Background
from shared.pipeline.payloads import Posted
from shared.ports import Broadcast
from shared.protocol import json
from shared.realtime import people
from shared.realtime.namespaces import ADMIN


class Early(msgspec.Struct, frozen=True):
    """An event that waits for its booking.

    type: the type of the event.
    data: its payload.
    """

    type: str
    data: Any
    at_ms: int


@bookings.on_backend("booking.created", payload=Created, access=REPORTED)
def created(background: Background, event: Created, at_ms: int) -> None:
    """Create a booking. Admins who monitor receive ``booking:created``. Then the events about the
    booking that arrived before it are handled."""
    booking = store.create(event, at_ms, background.now_ms)
    if not booking.early:
        return
    early = [msgspec.json.decode(text, type=Early) for text in booking.early]
    for waiting in sorted(early, key=lambda waiting: waiting.at_ms):
        payload, handle = _EARLY_HANDLERS[waiting.type]
        handle(background, msgspec.convert(waiting.data, payload), waiting.at_ms)
    store.forget_early(event.booking_id)


@bookings.on_backend("booking.assigned", payload=Assigned, access=REPORTED)
def assigned(background: Background, event: Assigned, at_ms: int) -> None:
    """Offer a booking to a partner, also instead of another partner who has not accepted it yet.
    The partner receives ``booking:new_request``; the customer receives ``partner:assigned`` and, if
    the status changes, ``booking:status_updated``; a partner who loses the booking receives
    ``booking:cancelled``; admins who monitor receive ``booking:updated``."""

    report = digest(event, "booking.assigned", str(at_ms))

    def decide(booking: Booking | None) -> Move | None:
        if booking is None or report in booking.moved_by:
            return None
        again = at_ms == booking.assigned_at and event.partner_id == booking.assigned_to
        status = after(booking.state, Trigger.ASSIGN)
        known = (booking.assigned_at, booking.stamps.get("status", 0))
        overtaken = any(is_older(at_ms, one) for one in known)
        if again or overtaken or event.partner_id == booking.partner_id:
            return None
        if status is None:
            _log_dropped("booking.assigned", booking)
            return None
        return Move(
            Trigger.ASSIGN,
            status,
            background.now_ms,
            report,
            partner_id=event.partner_id,
            happened_at_ms=at_ms,
        )

    booking = _find_or_keep("booking.assigned", event.booking_id, event, at_ms)
    if booking is None:
        return
    moved = store.move(event.booking_id, decide)
    if moved:
        statuses.finish(background, moved)
    elif booking.waiting:
        statuses.apply_waiting(background, event.booking_id)


@bookings.on_backend("booking.updated", payload=Updated, access=REPORTED)
def updated(background: Background, event: Updated, at_ms: int) -> None:
    """Change the fields of a booking, and then its status. A status that the booking cannot have
    yet waits until it can; a status older than the last one changes nothing. If the status changes,
    the customer receives ``booking:status_updated``, and the partner of a cancelled booking
    receives ``booking:cancelled``. Admins who monitor receive ``booking:updated``."""
    booking = _find_or_keep("booking.updated", event.booking_id, event, at_ms)
    if booking is None:
        return
    report = digest(event, "booking.updated", str(at_ms))
    _update_fields(background, event, at_ms)
    if event.status is not None:
        waiting = WaitingStatus(event.status, at_ms, report, event.reason)
        statuses.reach(background, event.booking_id, waiting)
    if booking.waiting:
        statuses.apply_waiting(background, event.booking_id)


@bookings.on_backend("earnings.updated", payload=Earnings, access=REPORTED)
def earnings(background: Background, event: Earnings, at_ms: int) -> None:
    """Pass on a partner's earnings. All connections of the partner receive ``earnings:updated``,
    unless newer earnings are known."""
    key, now_ms = compose("earnings", event.partner_id), background.now_ms
    with event_order.claimed(key, at_ms, digest(event.posted), now_ms=now_ms) as first:
        if first:
            message = _to_person(PARTNER.path, event.partner_id, EARNINGS_UPDATED, event)
            once = compose("earnings", str(at_ms), digest(event.posted), event.partner_id)
            background.ports.tasks.broadcast(msgspec.structs.replace(message, once=once))


@bookings.on_backend("notification.created", payload=Notification, access=REPORTED)
def notification(background: Background, event: Notification, at_ms: int) -> None:
    """Pass on a notification. All connections of the account in ``/customer`` and ``/partner``
    receive ``notification:new``: one id may be a customer and a partner."""
    _pass_on(
        background,
        event,
        at_ms,
        *(
            _to_person(namespace.path, event.account_id, NOTIFICATION_NEW, event)
            for namespace in (CUSTOMER, PARTNER)
        ),
    )


@bookings.on_backend("partner.registered", payload=Registered, access=REPORTED)
def registered(background: Background, event: Registered, at_ms: int) -> None:
    """Pass on that a partner has registered. Admins who monitor receive ``partner:registered``."""
    _pass_on(background, event, at_ms, _to_monitors(PARTNER_REGISTERED, event))


@bookings.on_backend("kyc.submitted", payload=Submitted, access=REPORTED)
def submitted(background: Background, event: Submitted, at_ms: int) -> None:
    """Pass on that a partner has submitted identity documents. Admins who monitor receive
    ``kyc:submitted``."""
    _pass_on(background, event, at_ms, _to_monitors(KYC_SUBMITTED, event))


def _to_person(namespace: str, person_id: str, name: str, event: Posted) -> Broadcast:
    """Return the broadcast of a report to all sessions of a person."""
    group = people.group(namespace, person_id)
    return Broadcast(namespace, "", name, event.posted, group, person=person_id)


def _to_monitors(name: str, event: Posted) -> Broadcast:
    """Return the broadcast of a report to the admins who monitor bookings."""
    return Broadcast(ADMIN.path, MONITORS, name, event.posted, group=name)


def _pass_on(background: Background, event: Posted, at_ms: int, *messages: Broadcast) -> None:
    """Send a report that stands alone to those whom it concerns. Idempotent."""
    key = compose(messages[0].event, str(at_ms), digest(event.posted))
    if not event_order.is_handled(key):
        sent = (msgspec.structs.replace(message, once=key) for message in messages)
        background.ports.tasks.broadcast(*sent)
        event_order.record_handled(key, at_ms, now_ms=background.now_ms)


def _find_or_keep(type_: str, booking_id: str, event: msgspec.Struct, at_ms: int) -> Booking | None:
    """Return the booking. If it does not exist yet, keep the event and return None."""
    booking = store.find(booking_id)
    if booking is None:
        text = json.dumps(Early(type_, msgspec.to_builtins(event), at_ms))
        if not store.keep_early(booking_id, text):
            booking = store.find(booking_id)
    return booking


def _update_fields(background: Background, event: Updated, at_ms: int) -> None:
    """Set the fields for which the backend has not reported a later value. Idempotent."""
    for _ in range(store.ROUNDS):
        booking = store.find(event.booking_id)
        if booking is None:
            return
        fields = {
            name: value
            for name, value in event.fields.items()
            if value != getattr(booking, name) and not is_older(at_ms, booking.stamps.get(name, 0))
        }
        stamps = {name: max(at_ms, booking.stamps.get(name, 0)) for name in event.fields}
        if stamps == {name: booking.stamps.get(name) for name in stamps} and not fields:
            return
        if store.revise(booking, fields, stamps, background.now_ms):
            return
    raise RuntimeError(f"booking {event.booking_id} cannot be changed")


def _log_dropped(type_: str, booking: Booking) -> None:
    logger.info("event dropped", extra={"event_type": type_, "booking_status": booking.status})


_EARLY_HANDLERS: dict[str, tuple[Any, Callable[[Background, Any, int], None]]] = {
    "booking.assigned": (Assigned, assigned),
    "booking.updated": (Updated, updated),
}
"""The payload and the handler of each type of event that may arrive before its booking."""
