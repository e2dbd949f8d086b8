"""The upgrade of a client that polls to a WebSocket.

docs/decisions/0024-polling-has-a-mailbox.md says which step does what.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from functions.socketio.first_packets import HELD, Handle, each
from shared.aws import mailboxes
from shared.aws.adapters import ports
from shared.pipeline.context import Arrival
from shared.protocol import engineio
from shared.protocol.engineio import PacketType
from shared.realtime import connections, lifecycle, moving
from shared.realtime.connections import Connection
from shared.settings import settings

_clients: dict[str, str] = {}
"""The connection ids of clients that have upgraded late, by their WebSockets."""

OF_THE_CLIENT = (PacketType.MESSAGE, PacketType.PONG)
"""The packets that concern the client, and not its WebSocket."""

PAUSE_SECONDS = 0.02
"""The pause between two looks at a row that is about to change."""


def answer_ping(arrival: Arrival, data: str) -> None:
    """Answer a ping. With ``2probe`` a client tries its WebSocket: its GET is let go then.

    Raises ``InvalidPacket`` on a native connection.
    """
    connection = connections.get(arrival.connection_id)
    if connection is not None:
        connection.require_socketio()
    polling = connection.upgrades if connection and not connection.upgraded else None
    if data == engineio.PROBE and polling:
        now_ms = ports().clock.now_ms()
        if not mailboxes.probe(polling, arrival.connection_id, now_ms):
            ports().connections.close(arrival.connection_id)
            return
    ports().connections.post(arrival.connection_id, engineio.encode(PacketType.PONG, data))


def finish(arrival: Arrival, handle: Handle) -> None:
    """Handle the packet with which a client says that it uses its WebSocket from now on.

    The packets that wait for the client are posted to the WebSocket, in order. If nothing of the
    client has been handled so far but its CONNECTs answered, the WebSocket's row takes the place of
    its row, and its first packets are handled there. Otherwise the client keeps its row and its
    connection id, and its mailbox passes on what is posted to it.

    Raises ``InvalidPacket`` on a native connection.
    """
    connection = connections.get(arrival.connection_id)
    if connection is None:
        return
    connection.require_socketio()
    if not connection.upgrades or connection.upgraded:
        return  # means nothing then, as in Engine.IO's own server
    websocket, polling = connection.connection_id, connection.upgrades
    before = _move(polling, websocket)
    if before is None:
        ports().connections.close(websocket)
    elif before.held is None:
        lifecycle.mark_upgraded(connection)
    else:
        _take_over(connection, before, before.held, handle)


def _take_over(
    websocket: Connection, box: mailboxes.Mailbox, held: Sequence[str], handle: Handle
) -> None:
    """Let a WebSocket's row take the place of the client's row, and handle the first packets."""
    written = box.row is None
    client = connections.get(box.connection_id) if written else Connection.of_text(box.row)
    if client is None or client.leaving:
        return
    if lifecycle.take_over(websocket, client, written=written):
        moving.follow(client, websocket.connection_id)
        each(websocket.connection_id, HELD, held, handle)


def _move(polling: str, websocket: str) -> mailboxes.Mailbox | None:
    """Post what waits in the mailbox to the WebSocket, until nothing is left and it is moved.

    Returns the mailbox as it was. Returns None if the client does not upgrade to this WebSocket,
    or not in time. While another invocation handles the first packets, this waits for its end.
    """
    sent = 0
    while True:
        now_ms = ports().clock.now_ms()
        before = mailboxes.move(polling, websocket, sent, now_ms)
        if before is not None:
            return before
        box = mailboxes.take_outbox(polling, websocket, now_ms)
        if box is None:
            return None
        for packet in box.outbox[sent:]:
            ports().connections.post(websocket, packet)
        if len(box.outbox) == sent:
            time.sleep(PAUSE_SECONDS)
        sent = len(box.outbox)


def of_client(arrival: Arrival, frame: str) -> Arrival:
    """Return the frame as the client's own, if its WebSocket is known to be that of a late upgrade.

    So a session pays for the rows of both once in each process.
    """
    client = _clients.get(arrival.connection_id) if frame.startswith(OF_THE_CLIENT) else None
    return arrival._replace(connection_id=client) if client else arrival


def settled(arrival: Arrival, connection: Connection) -> Arrival | None:
    """Return the frame as it is to be handled, when its WebSocket's upgrade has ended.

    Frames run in any order, so frames that follow the end of the upgrade may come before it.
    Returns None if the upgrade does not end: the WebSocket is closed then.
    """
    until = time.monotonic() + settings().upgrade_hold_ms / 1000
    row: Connection | None = connection
    while row is not None and row.upgrades and not row.leaving:
        if row.upgraded:
            mailboxes.remember(_clients, row.connection_id, row.upgrades)
            return arrival._replace(connection_id=row.upgrades)
        if time.monotonic() > until:
            ports().connections.close(connection.connection_id)
            return None
        time.sleep(PAUSE_SECONDS)
        row = connections.get(connection.connection_id)
    return arrival
