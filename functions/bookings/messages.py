"""Messages between customers and partners, and whether they are typing."""

from __future__ import annotations

from functools import partial

import msgspec

from functions.bookings import store
from functions.bookings.events import MessageReceived, MessageSent, Send, Typing
from functions.bookings.namespaces import CUSTOMER, PARTNER
from functions.bookings.product import bookings
from functions.bookings.rows import Message
from shared import times
from shared.aws import event_order
from shared.aws.event_order import Frame
from shared.aws.parallel import both
from shared.errors import Duplicate, Refusal
from shared.ids import Id, compose
from shared.pipeline.context import Background, Context
from shared.pipeline.deployment import Access
from shared.ports import Broadcast
from shared.realtime import people
from shared.realtime.namespaces import ADMIN

BOOKING_NOT_FOUND = "Booking not found"
NOT_A_PARTY = "recipientId: not a party of this booking"
NOTHING_SHARED = "recipientId: you share no open booking"
MESSAGE_NOT_FOUND = "Message not found"
TYPING_KEPT_SECONDS = 3_600
TYPING_POSTPONED = "bookings.typing"
"""The name of the hook for a typing event that has to wait."""

OTHER_SIDE = {CUSTOMER.path: PARTNER.path, PARTNER.path: CUSTOMER.path}
ALL_NAMESPACES = [CUSTOMER.path, PARTNER.path, ADMIN.path]


@bookings.on(
    "message:send",
    namespaces=[CUSTOMER.path, PARTNER.path],
    payload=Send,
    refusals=[BOOKING_NOT_FOUND, NOT_A_PARTY, NOTHING_SHARED],
)
def send(context: Context, request: Send) -> MessageSent:
    """Send a message to the other party. All connections of the recipient receive
    ``message:received``; the sending connection receives ``message:sent``, whose data the
    acknowledgement carries too. With a ``bookingId``, both must be its parties; without one, they
    must share a booking that is not over. The message is stored."""
    _check_may_message(context, request)
    session, message_id, sent_ms = context.session, context.arrival.id, context.arrival.ms
    message = Message(
        message_id,
        sender_id=session.person_id,
        recipient_id=request.recipient_id,
        recipient_namespace=OTHER_SIDE[session.namespace],
        text=request.message,
        booking_id=request.booking_id,
        created_at=sent_ms,
    )
    if not message.create():
        raise Duplicate
    sent = MessageSent(message_id, times.iso(sent_ms))
    # ``stream`` sends the broadcast again, in case that this process dies before. The queue keeps
    # one.
    both(
        lambda: context.ports.tasks.broadcast(received(message)),
        lambda: context.emit.tell(sent.to([context.address])),
    )
    return sent


def received(message: Message) -> Broadcast:
    """Return the broadcast with which a message is delivered. It is the same each time."""
    event = MessageReceived(
        message.message_id,
        message.sender_id,
        message.text,
        message.booking_id,
        times.iso(message.created_at),
    )
    return event.to_person(
        message.recipient_namespace, message.recipient_id, once=message.message_id
    )


@bookings.on(
    "message:mark_read",
    namespaces=ALL_NAMESPACES,
    payload=Id,
    missing="messageId is required",
    refusals=[MESSAGE_NOT_FOUND],
)
def mark_read(context: Context, message_id: str) -> None:
    """Mark a message as read, as its recipient. The payload is the message's id. Marking it again
    keeps the first time. No client receives an event."""
    session = context.session
    is_recipient = (Message.recipient_id == session.person_id) & (
        Message.recipient_namespace == session.namespace
    )
    read = Message.read_at.set(Message.read_at | context.arrival.ms)
    if not Message(message_id).update_if([read], is_recipient):
        raise Refusal(MESSAGE_NOT_FOUND)


@bookings.on(
    "typing:start",
    namespaces=ALL_NAMESPACES,
    payload=Id,
    missing="recipientId is required",
    refusals=[NOTHING_SHARED],
)
def start_typing(context: Context, recipient_id: str) -> None:
    """Show the other party that the user is typing. The payload is the recipient's account id. All
    connections of the recipient receive ``typing:indicator``. The two must share a booking that is
    not over."""
    _send_typing(context, recipient_id, typing=True)


