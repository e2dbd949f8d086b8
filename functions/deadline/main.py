"""The time to authenticate in an open namespace is over."""

from __future__ import annotations

import msgspec

from shared.aws.adapters import ports
from shared.aws.lambda_entry import queue_entry
from shared.protocol import socketio
from shared.realtime import connections
from shared.realtime.address import Wire
from shared.realtime.connections import Connection


class Deadline(msgspec.Struct, frozen=True, rename="camel"):
    """The body of a message: of which session, of which connection."""

    connection_id: str
    namespace: str
    sid: str


@queue_entry()
def handler(body: str) -> None:
    end(msgspec.json.decode(body, type=Deadline))


def end(deadline: Deadline) -> None:
    """Put a client that has not said who it is out of the namespace, and off the connection when
    there is nobody else on it. Of this and an ``authenticate`` at the same moment, one happens."""
    connection = connections.get(deadline.connection_id)
    session = connection.session(deadline.namespace) if connection else None
    if connection is None or session is None:
        return
    if session.settled or session.sid != deadline.sid:
        return
    left = connections.end_session(connection, deadline.namespace)
    if left is not None:
        _tell(left, deadline.namespace)


def _tell(left: Connection, namespace: str) -> None:
    """A 2.x client that uses other namespaces is not told: it never asked to be in ``/``, and some
    of their libraries would leave all namespaces."""
    alone = not left.all_sessions()
    if left.wire == Wire.SOCKETIO and (alone or not left.legacy):
        ports().connections.post(left.connection_id, socketio.disconnect_frame(namespace))
    if alone:
        ports().connections.close(left.connection_id)
        ports().tasks.disconnect(left.connection_id)
