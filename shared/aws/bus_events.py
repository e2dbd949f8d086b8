"""Events for a team's own systems, which the stack puts on its EventBridge bus.

They are made of the records of the tables' streams: what has been written has happened. A stream
delivers a record again after a failure, so an event may be on the bus more than once, with the same
id each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import msgspec

from shared import times
from shared.aws.streams import Row
from shared.ports import OWN_SOURCE, BusMessage
from shared.protocol import json

_SEQUENCE_DIGITS = 40
"""The most digits of a sequence number.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_StreamRecord.html"""


class BusEvent(msgspec.Struct, frozen=True, rename="camel"):
    """Base of the data of these events. ``type`` is the event's detail-type on the bus."""

    type: ClassVar[str]


class Happened(msgspec.Struct, frozen=True):
    """An event, and when it happened.

    at_ms: the time in epoch ms. With None, it is the time of the write, exact to the second.
    """

    event: BusEvent
    at_ms: float | None = None


EventsOf = Callable[[Row, Row], Iterable[Happened]]
"""A pure function of a row before and after a change, which yields what has happened."""


class Detail(msgspec.Struct, frozen=True):
    """Base of the details of events on the bus.

    ``id``: the same whenever the event is delivered again; two events have different ones.
    ``time``: when it happened, ISO 8601.
    ``sequence``: 40 digits. Of two events about the same person, call or booking with the same
    time, the one with the greater text has happened later.
    ``data``: what has happened.
    """

    id: str
    time: str
    sequence: str
    data: Any


def message(record: dict[str, Any], happened: Happened) -> BusMessage:
    """Return the message of an event that a record of a stream has made."""
    change, event = record["dynamodb"], happened.event
    at_ms = happened.at_ms
    if at_ms is None:
        at_ms = float(change["ApproximateCreationDateTime"]) * 1000
    detail = Detail(
        id=f"{record['eventID']}.{event.type}",
        time=times.iso(at_ms),
        sequence=change["SequenceNumber"].zfill(_SEQUENCE_DIGITS),
        data=event,
    )
    return BusMessage(event.type, json.dumps(detail), OWN_SOURCE, int(at_ms))
