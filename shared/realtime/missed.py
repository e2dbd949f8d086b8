"""Events for a person whose client is lost, and perhaps comes back.

A post that finds its connection gone reports the event with it. If the connection is lost, the
event is kept on the person's row, as ``<id>#<when it was lost>#<connection>#<event>``. A device
that joins as this person within ``reconnect_grace_seconds`` of the loss receives it. Until then the
connection is still one of its person's, so it misses what is sent later, too, and the order stays.
A device that has joined since the loss receives the event at once, unless it was sent to that
device anyway.

An event may be overtaken before its client comes back: the call that was accepted is over. So
products say whether such an event is still true (``Check``). A device that is back already may
receive a newer event first, so products also say what has overtaken an event (``OvertakenBy``).

The row of a person who has missed nothing has no such attribute. So joining costs as much as ever:
the condition that the attribute is absent is part of a write that is made anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import msgspec

from shared.aws.log import logger
from shared.aws.parallel import together
from shared.aws.tables import is_still
from shared.ids import compose, decompose
from shared.ports import Missed, Ports
from shared.protocol import json
from shared.realtime import connections, people, recovery
from shared.realtime.address import Address, Delivery, Wire
from shared.realtime.arguments import Arguments
from shared.realtime.connections import Connection
from shared.realtime.emitter import Emitter
from shared.realtime.people import Joined, Person
from shared.realtime.sessions import Session
from shared.settings import settings

_NOTICED_MS = 1_000
"""How much later than its client the stack may notice that a connection is gone."""

_ROUNDS = 8
"""How often an event is kept or sent. Each time, a device of the person has come or gone."""

_HANDED_ON = "-"
"""Stands for an event that waits for no device: those that are back have received it."""


class Check(msgspec.Struct, frozen=True):
    """Whether an event is still true.

    row: the class of the person's row.
    holds: is called with this row and the event's payload.
    """

    row: type[Any]
    holds: Callable[[Any, Any], bool]


Checks = Mapping[tuple[str, str], Check]
"""By namespace and event. An event that is not here stays true."""


class _Kept(msgspec.Struct, frozen=True):
    """The parts of an entry on a person's row.

    lost_ms: when the client was lost, epoch ms, in decimal digits.
    keeper: the connection whose loss has let the event be kept.
    text: the event and its values as JSON, or ``_HANDED_ON``.
    """

    id: str
    lost_ms: str
    keeper: str
    text: str

    @classmethod
    def of(cls, entry: str) -> _Kept:
        """Return the parts of an entry."""
        return cls(*decompose(entry, 4))


class Newer(Protocol):
    """An event that has overtaken another."""

    def to(self, addresses: Iterable[Address]) -> Delivery:
        """Return the delivery of this event to some addresses."""
        ...


OvertakenBy = Callable[[Ports, Session, Any], Newer | None]
"""Is called with a session and the payload of an event that it has missed. Returns the newer event
that its person has been sent, or will be. Returns None if the event is still true."""

Overtaking = Mapping[tuple[str, str], OvertakenBy]
"""By namespace and event. An event that is not here is not overtaken."""


def keep(
    ports: Ports,
    connection: Connection,
    events: Sequence[Missed],
    checks: Checks,
    overtaking: Overtaking,
) -> None:
    """Keep events for the client of a lost connection, and send them to devices that are back.

    A session that has been recovered receives them from its log, and the other devices that are
    back receive them like any event. What is not true any more is dropped. If the client has said
    goodbye after the loss, an event is kept only if an earlier one is: a device that receives that
    one needs this one, too.
    """
    for missed in events:
        session = connection.left_session(missed.namespace)
        if session is None and missed.sid:
            session = recovery.returned(missed.namespace, missed.sid)
        if session is not None and session.authenticated:
            name = missed.namespace, missed.event
            late = _Late(ports, session, missed, overtaking.get(name))
            _keep_one(late, checks.get(name), connection)


def send(ports: Ports, address: Address, person_id: str, joined: Joined, checks: Checks) -> None:
    """Send what a person has missed to a session that joins.

    What is older than the grace, or not true any more, is deleted and not sent.

    joined: the person's row as it was then.
    """

    def is_over(entry: str) -> bool:
        event, values = _decoded(entry)
        check = checks.get((address.namespace, event))
        return check is not None and not check.holds(check.row.from_raw_data(joined.row), values[0])

    recent = _recent(joined.missed, ports.clock.now_ms())
    waiting = sorted(filter(_waits, recent))
    over = set(filter(is_over, waiting))
    Emitter(ports).tell(*(_delivery(address, one) for one in waiting if one not in over))
    if old := joined.missed - recent | over:
        Person(people.key(address.namespace, person_id)).update([Person.missed.delete(old)])


class _Late:
    """An event that a person has missed, on its way to devices that are back already.

    session: the session that has missed it.
    told: the sessions that do not receive it, or have received it, each as ``Address.receiver``.
    """

    def __init__(
        self, ports: Ports, session: Session, missed: Missed, overtaken_by: OvertakenBy | None
    ) -> None:
        self.ports, self.session, self.missed = ports, session, missed
        self.told = set(missed.to)
        self._overtaken_by = overtaken_by

    def is_overtaken(self, back: Sequence[Address]) -> bool:
        """Return whether the devices receive a newer event, as the others do, or have received it.
        Returns False if the event goes to none of them."""
        return bool(self._unaware(back)) and self._newer() is not None

    def send(self, back: Sequence[Address]) -> bool:
        """Send the event to the devices that have not received it.

        Returns False if it is overtaken meanwhile. The newer event may have arrived before, so it
        is sent once more.
        """
        addresses = self._unaware(back)
        if not addresses:
            return True
        emit, missed = Emitter(self.ports), self.missed
        delivery = Delivery(missed.event, Arguments(missed.values), addresses, missed.id)
        emit.tell(delivery, but=self.told)
        self.told.update(one.receiver for one in addresses)
        if newer := self._newer():
            emit.tell(newer.to(addresses), but=missed.to)
            return False
        return True

    def _unaware(self, back: Sequence[Address]) -> tuple[Address, ...]:
        return tuple(one for one in back if one.receiver not in self.told)

    def _newer(self) -> Newer | None:
        if self._overtaken_by is None:
            return None
        return self._overtaken_by(self.ports, self.session, self.missed.values[0])


def _keep_one(late: _Late, check: Check | None, connection: Connection) -> None:
    """Keep one event, and send it to the devices that are back already and have not received it.

    It waits for more devices, unless it has been overtaken, or the only lost device is back and no
    earlier event waits. It is written down before it is sent: if other lost devices have missed it
    too, only one of their functions sends it. The same function does so again if its process has
    died on the way.
    """
    missed, session, left_ms = late.missed, late.session, int(connection.left_ms or 0)
    person_id, now_ms = session.person_id, late.ports.clock.now_ms()
    # A session that has come back since then has arrived again.
    since_ms = max(left_ms - _NOTICED_MS, min(session.arrived_ms, left_ms or session.arrived_ms))
    for _ in range(_ROUNDS):
        if check and not check.holds(_row(missed, person_id, check), missed.values[0]):
            return
        person = people.get(missed.namespace, person_id)
        kept = _recent(person.missed or (), now_ms)
        same = [one for one in kept if _Kept.of(one).id == missed.id]
        others = [one for one in same if _Kept.of(one).keeper != connection.connection_id]
        if any(map(_waits, others)):
            return
        back, lost = _devices(person, since_ms)
        is_back = bool(back) and len(lost) <= 1
        # A device that comes and receives an earlier event needs this one, too.
        waits = any(map(_waits, kept)) or (not is_back and bool(kept or connection.lost))
        if others:
            back = []
        if not (back or waits) or late.is_overtaken(back):
            return
        text = json.dumps([missed.event, missed.values]) if waits else _HANDED_ON
        if len(same) > len(others) or not _has_room(person, kept, text, missed.event):
            late.send(back)
            return
        entry = compose(missed.id, str(max(left_ms, *lost, 0)), connection.connection_id, text)
        as_read = is_still(Person.members, person.members)
        as_read &= is_still(Person.missed, person.missed)
        if person.update_if([Person.missed.set({*kept, entry})], as_read):
            if not late.send(back):
                person.update_if([Person.missed.delete({entry})], Person.missed.exists())
            return


def _has_room(person: Person, kept: set[str], text: str, event: str) -> bool:
    """Return whether one more event may be kept for a person. Logs that it may not.

    For a person who is offline, an event is kept behind an earlier one only: a device that is
    joining at this moment may have received that one.
    """
    values = settings()
    full = len(kept) >= values.missed_events or len(text.encode()) > values.missed_event_bytes
    has_room = not full and (person.online or any(map(_waits, kept)))
    if not has_room:
        logger.warning("event missed", extra={"event": event, "person": person.person_id})
    return has_room


def _row(missed: Missed, person_id: str, check: Check) -> Any:
    """Return the row of the person as the check needs it."""
    return people.get(missed.namespace, person_id, check.row)


def _devices(person: Person, since_ms: int) -> tuple[list[Address], list[int]]:
    """Return the addresses of the devices that may have come back, and when others were lost.

    One that has come back and is lost again is among both if its session can be recovered: what it
    receives is logged.

    since_ms: devices that have joined since then may have come back, epoch ms.
    """
    addresses = person.connected
    rows = together(partial(connections.get, one.connection_id) for one in addresses)
    back = [
        address._replace(wire=Wire.AWAY) if row.lost else address
        for address, row in zip(addresses, rows, strict=True)
        if row is not None
        if (session := row.lost_session(person.namespace) or row.session(person.namespace))
        if session.recovery or not row.lost
        if max(session.arrived_ms, row.opened_at * 1000) >= since_ms
    ]
    return back, [int(row.left_ms or 0) for row in rows if row is not None and row.lost]


def _recent(kept: Iterable[str], now_ms: int) -> set[str]:
    """Return the events that a client may still come back for."""
    oldest_ms = now_ms - settings().reconnect_grace_seconds * 1000
    return {entry for entry in kept if int(_Kept.of(entry).lost_ms) > oldest_ms}


def _waits(entry: str) -> bool:
    """Return whether an entry is of an event that waits for devices that come back."""
    return _Kept.of(entry).text != _HANDED_ON


def _decoded(entry: str) -> tuple[str, list[Any]]:
    """Return the event that an entry keeps, and its values."""
    event, values = msgspec.json.decode(_Kept.of(entry).text)
    return event, values


def _delivery(address: Address, entry: str) -> Delivery:
    event, values = _decoded(entry)
    return Delivery(event, Arguments(values), (address,), _Kept.of(entry).id)
