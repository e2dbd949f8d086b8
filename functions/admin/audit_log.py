"""The HTTP route of the audit log."""

from __future__ import annotations

from typing import Literal

import msgspec

from functions.admin.product import admin
from shared import times
from shared.ids import Id
from shared.pipeline import audit, paging
from shared.pipeline.audit import Entry
from shared.pipeline.deployment import Access
from shared.pipeline.http import HttpRequest
from shared.pipeline.paging import Items
from shared.pipeline.routes import Parameter


class AuditEntry(msgspec.Struct, frozen=True, rename="camel"):
    """What an admin has done. ``action``: ``call.end``, ``account.suspend``, ``account.activate``,
    ``account.approve`` or ``account.reject``. ``subjectId``: the call or the account that it was
    done to. ``from``, ``to``: its status before and after. ``outcome``: ``UNCHANGED`` if both are
    the same, because the subject had this status already. ``reason``: what the admin has written
    about it."""

    id: str
    at: str
    admin_id: str
    admin_name: str
    action: str
    subject_id: str
    before: str = msgspec.field(name="from")
    after: str = msgspec.field(name="to")
    outcome: Literal["DONE", "UNCHANGED"]
    reason: str | None


class AuditLog(Items[AuditEntry], frozen=True):
    """A page of actions, newest first."""


@admin.route(
    "GET /admin/audit",
    who="an admin",
    query={
        **paging.QUERY,
        "subjectId": Parameter("Only what was done to this call or account", Id),
    },
    access=Access({"audit": "Query", "audit/subject": "Query"}),
)
def audit_log(request: HttpRequest) -> AuditLog:
    """Return what admins have done, newest first."""
    page, subject_id = paging.read(request.query), request.id_parameter("subjectId")
    entries = audit.entries(page.rows, page.before, subject_id)
    shown, cursor = paging.cut(page, entries, lambda entry: entry.entry_id)
    return AuditLog([_shown(entry) for entry in shown], cursor)


def _shown(entry: Entry) -> AuditEntry:
    return AuditEntry(
        id=entry.entry_id,
        at=times.iso(entry.at),
        admin_id=entry.admin_id,
        admin_name=entry.admin_name,
        action=entry.action,
        subject_id=entry.subject_id,
        before=entry.before,
        after=entry.after,
        outcome="UNCHANGED" if entry.before == entry.after else "DONE",
        reason=entry.reason,
    )
