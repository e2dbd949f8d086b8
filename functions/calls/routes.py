"""The HTTP route of the history of calls, of every product that has calls."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import msgspec

from functions.calls import attendance, billing
from functions.calls.product import MAY_READ_RECORDS, calls
from functions.calls.state import Status
from shared import times
from shared.aws.parallel import both
from shared.calling import call_records
from shared.calling.call_records import CallRecord
from shared.calling.running import RunningCall
from shared.ids import Id
from shared.pipeline import paging
from shared.pipeline.authentication import require_admin
from shared.pipeline.http import HttpRequest
from shared.pipeline.paging import Items
from shared.pipeline.payloads import one_of
from shared.pipeline.routes import Parameter

FIRST = "~"
"""A key that is greater than every call's id: the page after it has the newest calls that are over.
"""


class Attendance(msgspec.Struct, frozen=True, rename="camel"):
    """When the parties of a call were in its LiveKit room. Times are ISO 8601, or null. Left: at
    the end of the latest stay; null while it lasts."""

    user_joined_at: str | None
    user_left_at: str | None
    telecaller_joined_at: str | None
    telecaller_left_at: str | None


class Call(msgspec.Struct, frozen=True, rename="camel"):
    """A call. ``product``: the product that the call belongs to. ``status``: ``RINGING``,
    ``ACCEPTED``, or how the call has ended. Times are ISO 8601; ``acceptedAt`` is null if the call
    was not accepted, ``endedAt`` if it is not over. ``durationSeconds``: since it was accepted.
    ``coins``: what the user has paid. ``attendance``: only if LiveKit has reported of the call."""

    call_id: str
    product: Annotated[str, one_of("calls", "chat")]
    call_type: Annotated[str, one_of("AUDIO", "VIDEO", "audio", "video")]
    status: Annotated[str, one_of(*Status)]
    user_id: str
    telecaller_id: str
    started_at: str
    accepted_at: str | None
    ended_at: str | None
    duration_seconds: int
    coins: int
    attendance: Attendance | msgspec.UnsetType = msgspec.UNSET


class Calls(Items[Call], frozen=True):
    """A page of calls, newest first. The first page begins with the calls that ring or go on."""


@calls.route(
    "GET /calls",
    query={**paging.QUERY, "userId": Parameter("Whose calls, for admins", Id)},
    errors=(403,),
    access=MAY_READ_RECORDS,
)
def history(request: HttpRequest) -> Calls:
    """Return the calls of the person who asks: those that ring or go on, and then those that are
    over, newest first. An admin may ask for another person's calls with `userId`."""
    identity = request.identity
    person_id = request.id_parameter("userId") or identity.account_id
    if person_id != identity.account_id:
        require_admin(identity)
    page = paging.read(request.query)
    finders = request.registry.call_finders if page.before is None else []
    running, over = both(
        lambda: [call for find in finders for call in find(person_id)],
        partial(call_records.of_person, person_id, page.rows, page.before),
    )
    ended = {record.call_id for record in over}  # between the two reads
    now_ms = request.ports.clock.now_ms()
    first = [going_on(call, now_ms) for call in running if call.id not in ended][: page.limit]
    shown = [finished(record) for record in over[: page.limit - len(first)]]
    last = shown[-1].call_id if shown else FIRST
    cursor = paging.cursor(last) if len(over) > len(shown) else None
    return Calls([*first, *shown], cursor)


def going_on(call: RunningCall, now_ms: int) -> Call:
    """Return a call that is not over as its parties see it."""
    return Call(
        call_id=call.id,
        product=call.product,
        call_type=call.type,
        status=call.status,
        user_id=call.caller_id,
        telecaller_id=call.callee_id,
        started_at=times.iso(call.started_at),
        accepted_at=None if call.accepted_at is None else times.iso(call.accepted_at),
        ended_at=None,
        duration_seconds=billing.duration_seconds(call.accepted_at, now_ms),
        coins=0,
        attendance=_attendance(call.attendance),
    )


def finished(record: CallRecord) -> Call:
    """Return a record of a call as its parties see it."""
    accepted_at = record.accepted_at
    return Call(
        call_id=record.call_id,
        product=record.product,
        call_type=record.call_type,
        status=record.status,
        user_id=record.caller_id,
        telecaller_id=record.callee_id,
        started_at=times.iso(record.started_at),
        accepted_at=None if accepted_at is None else times.iso(accepted_at),
        ended_at=times.iso(record.ended_at),
        duration_seconds=int(record.duration_seconds),
        coins=int(record.coins),
        attendance=_attendance(record.attendance),
    )


def _attendance(text: str | None) -> Attendance | msgspec.UnsetType:
    if text is None:
        return msgspec.UNSET
    found: list[str | None] = []
    for seat in attendance.read(text).seats:
        left_ms = seat.latest.left_ms if seat else None
        found.append(times.iso(seat.first_ms) if seat else None)
        found.append(None if left_ms is None else times.iso(left_ms))
    return Attendance(*found)
