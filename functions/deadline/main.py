"""Handles what had to wait: sessions that may not have authenticated by now, in a namespace with
``Login.LATER``, lost connections whose client may not have come back, and what products put off.
"""

from __future__ import annotations

import msgspec

from functions.products import REGISTRY
from shared.aws.adapters import ports
from shared.aws.lambda_entry import queue_entry
from shared.pipeline.context import Background
from shared.protocol import socketio
from shared.realtime import connections, session_store
from shared.realtime.address import Wire
from shared.realtime.connections import Connection


class Deadline(msgspec.Struct, frozen=True, rename="camel"):
    """The body of a message of the queue: a session and its connection, a connection alone, or a
    hook of a product.

    connection_id: the connection.
    namespace: the session's namespace; empty for a connection whose client might have come back.
    sid: the session's id.
    hook, payload: the name of the hook (``Product.on_later``), and what it is called with.
    """

    connection_id: str = ""
    namespace: str = ""
    sid: str = ""
    hook: str = ""
    payload: msgspec.Raw = msgspec.Raw(b"null")


@queue_entry()
def handler(body: str) -> None:
    """Handle one message of the queue of deadlines."""
    deadline = msgspec.json.decode(body, type=Deadline)
    if deadline.hook:
        later = REGISTRY.later_hooks[deadline.hook]
        payload = msgspec.json.decode(deadline.payload, type=later.payload)
        later.handle(Background.on(REGISTRY, ports()), payload)
    elif deadline.namespace:
        end(deadline)
    else:
        ports().tasks.finish_connection(deadline.connection_id)


def end(deadline: Deadline) -> None:
    """End the session if its client has not authenticated. Idempotent.

    The connection is closed too if it has no other session. If an ``authenticate`` arrives at the
    same moment, exactly one of the two takes effect.
    """
    connection = connections.get(deadline.connection_id)
    session = connection.session(deadline.namespace) if connection else None
    if connection is None or session is None:
        return
    if session.settled or session.sid != deadline.sid:
        return
    left = session_store.mark_ended(connection, deadline.namespace)
    if left is not None:
        _notify(left, deadline.namespace)


def _notify(left: Connection, namespace: str) -> None:
    """Tell the client that its session has ended: send the disconnect packet.

    The connection is closed if it has no other session.

    A 2.x client that uses other namespaces receives no packet: it never asked to be in ``/``, and
    some 2.x libraries would leave all namespaces.
    """
    alone = not left.all_sessions()
    if left.wire == Wire.SOCKETIO and (alone or not left.legacy):
        ports().connections.post(left.connection_id, socketio.disconnect_frame(namespace))
    if alone:
        ports().connections.close(left.connection_id)
        ports().tasks.end_connection(left.connection_id, goodbye=True)
