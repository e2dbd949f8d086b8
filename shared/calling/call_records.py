"""The records of calls that are over, of all products: one row per call."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from shared.aws.parallel import together
from shared.aws.tables import Table, TableName


class ByCallee(GlobalSecondaryIndex["CallRecord"]):
    """The records by the person who was called."""

    class Meta:
        index_name = "callee"
        projection = AllProjection()

    callee_id = UnicodeAttribute(hash_key=True, attr_name="calleeId")
    call_id = UnicodeAttribute(range_key=True, attr_name="callId")


class CallRecord(Table):
    """A call that is over. Call ids begin with the time, so a person's records sort by time.

    caller_id: the person who made the call.
    call_id: the call's id.
    callee_id: the person who was called.
    product: the product whose call it was.
    call_type: the type of the call, for example audio or video.
    status: the call's last status.
    started_at, accepted_at, ended_at: when the call began to ring, was answered, and ended, epoch
        ms. ``accepted_at`` is None if the call was not answered.
    accepted_by, ended_by: the ids of the messages that accepted and ended the call. None if no
        message did.
    ender_id: the person whose message ended the call. None if no message did.
    trigger: what that message did to the call, in the words of the product. If no message ended the
        call, the product may say here what did; otherwise it is None.
    duration_seconds: how long the call lasted, in seconds.
    coins: how many coins were really taken from the caller.
    attendance: who was in the room of the call and when, in the words of the product.
    """

    class Meta:
        table_name = TableName("calls")

    caller_id = UnicodeAttribute(hash_key=True, attr_name="callerId")
    call_id = UnicodeAttribute(range_key=True, attr_name="callId")
    callee_id = UnicodeAttribute(attr_name="calleeId")
    product = UnicodeAttribute(default="calls")
    call_type = UnicodeAttribute(attr_name="callType")
    status = UnicodeAttribute()
    started_at = NumberAttribute(attr_name="startedAt")
    accepted_at: Any = NumberAttribute(attr_name="acceptedAt", null=True)
    accepted_by = UnicodeAttribute(attr_name="acceptedBy", null=True)
    ended_at = NumberAttribute(attr_name="endedAt")
    ended_by = UnicodeAttribute(attr_name="endedBy", null=True)
    trigger = UnicodeAttribute(null=True)
    ender_id = UnicodeAttribute(attr_name="enderId", null=True)
    duration_seconds = NumberAttribute(attr_name="durationSeconds", default=0)
    coins = NumberAttribute(default=0)
    attendance = UnicodeAttribute(null=True)

    by_callee = ByCallee()

    def end_by(self, ender: Ender, trigger: str) -> None:
        """Note the message that ends the call, for ``was_ended``."""
        self.ender_id, self.ended_by = ender
        self.trigger = trigger

    def was_ended(self, product: str, trigger: str, person_id: str) -> bool:
        """Return whether a message of this person has ended the call with this trigger."""
        return (self.product, self.trigger, self.ender_id) == (product, trigger, person_id)


class Ender(NamedTuple):
    """The person who ends a call, and the id of the message with which they do."""

    person_id: str
    message_id: str


def find(person_id: str, call_id: str, *, as_caller: bool) -> CallRecord | None:
    """Return the record of a person's call. Returns None if there is no such record.

    as_caller: whether the person made the call. If not, the person was called, and the record is
        found with an index, which may be some milliseconds behind.
    """
    if as_caller:
        rows: Any = CallRecord.query(person_id, CallRecord.call_id == call_id, consistent_read=True)
    else:
        rows = CallRecord.by_callee.query(person_id, ByCallee.call_id == call_id)
    return next(iter(rows), None)


def of_person(person_id: str, limit: int, before: str | None) -> list[CallRecord]:
    """Return the records of the calls that a person made or received, the newest first.

    limit: the most records to return.
    before: the id of a call; only older calls are returned. With None, all calls are.
    """
    as_caller, as_callee = (
        partial(
            query,
            person_id,
            None if before is None else key < before,
            scan_index_forward=False,
            limit=limit,
        )
        for query, key in (
            (CallRecord.query, CallRecord.call_id),
            (CallRecord.by_callee.query, ByCallee.call_id),
        )
    )
    lists = together([lambda: list(as_caller()), lambda: list(as_callee())])
    rows = {row.call_id: row for rows in lists for row in rows}
    return list(islice((rows[call_id] for call_id in sorted(rows, reverse=True)), limit))
