"""The first GET of a client that polls: it opens the session."""

from __future__ import annotations

from functools import partial

from functions.polling.exchange import Answer, Request, reply
from shared.aws import mailboxes
from shared.aws.adapters import ports
from shared.aws.mailboxes import PREFIX, Mailbox
from shared.aws.parallel import both
from shared.identity import cookies, tokens
from shared.pipeline import rate_limits
from shared.protocol import engineio, polling, socketio
from shared.realtime.address import Wire
from shared.realtime.connections import Connection
from shared.realtime.namespaces import MAIN
from shared.settings import settings

UPGRADES = ("websocket",)


def open_session(request: Request) -> Answer:
    """Make the mailbox of a session, and answer with the open packet.

    The session counts as one connection of the client's address. A client whose address has opened
    too many reads the reason in the answer to its CONNECT. A 2.x client is in ``/`` without asking.
    """
    values, now_ms = settings(), ports().clock.now_ms()
    sid = ports().ids.session_id()
    connection = _connection(request, sid, now_ms // 1000)
    box = Mailbox(
        connection.connection_id,
        protocol=connection.protocol,
        held=_first_packets(request, now_ms) if connection.legacy else [],
        held_until_ms=now_ms + values.upgrade_wait_ms,
        row=connection.text(),
        polled_at=now_ms // 1000,
        expires_at=connection.expires_at,
    )
    count = partial(rate_limits.count_handshake, str(connection.network), now_ms)
    _, allowed = both(box.save, count)
    if not allowed:
        connection.limited = True
        box.row = connection.text()
        box.save()
    packet = engineio.open_packet(
        sid=sid,
        ping_interval_ms=values.ping_interval_ms,
        ping_timeout_ms=values.ping_timeout_ms,
        max_payload=values.max_payload_bytes,
        upgrades=UPGRADES,
    )
    packets = [packet]
    if connection.legacy and allowed:
        packets.append(socketio.connect_frame(MAIN, None))
    return reply(polling.encode(packets, int(connection.protocol)))


def _connection(request: Request, sid: str, now: int) -> Connection:
    """Return the row of a client that polls, for the request that opens its session.

    sid: the Engine.IO session id.
    now: the time in epoch seconds.
    """
    values, token = settings(), request.query.get("token")
    return Connection(
        PREFIX + sid,
        wire=Wire.SOCKETIO.value,
        protocol=int(request.query["EIO"]),
        credential=tokens.kept_text([token] if token else [], ports().secrets),
        cookie=tokens.kept_text(cookies.of_request(request.headers), ports().secrets),
        network=rate_limits.network(request.address, request.headers),
        opened=True,
        expires_at=now + values.connection_max_seconds,
    )


def _first_packets(request: Request, now_ms: int) -> list[str]:
    """Return the CONNECT of ``/`` that a 2.x client does not send itself, with its query."""
    return mailboxes.held([socketio.implied_connect(request.query)], now_ms)
