"""The HTTP routes.

Errors are ``{"error": {"message": …}}`` with 4xx; nothing a caller sends makes a 5xx.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import (
    ForbiddenError,
    NotFoundError,
    ServiceError,
    UnauthorizedError,
)

from functions.presence import counts
from shared import auth, cookies, times
from shared.adapters import ports
from shared.lambda_entry import Event, entry
from shared.protocol import json
from shared.realtime.namespaces import ACCESS_DENIED, ADMIN, INVALID_TOKEN, TOKEN_REQUIRED

app = APIGatewayHttpResolver(serializer=json.dumps)


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/admin/stats")
def stats() -> dict[str, Any]:
    """Who is connected and what calls do now and have done today (UTC)."""
    require_admin()
    now = ports().clock.now_ms()
    live, today = counts.read(now)
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
        "timestamp": times.iso(now),
    }


def require_admin() -> auth.Identity:
    """Who asks, by bearer token or admin cookie. Raises 401 or 403."""
    headers = {name.lower(): value for name, value in app.current_event.headers.items()}
    headers["cookie"] = "; ".join(app.current_event.cookies)
    token = headers.get("authorization", "").removeprefix("Bearer ") or cookies.of_request(headers)
    if not token:
        raise UnauthorizedError(TOKEN_REQUIRED)
    try:
        identity = auth.verify(token, ports().secrets)
    except auth.InvalidToken as error:
        raise UnauthorizedError(INVALID_TOKEN) from error
    if identity.role != ADMIN.role:
        raise ForbiddenError(ACCESS_DENIED)
    return identity


@app.exception_handler(ServiceError)  # type: ignore[untyped-decorator]
def refused(error: ServiceError) -> Response[str]:
    return _error(error.status_code, str(error.msg))


@app.not_found
def unknown(_: NotFoundError) -> Response[str]:
    return _error(HTTPStatus.NOT_FOUND, "Not found")


def _error(status: int, message: str) -> Response[str]:
    body = json.dumps({"error": {"message": message}})
    return Response(status, content_types.APPLICATION_JSON, body)


@entry
def handler(event: Event) -> dict[str, Any]:
    return app.resolve(event, cast("Any", None))
