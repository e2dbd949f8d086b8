"""Events for a person whose client is lost, and perhaps comes back.

A post that finds its connection gone reports the event with it. If the connection is lost, the
event is kept on the person's row, as ``<id>#<when it was kept>#<event>``. A device that joins as
this person within ``reconnect_grace_seconds`` receives it. A device that has joined since the loss
receives it at once, unless it was sent to that device anyway.

An event may be overtaken before its client comes back: the call that was accepted is over. So
products say whether such an event is still true (``Check``).

The row of a person who has missed nothing has no such attribute. So joining costs as much as ever:
the condition that the attribute is absent is part of a write that is made anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec

from shared.aws.log import logger
from shared.aws.parallel import together
from shared.aws.tables import is_still
from shared.ids import compose, decompose
from shared.ports import Missed, Ports
from shared.protocol import json
from shared.realtime import connections, people
from shared.realtime.address import Address, Delivery
from shared.realtime.arguments import Arguments
from shared.realtime.connections import Connection
from shared.realtime.emitter import Emitter
from shared.realtime.people import Joined, Person
from shared.settings import settings

_NOTICED_MS = 1_000
"""How much later than its client the stack may notice that a connection is gone."""

_ROUNDS = 8
"""How often an event is kept or sent. Each time, a device of the person has come or gone."""


class Check(NamedTuple):
    """Whether an event is still true.

    row: the class of the person's row.
    holds: is called with this row and the event's payload.
    """

    row: type[Any]
    holds: Callable[[Any, Any], bool]


Checks = Mapping[tuple[str, str], Check]
"""By namespace and event. An event that is not here stays true."""


def keep(ports: Ports, connection: Connection, events: Sequence[Missed], checks: Checks) -> None:
    """Keep events for the client of a lost connection, and send them to devices that are back.

    A session that has been recovered receives them from its log. What is not true any more is
    dropped.
    """
    for missed in events:
        session = connection.lost_session(missed.namespace)
        if session is not None and session.authenticated:
            since_ms = int(connection.left_ms or 0) - _NOTICED_MS
            check = checks.get((missed.namespace, missed.event))
            _keep_one(ports, session.person_id, missed, check, since_ms)


def send(ports: Ports, address: Address, person_id: str, joined: Joined, checks: Checks) -> None:
    """Send what a person has missed to a session that has just joined.

    What is older than the grace, or not true any more, is deleted and not sent.

    joined: the person's row as it was then.
    """

    def is_true(entry: str) -> bool:
        event, values = _decoded(entry)
        check = checks.get((address.namespace, event))
        return check is None or check.holds(check.row.from_raw_data(joined.row), values[0])

    recent = set(filter(is_true, _recent(joined.missed, ports.clock.now_ms())))
    Emitter(ports).tell(*(_delivery(address, one) for one in sorted(recent)))
    if old := joined.missed - recent:
        Person(people.key(address.namespace, person_id)).update([Person.missed.delete(old)])


def _keep_one(
    ports: Ports, person_id: str, missed: Missed, check: Check | None, since_ms: int
) -> None:
    """Keep one event, and send it to the devices that are back already and have not received it.

    It is not kept if the only lost device is back. Nothing happens if it is kept already, because
    another device of the person has missed it too.

    since_ms: devices that have joined since then have perhaps come back, epoch ms.
    """
    text = json.dumps([missed.event, missed.values])
    now_ms, told = ports.clock.now_ms(), set[str](missed.to)
    entry = compose(missed.id, str(now_ms), text)
    for _ in range(_ROUNDS):
        if check and not check.holds(_row(missed, person_id, check), missed.values[0]):
            return
        person = people.get(missed.namespace, person_id)
        values, kept = settings(), _recent(person.missed or (), now_ms)
        if any(_id_of(one) == missed.id for one in kept):
            return
        back, lost = _devices(person, since_ms)
        late = tuple(one for one in back if one.receiver not in told)
        again = Delivery(missed.event, Arguments(missed.values), late, missed.id)
        Emitter(ports).tell(again, but=told)
        told |= {one.receiver for one in late}
        if back and lost <= 1:
            return
        full = len(kept) >= values.missed_events
        if full or not person.online or len(text.encode()) > values.missed_event_bytes:
            logger.warning("event missed", extra={"event": missed.event, "person": person_id})
            return
        as_read = is_still(Person.members, person.members)
        as_read &= is_still(Person.missed, person.missed)
        if person.update_if([Person.missed.set({*kept, entry})], as_read):
            return


def _row(missed: Missed, person_id: str, check: Check) -> Any:
    """Return the row of the person as the check needs it."""
    return people.get(missed.namespace, person_id, check.row)


def _devices(person: Person, since_ms: int) -> tuple[list[Address], int]:
    """Return the addresses of the devices that have joined since then and are not leaving, and how
    many devices are lost."""
    addresses = person.connected
    rows = together(partial(connections.get, one.connection_id) for one in addresses)
    back = [
        address
        for address, row in zip(addresses, rows, strict=True)
        if row is not None and (session := row.session(person.namespace))
        if max(session.arrived_ms, row.opened_at * 1000) >= since_ms
    ]
    return back, sum(row is not None and bool(row.lost) for row in rows)


def _recent(kept: Iterable[str], now_ms: int) -> set[str]:
    """Return the events that a client may still come back for."""
    oldest_ms = now_ms - settings().reconnect_grace_seconds * 1000
    return {entry for entry in kept if int(decompose(entry, 3)[1]) > oldest_ms}


def _id_of(entry: str) -> str:
    return decompose(entry, 3)[0]


def _decoded(entry: str) -> tuple[str, list[Any]]:
    """Return the event that an entry keeps, and its values."""
    event, values = msgspec.json.decode(decompose(entry, 3)[2])
    return event, values


def _delivery(address: Address, entry: str) -> Delivery:
    event, values = _decoded(entry)
    return Delivery(event, Arguments(values), (address,), _id_of(entry))
