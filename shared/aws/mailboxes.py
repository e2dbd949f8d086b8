"""The mailboxes of clients that poll: what waits for each client, and who works on it.

A client that uses Engine.IO's long polling has no connection to which frames can be posted. It has
a row here instead, and a connection id of our own making, which no other code needs to tell from
API Gateway's. Every change is one conditional write, so each packet is handed out once, in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pynamodb.attributes import BooleanAttribute, ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition, size

from shared.aws.tables import Table, TableName, is_still
from shared.settings import settings

PREFIX = "~"
"""What the connection id of a client that polls begins with. API Gateway's ids never do."""

NO_GOODBYE = ""
"""What a session ends with whose client is to come back. python-socketio does not after a ``1``."""

TOO_LARGE = "ValidationException"
"""The code with which DynamoDB refuses an item of more than 400 KB."""

MOST_KNOWN = 10_000
"""How many clients that have upgraded late a process remembers."""

LEASE_MS = 30_000
"""The longest that an invocation can work on a mailbox: API Gateway's limit for a request. After
this time it counts as dead."""


class Full(Exception):
    """A mailbox has no room for a packet."""


class Mailbox(Table):
    """The mailbox of a client that polls. Times ending in ``_ms`` are epoch milliseconds.

    connection_id: ``PREFIX`` and the Engine.IO session id.
    protocol: the version of the Engine.IO protocol.
    outbox: the packets that wait for the client.
    held: the first packets of the client, each as ``<arrival in ms> <packet>``, until they are
        handled. The attribute is absent after that: later packets are handled as they come.
    held_until_ms: when they are handled if the client has not upgraded.
    row: the client's row of the connections table, as JSON, until it is written there.
    handled_until_ms: the lease of the invocation that handles them.
    poll: the id of the GET that waits, with its lease in ``poll_until_ms``.
    post_until_ms: the lease of the POST that is being handled.
    polled_at: when the client's last GET began or ended, epoch seconds.
    websocket: the WebSocket to which the client upgrades, until ``upgrade_until_ms``.
    probed: whether the client has tried that WebSocket.
    moved_to: the WebSocket to which the client has upgraded.
    closed: the last packet for the client, if the session is over; ``NO_GOODBYE`` if there is none.
    expires_at: when DynamoDB may delete the row, epoch seconds.
    """

    class Meta:
        table_name = TableName("mailboxes")

    connection_id = UnicodeAttribute(hash_key=True, attr_name="connectionId")
    protocol = NumberAttribute(default=4)
    outbox: Any = ListAttribute(default=list)
    held: Any = ListAttribute(null=True)
    held_until_ms = NumberAttribute(attr_name="heldUntil", default=0)
    row: Any = UnicodeAttribute(null=True)
    handled_until_ms = NumberAttribute(attr_name="handledUntil", default=0)
    poll = UnicodeAttribute(null=True)
    poll_until_ms = NumberAttribute(attr_name="pollUntil", default=0)
    post_until_ms = NumberAttribute(attr_name="postUntil", default=0)
    polled_at = NumberAttribute(attr_name="polledAt", default=0)
    websocket = UnicodeAttribute(null=True)
    upgrade_until_ms = NumberAttribute(attr_name="upgradeUntil", default=0)
    probed = BooleanAttribute(null=True)
    moved_to = UnicodeAttribute(attr_name="movedTo", null=True)
    closed = UnicodeAttribute(null=True)
    expires_at = NumberAttribute(attr_name="expiresAt")

    @property
    def over(self) -> bool:
        """Whether the session is over."""
        return self.closed is not None

    def posting(self, now_ms: int) -> bool:
        """Return whether a POST is being handled."""
        return now_ms < self.post_until_ms

    def upgrading(self, now_ms: int) -> bool:
        """Return whether the client is about to upgrade to a WebSocket."""
        return bool(self.websocket) and now_ms < self.upgrade_until_ms


_OPEN = Mailbox.connection_id.exists() & Mailbox.closed.does_not_exist()
_HERE = _OPEN & Mailbox.moved_to.does_not_exist()
"""The condition that the session goes on, by polling."""


def polls(connection_id: str) -> bool:
    """Return whether a connection id is that of a client that polls, or has upgraded late."""
    return connection_id.startswith(PREFIX)


def remember(known: dict[str, str], connection_id: str, other_id: str) -> None:
    """Remember the other connection id of a client that has upgraded late, which never changes."""
    if len(known) >= MOST_KNOWN:
        known.clear()
    known[connection_id] = other_id