@bookings.on(
    "typing:stop",
    namespaces=ALL_NAMESPACES,
    payload=Id,
    missing="recipientId is required",
    refusals=[NOTHING_SHARED],
)
def stop_typing(context: Context, recipient_id: str) -> None:
    """Show the other party that the user has stopped typing. The payload is the recipient's account
    id. All connections of the recipient receive ``typing:indicator``. The two must share a booking
    that is not over."""
    _send_typing(context, recipient_id, typing=False)


class TypingChange(msgspec.Struct, frozen=True):
    """That a person is typing to another one, or has stopped.

    namespace: the person's namespace.
    """

    namespace: str
    person_id: str
    recipient_id: str
    typing: bool
    frame: Frame

    @property
    def key(self) -> str:
        """What the frame is ordered by."""
        return compose("typing", self.namespace, self.person_id, self.recipient_id)

    def send(self, background: Background) -> None:
        """Send ``typing:indicator`` to the recipient."""
        recipient = people.get(OTHER_SIDE[self.namespace], self.recipient_id)
        background.emit.tell(Typing(self.person_id, self.typing).to(recipient.addresses))


def _send_typing(context: Context, recipient_id: str, *, typing: bool) -> None:
    """Send ``typing:indicator``, unless a newer frame has sent it already. Once a second at most,
    and the last state always.

    Raises ``Refusal`` if the two do not share an open booking.
    """
    session, arrival = context.session, context.arrival
    parties = _parties(context, recipient_id)
    frame = Frame(arrival.id, arrival.ms, context.now_ms // 1000 + TYPING_KEPT_SECONDS)
    change = TypingChange(session.namespace, session.person_id, recipient_id, typing, frame)
    _, now = both(
        lambda: _check_shared(parties), lambda: event_order.claim_paced(change.key, frame)
    )
    if now:
        change.send(context)
    else:
        postpone = partial(context.ports.tasks.postpone, TYPING_POSTPONED, change)
        event_order.postpone_claim(change.key, frame, postpone)


@bookings.on_later(
    TYPING_POSTPONED,
    payload=TypingChange,
    access=Access({"limits": "UpdateItem", "people": "GetItem"}),
)
def send_postponed_typing(background: Background, change: TypingChange) -> None:
    """Send what came too soon after another frame, unless a newer one has come."""
    if event_order.claim_postponed(change.key, change.frame, background.now_ms):
        change.send(background)


def _check_may_message(context: Context, request: Send) -> None:
    """Raise ``Refusal`` if the sender may not send this message to the recipient."""
    if request.booking_id is None:
        _check_shared(_parties(context, request.recipient_id))
        return
    session, booking = context.session, store.find(request.booking_id)
    if booking is None or not booking.is_party(session.namespace, session.person_id):
        raise Refusal(BOOKING_NOT_FOUND)
    if not booking.is_party(OTHER_SIDE[session.namespace], request.recipient_id):
        raise Refusal(NOT_A_PARTY)


class _Parties(msgspec.Struct, frozen=True):
    partner_id: str
    customer_id: str


def _parties(context: Context, other_id: str) -> _Parties:
    """Return the person who sent the frame and another person, as the parties of a booking.

    Raises ``Refusal`` for an admin, who is no party of any booking.
    """
    session = context.session
    if session.namespace == PARTNER.path:
        return _Parties(session.person_id, other_id)
    if session.namespace == CUSTOMER.path:
        return _Parties(other_id, session.person_id)
    raise Refusal(NOTHING_SHARED)


def _check_shared(parties: _Parties) -> None:
    """Raise ``Refusal`` unless the two share a booking that is not final."""
    entries = store.partner(parties.partner_id).open or ()
    customers = {msgspec.json.decode(entry, type=tuple[str, str])[1] for entry in entries}
    if parties.customer_id not in customers:
        raise Refusal(NOTHING_SHARED)
