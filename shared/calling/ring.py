"""The contract of a ring: the row on which a call rings, and what other code reads there.

A call rings on one row of the people table. It is the row of the person who is called, or a row of
the call's own, ``call#<id>``, if a product keeps its calls apart from persons. On that row, the
call is the map ``call`` with at least an ``id`` and a ``status``.

Four readers rely on this: the timers (``infra/call_timer.asl.json``;
``tests/infra/test_call_timers.py`` proves that it agrees with this module), the function that they
invoke (``functions/ring``),
the sweep of each product, and ``functions/calls/presence``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pynamodb.attributes import MapAttribute, UnicodeAttribute

from shared.aws.log import logger
from shared.aws.streams import Row
from shared.ids import compose, decompose
from shared.ports import Ports
from shared.realtime.people import Person
from shared.settings import settings

ATTRIBUTE = "call"
"""The attribute of the row that has the call."""

ID, STATUS = "id", "status"
"""The fields of the attribute that other code reads."""

RINGING = "RINGING"
"""The status of a call that rings, and the only status in which the timer times a call out."""

ACCEPTED = "ACCEPTED"
"""The status of a call that has been answered and goes on."""

CALL_ROW = "call"
"""The prefix of a call's own row. The row of a person has their namespace as its prefix."""


class CallOnRow(MapAttribute[str, Any]):
    """A call on the row on which it rings. Products add their own fields.

    id: the call's id.
    status: the call's status.
    """

    id = UnicodeAttribute(attr_name=ID)
    status = UnicodeAttribute(attr_name=STATUS, null=True)


class CalledPerson(Person):
    """The row of a person who may be called, as code outside the call's product reads it.

    call: the call that rings or goes on, or None.
    """

    call: Any = CallOnRow(attr_name=ATTRIBUTE, null=True)


class Seen(NamedTuple):
    """The id and the status of the call on a row. Both are None if there is no call on the row."""

    id: str | None
    status: str | None


def row_of_call(call_id: str) -> str:
    """Return the key of a call's own row."""
    return compose(CALL_ROW, call_id)


def prefix(row: str) -> str:
    """Return the prefix of a row's key: the namespace of a person, or ``CALL_ROW``."""
    return decompose(row, 2)[0]


def start(ports: Ports, row: str, call_id: str) -> None:
    """Start the timer of a call, which times the call out after ``ring_timeout_seconds``.

    row: the key of the row on which the call rings.
    """
    seconds = settings().ring_timeout_seconds
    ports.tasks.ring(call_id=call_id, person=row, seconds=seconds)


def try_start(ports: Ports, row: str, call_id: str) -> Exception | None:
    """Start the timer as ``start`` does. Returns the error if the timer could not be started.

    So a caller that starts the timer and sends events at the same time can tell which of the two
    has failed.
    """
    try:
        start(ports, row, call_id)
    except Exception as error:  # noqa: BLE001 - the caller decides
        logger.exception("the ring timer of call %s could not be started", call_id)
        return error
    return None


def overdue_start_ms(now_ms: int) -> int:
    """Return a time in epoch ms: a call that started then or earlier should have been timed out.

    If it still rings, it has no timer: the timer could not be started in time, or has failed for
    good.
    """
    values = settings()
    seconds = values.ring_timeout_seconds + values.ring_timer_grace_seconds
    return now_ms - seconds * 1000


def on_image(row: Row) -> Seen:
    """Return the id and status of a row's call. The row is in DynamoDB's form (``{"S": …}``)."""
    call = (row or {}).get(ATTRIBUTE, {}).get("M", {})
    return Seen(call.get(ID, {}).get("S"), call.get(STATUS, {}).get("S"))


def on_row(row: CalledPerson) -> Seen:
    """Return the id and the status of the call on a person's row."""
    return Seen(row.call.id, row.call.status) if row.call else Seen(None, None)
