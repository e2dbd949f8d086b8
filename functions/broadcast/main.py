"""Sends an event to everybody in a room."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import msgspec

from shared.adapters import ports
from shared.lambda_entry import Event, entry
from shared.log import logger
from shared.realtime import rooms
from shared.realtime.address import Address, Delivery
from shared.realtime.broadcast import Broadcast
from shared.realtime.context import Emitter

AT_ONCE = 500
"""Addresses held in memory, however many there are."""


@entry
def handler(event: Event) -> dict[str, list[dict[str, str]]]:
    """A batch of the queue, in order. From the first that fails on, all are handed in again: the
    queue keeps the order within a group only if nothing overtakes.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    records = event["Records"]
    for done, record in enumerate(records):
        try:
            broadcast(msgspec.json.decode(record["body"], type=Broadcast))
        except Exception:  # noqa: BLE001 - reported for this message and those after it
            logger.exception("broadcast failed")
            failed = records[done:]
            return {"batchItemFailures": [{"itemIdentifier": one["messageId"]} for one in failed]}
    return {"batchItemFailures": []}


def broadcast(message: Broadcast) -> None:
    emit = Emitter(ports())
    members = rooms.members_with_forms(
        message.room, message.namespace, message.skip_person, message.by_ms
    )
    while some := list(islice(members, AT_ONCE)):
        emit(*deliveries(message, some))


def deliveries(message: Broadcast, members: list[tuple[Address, str | None]]) -> Iterator[Delivery]:
    """One for every form of the payload that there is among the members."""
    by_form: dict[str | None, list[Address]] = {}
    for address, form in members:
        by_form.setdefault(form if message.own_form else None, []).append(address)
    for form, addresses in by_form.items():
        own = {message.own_form: msgspec.json.decode(form)} if form is not None else {}
        yield Delivery(message.event, {**message.payload, **own}, tuple(addresses))
