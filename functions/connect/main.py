"""``$connect``: accepts a WebSocket connection, or refuses it with an HTTP status.

Nothing can be posted to a connection before this function returns. So another function, the opener,
sends the open packet.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html
"""

from __future__ import annotations

from http import HTTPStatus

from functions.products import REGISTRY
from shared.aws.adapters import ports
from shared.aws.lambda_entry import Event, websocket_entry
from shared.errors import ConnectionRefused
from shared.identity import cookies, tokens
from shared.identity.edge import client_address, network_of
from shared.ids import compose
from shared.pipeline import admission, rate_limits
from shared.pipeline.admission import authenticate, without_person
from shared.protocol import json
from shared.realtime import connections, namespaces
from shared.realtime.address import Wire
from shared.realtime.connections import Connection
from shared.realtime.namespaces import MAIN
from shared.settings import settings

_STATUS = {
    namespaces.TOKEN_REQUIRED: HTTPStatus.UNAUTHORIZED,
    namespaces.INVALID_TOKEN: HTTPStatus.UNAUTHORIZED,
    namespaces.UNKNOWN_NAMESPACE: HTTPStatus.BAD_REQUEST,
}


@websocket_entry
def handler(event: Event) -> int:
    """Handle a handshake, and return its HTTP status.

    ``EIO`` and ``transport`` make a Socket.IO client, whatever other parameters its app adds. A
    Socket.IO client whose address has opened too many connections is accepted and marked as
    ``limited``: it reads the reason in the answer to CONNECT. A native client is refused.
    """
    query = event.get("queryStringParameters") or {}
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    connection_id = event["requestContext"]["connectionId"]
    now = ports().clock.now_ms() // 1000
    connection = Connection(connection_id, expires_at=now + settings().connection_max_seconds)
    connection.limited = not _count(event, headers)
    if query.get("EIO") in ("3", "4") and query.get("transport") == "websocket":
        connection.wire = Wire.SOCKETIO.value
        connection.protocol = int(query["EIO"])
        token = query.get("token")
        connection.credential = _kept([token] if token else [])
        connection.cookie = _kept(cookies.of_handshake(headers))
        if connection.legacy and not connection.limited:
            connection.sessions = {MAIN: json.dumps(without_person(REGISTRY, ports(), MAIN))}
            if MAIN in REGISTRY.connect_hooks:
                without_token = {name: value for name, value in query.items() if name != "token"}
                connection.handshake = json.dumps(without_token)
    elif "namespace" in query:
        if connection.limited:
            return HTTPStatus.TOO_MANY_REQUESTS
        try:
            _native(connection, query, headers)
        except ConnectionRefused as refused:
            return _STATUS.get(refused.message, HTTPStatus.FORBIDDEN)
    else:
        return HTTPStatus.BAD_REQUEST
    session = next(iter(connection.all_sessions()), None)
    connection.due_at = admission.due_at(REGISTRY, now, session)
    if session is not None and admission.joins(REGISTRY, session):
        connection.joining = {session.namespace}
    connections.create(connection)
    ports().tasks.open(connection_id)
    return HTTPStatus.OK


def _count(event: Event, headers: dict[str, str]) -> bool:
    """Count the handshake, accepted or not.

    Returns False if the client's address has made too many handshakes.
    """
    address = client_address(event["requestContext"]["identity"]["sourceIp"], headers)
    limit = settings().limit_connections_per_minute
    return rate_limits.hit(compose("address", network_of(address)), limit, ports().clock.now_ms())


def _kept(given: list[str]) -> str | None:
    """Return what the row keeps of tokens: backups of the row must not hold tokens."""
    kept = tokens.keep(given, ports().secrets)
    return None if kept is None else json.dumps(kept)


def _native(connection: Connection, query: dict[str, str], headers: dict[str, str]) -> None:
    """Fill in the connection of a native client, whose handshake gives its only namespace.

    Raises ``ConnectionRefused`` if the client may not join the namespace.
    """
    path = query["namespace"]
    bearer = tokens.without_scheme(headers.get("authorization", ""))
    token: object = bearer or query.get("token")
    if not token and path in REGISTRY.namespaces and REGISTRY.namespaces[path].cookie:
        token = tokens.keep(cookies.of_handshake(headers), ports().secrets)
    session = authenticate(REGISTRY, ports(), path, token)
    connection.wire = Wire.NATIVE.value
    connection.sessions = {path: json.dumps(session)}
