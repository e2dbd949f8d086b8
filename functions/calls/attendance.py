"""When the parties of a call have joined its LiveKit room and left it, as LiveKit reports.

LiveKit may report twice, late, and out of order. What counts is the time at which a participant
joined, which is part of every report: a report about an earlier stay in the room changes nothing.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from functions.calls import rows
from functions.calls.namespaces import TELECALLER
from functions.calls.rows import CurrentCall, PartyRow
from shared.calling import call_records
from shared.calling.call_records import CallRecord
from shared.protocol import json
from shared.settings import settings

_ROUNDS = 8
"""How often a report is written. Only reports of the same call are in each other's way."""

Side = Literal["user", "telecaller"]


class Stay(msgspec.Struct, frozen=True):
    """One stay of a participant in a room, as one report describes it.

    participant: LiveKit's id of the stay.
    joined_ms, left_ms: epoch ms; ``left_ms`` is None if the participant is there.
    """

    participant: str
    joined_ms: int
    left_ms: int | None = None


class Seat(msgspec.Struct, frozen=True):
    """What is known of a party: when the first stay began, and the latest stay."""

    first_ms: int
    latest: Stay


class Attendance(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of both parties. None: this party has never been in the room."""

    user: Seat | None = None
    telecaller: Seat | None = None

    @property
    def seats(self) -> tuple[Seat | None, Seat | None]:
        """The seats of both parties."""
        return self.user, self.telecaller


def read(text: str | None) -> Attendance:
    """Return the attendance that a row keeps as a text."""
    return msgspec.json.decode(text, type=Attendance) if text else Attendance()


def follow(seat: Seat | None, report: Stay) -> Seat:
    """Return what is known of a party after a report. Idempotent, in any order."""
    if seat is None:
        return Seat(report.joined_ms, report)
    known, first = seat.latest, min(seat.first_ms, report.joined_ms)
    same = report.participant == known.participant
    if same and known.left_ms is None:
        return Seat(first, msgspec.structs.replace(known, left_ms=report.left_ms))
    if not same and report.joined_ms > known.joined_ms:
        return Seat(first, report)
    return Seat(first, known)


def all_left(seen: Attendance, at_ms: int) -> Attendance:
    """Return the attendance after the room was closed at ``at_ms``."""

    def leave(seat: Seat | None) -> Seat | None:
        if seat is None or seat.latest.left_ms is not None or seat.latest.joined_ms > at_ms:
            return seat
        return Seat(seat.first_ms, msgspec.structs.replace(seat.latest, left_ms=at_ms))

    return Attendance(leave(seen.user), leave(seen.telecaller))


def note(caller_id: str, callee_id: str, call_id: str, side: Side | None, report: Stay) -> bool:
    """Write down a report about a call, whether it goes on or is over. Idempotent.

    side: the party that is reported of. None: the room was closed at ``report.left_ms``.

    Returns whether the call goes on. Raises ``RuntimeError`` if other reports have come first in
    every attempt.
    """
    for _ in range(_ROUNDS):
        row = rows.get(TELECALLER.path, callee_id)
        if row.is_in(call_id):
            call: Any = PartyRow.call
            before, condition = row.call.attendance, call.id == call_id
            written: PartyRow | CallRecord = row
            attribute: Any = call.attendance
        else:
            record = call_records.find(caller_id, call_id, as_caller=True)
            if record is None:
                return False  # the call has just ended or begun
            before, condition = record.attendance, CallRecord.call_id == call_id
            written, attribute = record, CallRecord.attendance
        after = json.dumps(_with(read(before), side, report))
        if after == before:
            return written is row
        unchanged = attribute == before if before else attribute.does_not_exist()
        if written.update_if([attribute.set(after)], condition & unchanged):
            return written is row
    raise RuntimeError(f"the attendance of {call_id} has changed in every attempt")


def _with(seen: Attendance, side: Side | None, report: Stay) -> Attendance:
    if side is None:
        return all_left(seen, report.left_ms or 0)
    return msgspec.structs.replace(seen, **{side: follow(getattr(seen, side), report)})


def may_be_over(call: CurrentCall, now_ms: int) -> bool:
    """Return whether an answered call may have nobody in its room for good: both have left it, or
    nobody is there although the time to join is over. LiveKit itself knows for certain."""
    values = settings()
    if not values.livekit_webhooks or not call.accepted_at:
        return False
    seats = read(call.attendance).seats
    if any(seat and seat.latest.left_ms is None for seat in seats):
        return False
    late = now_ms - int(call.accepted_at) > values.livekit_join_seconds * 1000
    return all(seats) or bool(values.livekit_join_seconds and late)
