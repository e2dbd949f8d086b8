"""The HTTP routes.

Errors are ``{"error": {"message": …}}`` with 4xx; nothing a caller sends makes a 5xx.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, cast

import msgspec
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import (
    BadRequestError,
    ForbiddenError,
    NotFoundError,
    ServiceError,
    UnauthorizedError,
)

from functions.bookings import counts as booking_counts
from functions.bookings import store as bookings
from functions.bookings.namespaces import CUSTOMER, PARTNER
from functions.bookings.rows import shown
from functions.calls.presence import counts
from functions.chat import access, channel_store
from functions.chat import history as chat_history
from functions.chat.product import ACCESS
from functions.http import events, paging, session
from functions.products import REGISTRY
from shared import times
from shared.aws.adapters import ports
from shared.aws.lambda_entry import Event, entry
from shared.aws.parallel import both
from shared.calling import call_records
from shared.errors import InvalidToken
from shared.identity import accounts, cookies, tokens
from shared.identity.accounts import Account
from shared.ids import MOST_CHARACTERS, is_id
from shared.protocol import json
from shared.realtime.namespaces import ACCESS_DENIED, ADMIN, INVALID_TOKEN, TOKEN_REQUIRED

app = APIGatewayHttpResolver(serializer=json.dumps)


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/admin/stats")
def stats() -> dict[str, Any]:
    """Who is connected, and what calls and bookings do now and have done today (UTC)."""
    require_admin(who_asks())
    now = ports().clock.now_ms()
    (live, today), last_hour = both(lambda: counts.read(now), lambda: counts.last_hour(now))
    return {
        "onlineUsers": int(live.online_users),
        "onlineTelecallers": int(live.online_telecallers),
        "telecallersOnCall": int(live.accepted),
        "connections": int(live.connections),
        "calls": {
            "ringing": int(live.ringing),
            "accepted": int(live.accepted),
            "completedToday": int(today.completed),
            "missedToday": int(today.missed),
            "rejectedToday": int(today.rejected),
            "cancelledToday": int(today.cancelled),
        },
        "bookings": booking_counts.read(now),
        "lastHour": {"until": times.minute(now), **last_hour},
        "timestamp": times.iso(now),
    }


@app.post("/session")
def sign_in() -> Response[str]:
    """Put an admin's token into the cookie, where scripts cannot read it."""
    headers = request_headers()
    require_own_page(headers)
    token = session.token(app.current_event)
    identity = identity_of(token)
    require_admin(identity)
    body = json.dumps({"accountId": identity.account_id, "name": identity.name})
    return _answer(HTTPStatus.OK, body, cookies.put(token, headers))


@app.delete("/session")
def sign_out() -> Response[str]:
    headers = request_headers()
    require_own_page(headers)
    return _answer(HTTPStatus.NO_CONTENT, "", cookies.take_away(headers))


@app.get("/calls")
def calls() -> dict[str, Any]:
    """The asking person's calls, or with ``userId`` anybody's for an admin."""
    identity = who_asks()
    query = app.current_event.query_string_parameters
    person_id = query.get("userId", identity.account_id)
    if not is_id(person_id):
        raise BadRequestError(f"userId: expected 1 to {MOST_CHARACTERS} characters")
    if person_id != identity.account_id:
        require_admin(identity)
    page = paging.read(query)
    rows = call_records.of_person(person_id, page.limit + 1, page.before)
    return paging.answer(page, rows, key=lambda row: row.call_id, show=call_records.shown)


@app.get("/channels/.+/messages")
def messages() -> dict[str, Any]:
    """The messages of a channel, or with ``replyToId`` of a thread, for those who may join it, and
    how many of them the asking person has not read."""
    identity, channel_id = who_asks(), in_path("/channels/", "/messages")
    if not is_id(channel_id):
        raise NotFoundError(channel_store.UNKNOWN_CHANNEL)
    room = channel_store.room_of(channel_id)
    query = app.current_event.query_string_parameters
    page, reply_to = paging.read(query), query.get("replyToId") or None
    if reply_to and not is_id(reply_to):
        raise BadRequestError("replyToId: not a message")
    known, about = both(
        lambda: accounts.get(identity.account_id), lambda: channel_store.channel(room)
    )
    if known is not None and not known.active:
        raise ForbiddenError(access.SUSPENDED)
    me = access.session_of(identity, known)
    if not me.may(ACCESS):
        raise ForbiddenError(ACCESS_DENIED)
    if about is None:
        raise NotFoundError(channel_store.UNKNOWN_CHANNEL)
    if not about.lets_in(me.person_id):
        raise ForbiddenError(channel_store.NOT_A_MEMBER)
    rows, people = both(
        lambda: chat_history.messages(room, page.limit + 1, before=page.before, reply_to=reply_to),
        lambda: channel_store.participants(room),
    )
    show = partial(chat_history.with_readers, people)
    answer = paging.answer(page, rows, key=lambda row: row.message_id, show=show)
    return answer | {"unread": chat_history.unread(room, me.person_id, people)}


