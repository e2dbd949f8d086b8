"""Events for a person whose client is lost, and perhaps comes back.

A post that finds its connection gone reports the event with it. If the connection is lost, the
event is kept on the person's row. A device that joins as this person within
``reconnect_grace_seconds`` receives it. A device that has joined since the loss receives it at
once, unless it was sent to that device anyway.

The row of a person who has missed nothing has no such attribute. So joining costs as much as ever:
the condition that the attribute is absent is part of a write that is made anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

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
from shared.realtime.people import Person
from shared.settings import settings

_TIME_DIGITS = 11
"""Every kept event begins with the time at which it was missed, in so many hex digits."""

_NOTICED_MS = 1_000
"""How much later than its client the stack may notice that a connection is gone."""

_ROUNDS = 8
"""How often an event is kept or sent. Each time, a device of the person has come or gone."""


def keep(ports: Ports, connection: Connection, events: Sequence[Missed]) -> None:
    """Keep events for the client of a lost connection, or send them to who is back already."""
    for number, missed in enumerate(events):
        session = connection.lost_session(missed.namespace)
        if session is not None and session.authenticated:
            since_ms = int(connection.left_ms or 0) - _NOTICED_MS
            _keep_one(ports, session.person_id, missed, number, since_ms)


def send(ports: Ports, address: Address, person_id: str, kept: Iterable[str]) -> None:
    """Send what a person has missed to a session that has just joined.

    kept: ``Person.missed`` as it was then. What is older than the grace is deleted, not sent.
    """
    recent = _recent(kept, ports.clock.now_ms())
    Emitter(ports).tell(*(_delivery(address, one) for one in sorted(recent)))
    if old := set(kept) - recent:
        Person(people.key(address.namespace, person_id)).update([Person.missed.delete(old)])


def _keep_one(ports: Ports, person_id: str, missed: Missed, number: int, since_ms: int) -> None:
    """Keep or send one event.

    number: its place among those that were missed at the same time.
    since_ms: devices that have joined since then have perhaps come back, epoch ms.
    """
    text = json.dumps([missed.event, missed.values])
    at_ms = ports.clock.now_ms()
    for _ in range(_ROUNDS):
        person = people.get(missed.namespace, person_id)
        back = _joined_since(person, since_ms)
        if back:
            late = tuple(one for one in back if one.connection_id not in missed.to)
            Emitter(ports).tell(Delivery(missed.event, Arguments(missed.values), late))
            return
        values, kept = settings(), _recent(person.missed or (), at_ms)
        full = len(kept) >= values.missed_events
        if full or not person.online or len(text.encode()) > values.missed_event_bytes:
            logger.warning("event missed", extra={"event": missed.event, "person": person_id})
            return
        entry = compose(f"{at_ms:0{_TIME_DIGITS}x}{number:02x}", text)
        as_read = is_still(Person.members, person.members)
        as_read &= is_still(Person.missed, person.missed)
        if person.update_if([Person.missed.set({*kept, entry})], as_read):
            return


def _joined_since(person: Person, since_ms: int) -> list[Address]:
    """Return the addresses of the devices that have joined since then and are not leaving."""
    addresses = person.addresses
    rows = together(partial(connections.get, one.connection_id) for one in addresses)
    return [
        address
        for address, row in zip(addresses, rows, strict=True)
        if row is not None and (session := row.session(person.namespace))
        if max(session.arrived_ms, row.opened_at * 1000) >= since_ms
    ]


def _recent(kept: Iterable[str], now_ms: int) -> set[str]:
    """Return what a client may still come back for."""
    oldest_ms = now_ms - settings().reconnect_grace_seconds * 1000
    return {entry for entry in kept if int(entry[:_TIME_DIGITS], 16) > oldest_ms}


def _delivery(address: Address, entry: str) -> Delivery:
    event, values = msgspec.json.decode(decompose(entry, 2)[1])
    return Delivery(event, Arguments(values), (address,))
