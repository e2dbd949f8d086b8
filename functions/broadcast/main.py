"""Sends an event to everybody in a room."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import msgspec

from shared.adapters import ports
from shared.lambda_entry import queue_entry
from shared.metrics import Metric, count
from shared.realtime import rooms
from shared.realtime.address import Address, Delivery
from shared.realtime.broadcast import Broadcast
from shared.realtime.context import Emitter

AT_ONCE = 500
"""Addresses held in memory, however many there are."""


@queue_entry(ordered=True)
def handler(body: str) -> None:
    broadcast(msgspec.json.decode(body, type=Broadcast))


def broadcast(message: Broadcast) -> None:
    emit = Emitter(ports())
    members = rooms.members_with_forms(
        message.room, message.namespace, message.skip_person, message.by_ms
    )
    while some := list(islice(members, AT_ONCE)):
        count(Metric.BROADCAST_RECIPIENTS, emit(*deliveries(message, some)))


def deliveries(message: Broadcast, members: list[tuple[Address, str | None]]) -> Iterator[Delivery]:
    """One for every form of the payload that there is among the members."""
    by_form: dict[str | None, list[Address]] = {}
    for address, form in members:
        by_form.setdefault(form if message.own_form else None, []).append(address)
    for form, addresses in by_form.items():
        own = {message.own_form: msgspec.json.decode(form)} if form is not None else {}
        yield Delivery(message.event, {**message.payload, **own}, tuple(addresses))