@app.get("/accounts/.+")
def account() -> dict[str, Any]:
    """An account with its balance: one's own as ``me``, anybody's for an admin."""
    identity, account_id = who_asks(), in_path("/accounts/")
    if account_id not in {"me", identity.account_id}:
        require_admin(identity)
    own = account_id == "me"
    wanted = identity.account_id if own else account_id
    found = accounts.get(wanted) if is_id(wanted) else None
    if found is None and own:
        found = Account(id=identity.account_id, role=identity.role, name=identity.name)
    if found is None:
        raise NotFoundError("There is no such account")
    shown: dict[str, Any] = msgspec.to_builtins(found)
    return shown | {"coins": accounts.balance(found, REGISTRY.paths_of_role(found.role))}


@app.get("/bookings/.+")
def booking() -> dict[str, Any]:
    """A booking, for its parties and admins."""
    identity, booking_id = who_asks(), in_path("/bookings/")
    found = bookings.find(booking_id) if is_id(booking_id) else None
    if found is None:
        raise NotFoundError("There is no such booking")
    party = {CUSTOMER.role: CUSTOMER.path, PARTNER.role: PARTNER.path}.get(identity.role)
    if party is None or not found.is_party(party, identity.account_id):
        require_admin(identity)
    return shown(found)


@app.post("/events")
def tell() -> tuple[dict[str, int], int]:
    """What happened in a team's own systems."""
    require_admin(who_asks())
    request = app.current_event
    body = (request.body or "").encode()
    if request.is_base64_encoded:
        body = base64.b64decode(body)
    return {"accepted": events.accept(REGISTRY, ports(), body)}, HTTPStatus.ACCEPTED


def in_path(before: str, after: str = "") -> str:
    """The id that is the rest of the path, slashes and all: API Gateway has decoded everything but
    ``%25`` when it hands the path over, and cut it off at a ``?`` that was encoded."""
    path: str = app.current_event.path
    return path.removeprefix(before).removesuffix(after).replace("%25", "%")


def require_admin(identity: tokens.Identity) -> None:
    """Raise 403 for anybody else."""
    if identity.role != ADMIN.role:
        raise ForbiddenError(ACCESS_DENIED)


def require_own_page(headers: Mapping[str, str]) -> None:
    """Raise 403 where another site's page asks."""
    if not cookies.may_set(headers):
        raise ForbiddenError(ACCESS_DENIED)


def who_asks() -> tokens.Identity:
    """By bearer token or admin cookie. Raises 401."""
    headers = request_headers()
    token = headers.get("authorization", "").removeprefix("Bearer ") or cookies.of_request(headers)
    return identity_of(token)


def identity_of(token: str | None) -> tokens.Identity:
    """Raises 401, or 403 for somebody who has been suspended since the token was made."""
    if not token:
        raise UnauthorizedError(TOKEN_REQUIRED)
    try:
        identity = tokens.verify(token, ports().secrets)
    except InvalidToken as error:
        raise UnauthorizedError(INVALID_TOKEN) from error
    known = accounts.get(identity.account_id)
    if known is not None and not known.active:
        raise ForbiddenError(ADMIN.suspended)
    return identity


def request_headers() -> dict[str, str]:
    """By lower-case name, the cookies among them."""
    headers = {name.lower(): value for name, value in app.current_event.headers.items()}
    if app.current_event.cookies:  # API Gateway's own list; other gateways leave the header
        headers["cookie"] = "; ".join(app.current_event.cookies)
    return headers


@app.exception_handler(ServiceError)  # type: ignore[untyped-decorator]
def refused(error: ServiceError) -> Response[str]:
    """A path that is not there, too."""
    body = json.dumps({"error": {"message": str(error.msg)}})
    return Response(error.status_code, content_types.APPLICATION_JSON, body)


def _answer(status: int, body: str, cookie: str) -> Response[str]:
    """An answer with a cookie."""
    headers = {"Set-Cookie": cookie, "Cache-Control": "no-store"}
    return Response(status, content_types.APPLICATION_JSON, body, headers)


@entry
def handler(event: Event) -> dict[str, Any]:
    return app.resolve(event, cast("Any", None))
