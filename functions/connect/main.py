"""``$connect``: let a WebSocket connection in, or refuse it while that is still an HTTP status.

Nothing can be posted to a connection before this returns, so the opening is somebody else's: the
opener's. https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html
"""

from __future__ import annotations

from http import HTTPStatus

from shared import cookies
from shared.adapters import ports
from shared.errors import ConnectionRefused
from shared.lambda_entry import Event, websocket_entry
from shared.protocol import json
from shared.realtime import connections, namespaces
from shared.realtime.address import Wire
from shared.realtime.admission import authenticate
from shared.realtime.connections import Connection
from shared.realtime.namespaces import NAMESPACES
from shared.settings import settings

_STATUS = {
    namespaces.TOKEN_REQUIRED: HTTPStatus.UNAUTHORIZED,
    namespaces.INVALID_TOKEN: HTTPStatus.UNAUTHORIZED,
    namespaces.UNKNOWN_NAMESPACE: HTTPStatus.BAD_REQUEST,
}


@websocket_entry
def handler(event: Event) -> int:
    """The status of the handshake."""
    query = event.get("queryStringParameters") or {}
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    connection_id = event["requestContext"]["connectionId"]
    now = ports().clock.now_ms() // 1000
    connection = Connection(connection_id, expires_at=now + settings().connection_max_seconds)
    if "namespace" in query:
        try:
            _native(connection, query, headers)
        except ConnectionRefused as refused:
            return _STATUS.get(refused.message, HTTPStatus.FORBIDDEN)
    elif query.get("EIO") in ("3", "4") and query.get("transport") == "websocket":
        connection.wire = Wire.SOCKETIO.value
        connection.protocol = int(query["EIO"])
        connection.credential = query.get("token") or cookies.of_handshake(headers)
    else:
        return HTTPStatus.BAD_REQUEST
    connections.create(connection)
    ports().tasks.open(connection_id)
    return HTTPStatus.OK


def _native(connection: Connection, query: dict[str, str], headers: dict[str, str]) -> None:
    path = query["namespace"]
    token = headers.get("authorization", "").removeprefix("Bearer ") or query.get("token")
    if not token and path in NAMESPACES and NAMESPACES[path].cookie:
        token = cookies.of_handshake(headers)
    session = authenticate(ports(), path, token)
    connection.wire = Wire.NATIVE.value
    connection.sessions = {path: json.dumps(session)}
