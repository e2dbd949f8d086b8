"""``$connect``: accepts a WebSocket connection, or refuses it with an HTTP status.

Nothing can be posted to a connection before this function returns. So another function, the opener,
sends the open packet.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html
"""

from __future__ import annotations

from http import HTTPStatus

from functions.products import REGISTRY
from shared.aws import mailboxes
from shared.aws.adapters import ports
from shared.aws.lambda_entry import Event, websocket_entry
from shared.errors import ConnectionRefused
from shared.identity import cookies, tokens
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
    if query.get("transport") == "websocket" and query.get("sid"):
        return _upgrade(connection, query)
    peer, now_ms = event["requestContext"]["identity"]["sourceIp"], ports().clock.now_ms()
    connection.network = rate_limits.network(peer, headers)
    connection.limited = not rate_limits.count_handshake(connection.network, now_ms)
    if query.get("EIO") in ("3", "4") and query.get("transport") == "websocket":
        connection.wire = Wire.SOCKETIO.value
        connection.protocol = int(query["EIO"])
        token = query.get("token")
        connection.credential = tokens.kept_text([token] if token else [], ports().secrets)
        connection.cookie = tokens.kept_text(cookies.of_handshake(headers), ports().secrets)
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


def _upgrade(connection: Connection, query: dict[str, str]) -> int:
    """Accept the WebSocket to which a client that polls upgrades. Returns the HTTP status.

    The WebSocket gets no open packet, and counts as no connection of the client's address.
    """
    now_ms, polling = ports().clock.now_ms(), mailboxes.PREFIX + query["sid"]
    box = mailboxes.begin_upgrade(polling, connection.connection_id, now_ms)
    if box is None:
        return HTTPStatus.BAD_REQUEST
    connection.wire = Wire.SOCKETIO.value
    connection.protocol = int(box.protocol)
    connection.upgrades = polling
    connection.opened = True
    connection.due_at = now_ms // 1000 + settings().unauthenticated_seconds
    connections.create(connection)
    return HTTPStatus.OK


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
