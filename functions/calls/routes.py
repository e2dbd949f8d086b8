"""The HTTP route of the history of calls, of every product that has calls."""

from __future__ import annotations

import msgspec

from functions.calls.product import MAY_READ_RECORDS, calls
from shared import times
from shared.calling import call_records
from shared.calling.call_records import CallRecord
from shared.ids import MOST_CHARACTERS, is_id
from shared.pipeline import paging
from shared.pipeline.authentication import require_admin
from shared.pipeline.http import HttpError, HttpRequest


class EndedCall(msgspec.Struct, frozen=True, rename="camel"):
    """A call that is over. ``product``: the product that the call belongs to. Times are ISO 8601;
    ``acceptedAt`` is null if the call was not accepted. ``coins``: what the user has paid."""

    call_id: str
    product: str
    call_type: str
    status: str
    user_id: str
    telecaller_id: str
    started_at: str
    accepted_at: str | None
    ended_at: str
    duration_seconds: int
    coins: int


class EndedCalls(msgspec.Struct, frozen=True, rename="camel"):
    """A page of calls, newest first. ``cursor``: the cursor of the next page, or null if this is
    the last page."""

    items: list[EndedCall]
    cursor: str | None


@calls.route(
    "GET /calls",
    query={**paging.QUERY, "userId": "Whose calls, for admins"},
    errors=(400, 403),
    access=MAY_READ_RECORDS,
)
def history(request: HttpRequest) -> EndedCalls:
    """Return the calls of the person who asks that are over, newest first. An admin may ask for
    another person's calls with `userId`."""
    identity = request.identity
    person_id = request.query.get("userId", identity.account_id)
    if not is_id(person_id):
        raise HttpError(400, f"userId: expected 1 to {MOST_CHARACTERS} characters")
    if person_id != identity.account_id:
        require_admin(identity)
    page = paging.read(request.query)
    found = call_records.of_person(person_id, page.rows, page.before)
    rows, cursor = paging.cut(page, found, lambda row: row.call_id)
    return EndedCalls([shown(row) for row in rows], cursor)


def shown(record: CallRecord) -> EndedCall:
    """Return a record of a call as its parties see it."""
    accepted_at = record.accepted_at
    return EndedCall(
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
    )
