"""What the HTTP routes take and answer. A route of the stack has a row here; a test sees to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from functions.http.paging import DEFAULT_LIMIT, MOST
from functions.http.session import SignIn
from shared.identity.accounts import Account

Who = Literal["anybody", "a valid token", "an admin"]

PAGED = {
    "limit": f"How many at most, 1 to {MOST}, {DEFAULT_LIMIT} unless said",
    "cursor": "`cursor` of the page before",
}


class Health(msgspec.Struct):
    status: Literal["ok"]


class CallNumbers(msgspec.Struct, rename="camel"):
    """Now ringing and answered; today, in UTC, completed, missed, rejected and cancelled."""

    ringing: int
    accepted: int
    completed_today: int
    missed_today: int
    rejected_today: int
    cancelled_today: int


class LastHour(msgspec.Struct):
    """Calls that ended, by minute and outcome: 60 numbers each, the running minute last.
    ``until`` is the beginning of that minute."""

    until: str
    completed: list[int]
    missed: list[int]
    rejected: list[int]
    cancelled: list[int]


class BookingNumbers(msgspec.Struct, rename="camel"):
    """``active``: those a partner is on. ``today``: in UTC."""

    by_status: dict[str, int]
    active: int
    today: dict[str, int]


class Stats(msgspec.Struct, rename="camel"):
    """Distinct people, and their connections. Exact within seconds."""

    online_users: int
    online_telecallers: int
    telecallers_on_call: int
    connections: int
    calls: CallNumbers
    bookings: BookingNumbers
    last_hour: LastHour
    timestamp: str


class Call(msgspec.Struct, rename="camel"):
    """A call that is over; ``coins`` is what was really taken."""

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


class Calls(msgspec.Struct):
    items: list[Call]
    cursor: str | None


class Messages(msgspec.Struct, rename="camel"):
    """``unread``: how many of the channel's the asking person has not read."""

    items: list[dict[str, Any]]
    cursor: str | None
    unread: int


class Accepted(msgspec.Struct):
    """How many events will be handled."""

    accepted: int


class SignedIn(msgspec.Struct, rename="camel"):
    account_id: str
    name: str


@dataclass(frozen=True)
class Route:
    """``query``: parameter → what it means. ``errors``: statuses beside those that ``who`` brings.
    ``answer`` is None where there is no body, and anything where it is not described further."""

    summary: str
    answer: Any = dict[str, Any]
    who: Who = "a valid token"
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    status: int = 200
    errors: tuple[int, ...] = ()


ROUTES: dict[str, Route] = {
    "GET /health": Route("Whether the stack answers", Health, "anybody"),
    "GET /admin/stats": Route("Who is connected and what calls do", Stats, "an admin"),
    "POST /session": Route(
        "Sign in to the console: puts an admin's token into a cookie that scripts cannot read",
        SignedIn,
        "anybody",
        body=SignIn,
        errors=(400, 401, 403),
    ),
    "DELETE /session": Route("Sign out: takes the cookie away", None, "anybody", status=204),
    "GET /calls": Route(
        "The own calls that are over, newest first; an admin's `userId` asks for anybody's",
        Calls,
        query={**PAGED, "userId": "Whose, for admins"},
        errors=(400, 403),
    ),
    "GET /accounts/{id}": Route(
        "An account with its balance: the own as `me`, anybody's for an admin",
        Account,
        errors=(403, 404),
    ),
    "GET /channels/{id}/messages": Route(
        "The messages of a channel, newest first; one whose id has a `?` cannot be asked for",
        Messages,
        query={**PAGED, "replyToId": "Only the answers to this message"},
        errors=(400, 403, 404),
    ),
    "GET /bookings/{id}": Route("A booking, for its parties and admins", errors=(403, 404)),
    "POST /events": Route(
        "Tell the stack what happened in your own systems; telling it twice does no harm",
        Accepted,
        "an admin",
        status=202,
        errors=(400, 413, 503),
    ),
}
