"""The HTTP routes of the admin product: the numbers, and the cookie of the console."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from functions.admin import audit_log, queues, session, stats
from functions.admin.product import admin
from shared.identity import cookies
from shared.pipeline.authentication import identity_of, require_admin
from shared.pipeline.http import HttpError, HttpRequest, Reply
from shared.realtime.namespaces import ACCESS_DENIED

__all__ = ["admin", "audit_log", "queues"]


class SignedIn(msgspec.Struct, frozen=True, rename="camel"):
    """The admin who has signed in."""

    account_id: str
    name: str


@admin.route("GET /admin/stats", who="an admin", answer=stats.answer)
def numbers(request: HttpRequest) -> msgspec.Struct:
    """Return how many people are connected, and how many calls and bookings there are now and have
    been today (UTC)."""
    return stats.read(request.registry, request.ports.clock.now_ms())


@admin.route("POST /session", who="anybody", body=session.SignIn, errors=(400, 401, 403))
def sign_in(request: HttpRequest) -> Reply[SignedIn]:
    """Sign in to the console: put an admin's token into a cookie that scripts cannot read."""
    _require_own_page(request.headers)
    token = session.token(request.body)
    identity = identity_of([token] if token else [], request.ports.secrets)
    require_admin(identity)
    signed_in = SignedIn(identity.account_id, identity.name)
    return Reply(signed_in, _cookie(cookies.put(token, request.headers)))


@admin.route("DELETE /session", who="anybody", status=204, errors=(403,))
def sign_out(request: HttpRequest) -> Reply[None]:
    """Sign out of the console: delete the cookie."""
    _require_own_page(request.headers)
    return Reply(None, _cookie(cookies.take_away(request.headers)))


def _require_own_page(headers: Mapping[str, str]) -> None:
    """Raise ``HttpError`` 403 if the request comes from a page of another site."""
    if not cookies.may_set(headers):
        raise HttpError(403, ACCESS_DENIED)


def _cookie(cookie: str) -> dict[str, str]:
    return {"Set-Cookie": cookie}
