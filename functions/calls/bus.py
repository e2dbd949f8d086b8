"""What the call product puts on the stack's bus, for a team's own systems."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from functions.calls.namespaces import TELECALLER
from functions.calls.presence.changes import presence
from functions.calls.product import calls
from functions.calls.rows import CurrentCall, PartyRow
from functions.calls.state import Trigger
from shared import times
from shared.aws.bus_events import BusEvent, Happened
from shared.aws.streams import Row
from shared.calling import bus_events
from shared.calling.bus_events import CallAnswered, CallCancelled, CallRinging
from shared.calling.call_records import CallRecord
from shared.ids import decompose
from shared.pipeline.deployment import RowsOf
from shared.realtime import people


class TelecallerPresence(BusEvent, frozen=True):
    """A telecaller whose presence has changed, as users see it.

    ``presence``: ``ONLINE``, ``OFFLINE`` or ``ON_CALL``. While a call rings, it stays ``ONLINE``.
    """

    type = "presence.changed"
    product: Literal["calls"]
    telecaller_id: str
    presence: Literal["ONLINE", "OFFLINE", "ON_CALL"]


@calls.publishes(
    "people",
    CallRinging,
    CallAnswered,
    CallCancelled,
    TelecallerPresence,
    rows=RowsOf("person", people.key(TELECALLER.path, "")),
)
def of_telecaller(before: Row, after: Row) -> Iterator[Happened]:
    """Yield what a change of a telecaller's row says of the call and of the presence."""
    _, telecaller_id = decompose((after or before or {})["person"]["S"], 2)
    then, now = _row(before), _row(after)
    if now.current_call is not None:
        about = _about(telecaller_id, now.current_call)
        yield from bus_events.progress(before, after, about, now.current_call)
    if _is_withdrawn(then, now):
        yield _withdrawn(telecaller_id, then.call)
    if presence(before) is not presence(after):
        yield Happened(TelecallerPresence("calls", telecaller_id, presence(after).value))


@calls.publishes("calls", *bus_events.ENDS)
def of_record(_: Row, after: Row) -> Iterator[Happened]:
    """Yield the end of a call of this product."""
    record = CallRecord.from_raw_data(dict(after or {}))
    if record.product == calls.name:
        yield bus_events.over(record, paid_off=Trigger.BALANCE)


def _row(image: Row) -> PartyRow:
    return PartyRow.from_raw_data(dict(image)) if image else PartyRow()


def _about(telecaller_id: str, call: CurrentCall) -> dict[str, Any]:
    return {"product": calls.name, "user_id": call.peer_id, "telecaller_id": telecaller_id}


def _is_withdrawn(then: PartyRow, now: PartyRow) -> bool:
    """Return whether a call has gone from a row without an end: ``starting.withdraw`` leaves no
    mark and no record."""
    call = then.current_call
    if call is None or now.is_in(call.id):
        return False
    known = set(then.untold or ())
    return not any(mark.about == call.id and mark.text not in known for mark in now.marks)


def _withdrawn(telecaller_id: str, call: CurrentCall) -> Happened:
    """Return the end of a call that no client has known of, at the time of its start."""
    at = times.iso(call.started_at)
    about = _about(telecaller_id, call) | {"call_id": call.id, "call_type": call.type}
    cancelled = CallCancelled(**about, started_at=at, ended_at=at, ended_by=None)
    return Happened(cancelled, call.started_at)