def get(connection_id: str, *, consistent: bool = True) -> Mailbox | None:
    """Return a mailbox, or None if there is none. ``consistent=False`` costs half."""
    try:
        return Mailbox.get(connection_id, consistent_read=consistent)
    except Mailbox.DoesNotExist:
        return None


def put(connection_id: str, packet: str, now_ms: int) -> bool:
    """Add a packet for the client.

    Returns False, and adds nothing, if the client has upgraded, is gone, or has a full mailbox.
    """
    gone = now_ms // 1000 - settings().polling_gone_seconds
    room = size(Mailbox.outbox) < settings().mailbox_packets
    return Mailbox(connection_id).update_if(
        [Mailbox.outbox.set(Mailbox.outbox.append([packet]))],
        _HERE & (Mailbox.polled_at > gone) & room,
    )


def close(connection_id: str, packet: str) -> bool:
    """End the session. ``packet`` is the last one that the client receives.

    Returns False if there is no such session by polling, or it is over already.
    """
    return Mailbox(connection_id).update_if([Mailbox.closed.set(packet)], _HERE)


def delete(connection_id: str) -> None:
    """Delete a mailbox. Idempotent."""
    Mailbox(connection_id).delete()


def begin_poll(connection_id: str, poll: str, now_ms: int) -> Mailbox | None:
    """Let a GET wait for packets, and return the mailbox.

    Returns None if another GET waits, or the client does not poll any longer.
    """
    row = Mailbox(connection_id)
    free = Mailbox.poll.does_not_exist() | (Mailbox.poll_until_ms < now_ms)
    actions = [
        Mailbox.poll.set(poll),
        Mailbox.poll_until_ms.set(now_ms + LEASE_MS),
        Mailbox.polled_at.set(now_ms // 1000),
    ]
    here = Mailbox.connection_id.exists() & Mailbox.moved_to.does_not_exist()
    return row if row.update_if(actions, here & free) else None


def end_poll(connection_id: str, poll: str, now_ms: int) -> Mailbox | None:
    """Take all packets out for a GET, which then waits no longer. Returns the mailbox before that.

    Returns None, and takes nothing, if the client has upgraded meanwhile, or is gone.
    """
    actions = [
        Mailbox.poll.remove(),
        Mailbox.outbox.set([]),
        Mailbox.polled_at.set(now_ms // 1000),
    ]
    return Mailbox(connection_id).replace_if(actions, Mailbox.poll == poll)


def begin_post(connection_id: str, now_ms: int) -> Mailbox | None:
    """Let a POST be handled, and return the mailbox.

    Returns None if another POST is being handled, or the client does not poll any longer.
    """
    row = Mailbox(connection_id)
    actions = [Mailbox.post_until_ms.set(now_ms + LEASE_MS)]
    return row if row.update_if(actions, _HERE & (Mailbox.post_until_ms < now_ms)) else None


def end_post(connection_id: str) -> None:
    """Let the next POST be handled. Idempotent."""
    Mailbox(connection_id).update_if([Mailbox.post_until_ms.set(0)], _HERE)


def held(packets: Iterable[str], now_ms: int) -> list[str]:
    """Return packets that have arrived together as they stand in ``Mailbox.held``."""
    return [f"{now_ms + number} {packet}" for number, packet in enumerate(packets)]


def hold(box: Mailbox, held: Sequence[str], answers: Sequence[str], row: str | None) -> bool:
    """Keep the packets of a POST with the first ones, and let the next POST be handled.

    Returns False, and changes nothing, if the first ones have been handled, or the client's row has
    been written since ``box`` was read. Raises ``Full`` if they are more than an item may hold.

    answers: packets for the client.
    row: the client's row as it is from now on, or None if it has been written.
    """
    actions = [
        Mailbox.held.set(Mailbox.held.append(list(held))),
        Mailbox.outbox.set(Mailbox.outbox.append(list(answers))),
        Mailbox.post_until_ms.set(0),
    ]
    if row is not None:
        actions.append(Mailbox.row.set(row))
    unchanged = _HERE & Mailbox.held.exists() & is_still(Mailbox.row, box.row)
    try:
        return Mailbox(box.connection_id).update_if(actions, unchanged)
    except UpdateError as error:
        if error.cause_response_code == TOO_LARGE:
            raise Full(box.connection_id) from error
        raise


def forget_row(box: Mailbox) -> bool:
    """Note that the client's row has been written.

    Returns False, and changes nothing, if the row has changed since ``box`` was read.
    """
    unchanged: Condition = Mailbox.row == box.row
    return Mailbox(box.connection_id).update_if([Mailbox.row.remove()], unchanged)


def claim_held(connection_id: str, now_ms: int) -> Mailbox | None:
    """Claim the handling of the first packets, and return the mailbox with them.

    Returns None if there are none, or another invocation handles them.
    """
    row = Mailbox(connection_id)
    claimed = row.update_if(
        [Mailbox.handled_until_ms.set(now_ms + LEASE_MS)],
        _HERE & Mailbox.held.exists() & (Mailbox.handled_until_ms < now_ms),
    )
    return row if claimed else None


def finish_held(connection_id: str, count: int) -> bool:
    """End the time of the first packets, after ``count`` of them have been handled.

    Returns False if more have come meanwhile.
    """
    return Mailbox(connection_id).update_if(
        [Mailbox.held.remove(), Mailbox.handled_until_ms.set(0)],
        Mailbox.held.exists() & (size(Mailbox.held) == count),
    )


def begin_upgrade(connection_id: str, websocket: str, now_ms: int) -> Mailbox | None:
    """Let a client begin its upgrade to a WebSocket, and return the mailbox.

    Returns None if the client has upgraded, is about to do so, or is gone.
    """
    row, values = Mailbox(connection_id), settings()
    free = Mailbox.websocket.does_not_exist() | (Mailbox.upgrade_until_ms < now_ms)
    actions = [
        Mailbox.websocket.set(websocket),
        Mailbox.upgrade_until_ms.set(now_ms + int(values.upgrade_seconds * 1000)),
        Mailbox.held_until_ms.set(now_ms + values.upgrade_hold_ms),
        Mailbox.probed.remove(),
    ]
    return row if row.update_if(actions, _HERE & free) else None


def probe(connection_id: str, websocket: str, now_ms: int) -> bool:
    """Note that the client has tried its WebSocket, so that its GET is let go.

    Returns False if the client does not upgrade to this WebSocket.
    """
    return Mailbox(connection_id).update_if(
        [
            Mailbox.probed.set(True),
            Mailbox.held_until_ms.set(now_ms + settings().upgrade_hold_ms),
        ],
        _HERE & _upgrades_to(websocket, now_ms),
    )


def abandon_upgrade(connection_id: str, websocket: str) -> None:
    """Let the client go on by polling, because its WebSocket is gone. Idempotent."""
    Mailbox(connection_id).update_if(
        [Mailbox.websocket.remove(), Mailbox.probed.remove()],
        _HERE & (Mailbox.websocket == websocket),
    )


def take_outbox(connection_id: str, websocket: str, now_ms: int) -> Mailbox | None:
    """Let no GET take packets out any longer, and return the mailbox, packets included.

    Returns None if the client does not upgrade to this WebSocket, or not in time.
    """
    row = Mailbox(connection_id)
    actions = [Mailbox.poll.set(websocket), Mailbox.poll_until_ms.set(now_ms + LEASE_MS)]
    return row if row.update_if(actions, _HERE & _upgrades_to(websocket, now_ms)) else None


def move(connection_id: str, websocket: str, sent: int, now_ms: int) -> Mailbox | None:
    """Finish an upgrade, after ``sent`` packets of the outbox have been posted to the WebSocket.

    Returns the mailbox as it was. Returns None if more packets wait, if the first packets are being
    handled, or if the client does not upgrade to this WebSocket.
    """
    return Mailbox(connection_id).replace_if(
        [
            Mailbox.moved_to.set(websocket),
            Mailbox.outbox.set([]),
            Mailbox.held.remove(),
            Mailbox.row.remove(),
            Mailbox.poll.remove(),
        ],
        _HERE
        & _upgrades_to(websocket, now_ms)
        & (size(Mailbox.outbox) == sent)
        & (Mailbox.handled_until_ms < now_ms),
    )


def _upgrades_to(websocket: str, now_ms: int) -> Condition:
    condition: Condition = (Mailbox.websocket == websocket) & (Mailbox.upgrade_until_ms > now_ms)
    return condition


def take_slot(number: int, now_ms: int, until_ms: int) -> bool:
    """Take one of the slots for GETs that wait long. Returns False if it is taken.

    It is free again with ``free_slot``, or at ``until_ms``.
    """
    slot = Mailbox(f"slot {number}", poll_until_ms=until_ms, expires_at=until_ms // 1000 + 60)
    return slot.save_if(Mailbox.connection_id.does_not_exist() | (Mailbox.poll_until_ms < now_ms))


def free_slot(number: int) -> None:
    """Give a slot back. Idempotent."""
    delete(f"slot {number}")
