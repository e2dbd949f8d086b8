"""The audit log: what admins have done, a row for each action.

A row is written in the transaction that makes the change, so there is no change without its row. No
function may change or delete a row.
"""

from __future__ import annotations

import uuid
from typing import Annotated

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from shared import times
from shared.aws.tables import Table, TableName
from shared.errors import InvalidRequest
from shared.pipeline import validation
from shared.pipeline.deployment import Access
from shared.pipeline.http import HttpError, HttpRequest
from shared.protocol import json

WRITES = Access({"audit": "PutItem"})
"""What a route needs that admins act with."""

_LOG = "actions"
_NONE = b"{}"


class Action(msgspec.Struct, frozen=True):
    """What an admin says about an action. ``reason``: why it is done, for the audit log."""

    reason: Annotated[str, msgspec.Meta(max_length=500)] | None = None


class BySubject(GlobalSecondaryIndex["Entry"]):
    """The actions by what they were done to."""

    class Meta:
        index_name = "subject"
        projection = AllProjection()

    subject_id = UnicodeAttribute(hash_key=True, attr_name="subjectId")
    entry_id = UnicodeAttribute(range_key=True, attr_name="entryId")


class Entry(Table):
    """An action of an admin.

    log: the same in all rows, so that one query reads them in order.
    entry_id: the time in hexadecimal digits and random digits, so that entries sort by time.
    at: when it was done, epoch ms.
    admin_id, admin_name: the admin, as their token names them.
    action: what was done: ``call.end``, ``account.suspend`` …
    subject_id: the id of the call or the account that it was done to.
    before, after: the status of the subject before and after. They are the same if the action has
        changed nothing.
    reason: what the admin has written about it, or None.
    """

    class Meta:
        table_name = TableName("audit")

    log = UnicodeAttribute(hash_key=True, default=_LOG)
    entry_id = UnicodeAttribute(range_key=True, attr_name="entryId")
    at = NumberAttribute()
    admin_id = UnicodeAttribute(attr_name="adminId")
    admin_name = UnicodeAttribute(attr_name="adminName")
    action = UnicodeAttribute()
    subject_id = UnicodeAttribute(attr_name="subjectId")
    before = UnicodeAttribute(attr_name="from")
    after = UnicodeAttribute(attr_name="to")
    reason = UnicodeAttribute(null=True)

    by_subject = BySubject()


def entry(request: HttpRequest, action: str, *, before: str, after: str) -> Entry:
    """Return the row of what an admin does with a request, for the transaction that does it.

    Raises ``HttpError`` 400 if the request's body is no ``Action``.
    """
    now_ms, admin = request.ports.clock.now_ms(), request.identity
    return Entry(
        entry_id=f"{times.sortable(now_ms)}{uuid.uuid4().hex[:13]}",
        at=now_ms,
        admin_id=admin.account_id,
        admin_name=admin.name,
        action=action,
        subject_id=request.id,
        before=before,
        after=after,
        reason=said(request).reason,
    )


def said(request: HttpRequest) -> Action:
    """Return the body of an action's request. An empty body says nothing about it.

    Raises ``HttpError`` 400 with a text that names the wrong field.
    """
    try:
        given: Action = validation.struct_of(Action, json.loads(request.body or _NONE), "body")
    except (json.InvalidJson, json.UnsupportedJson) as error:
        raise HttpError(400, f"The body is not JSON as we take it: {error}") from error
    except InvalidRequest as error:
        raise HttpError(400, error.message) from error
    return given


def entries(limit: int, before: str | None, subject_id: str | None) -> list[Entry]:
    """Return actions, the newest first.

    limit: the most entries to return.
    before: only entries with a smaller id are returned. With None, all are.
    subject_id: the call or account that they were done to. With None, all actions are returned;
        with an id, an index is read, which may be some milliseconds behind.
    """
    key = BySubject if subject_id else Entry
    older = None if before is None else key.entry_id < before
    if subject_id:
        rows = Entry.by_subject.query(subject_id, older, scan_index_forward=False, limit=limit)
    else:
        rows = Entry.query(_LOG, older, scan_index_forward=False, limit=limit)
    return list(rows)
