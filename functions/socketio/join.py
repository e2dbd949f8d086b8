"""Handles a Socket.IO CONNECT packet: gives a connection a session in a namespace."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from functions.products import REGISTRY
from shared.aws.adapters import ports
from shared.aws.parallel import both
from shared.aws.retry import attempts
from shared.errors import ConnectionRefused
from shared.identity.tokens import Kept
from shared.pipeline import admission, departure, greeting, meters, returning
from shared.pipeline.admission import (
    FindAccount,
    authenticate,
    begin_session,
    has_failed_too_often,
    too_many,
)
from shared.pipeline.context import Arrival
from shared.pipeline.declarations import TOO_MANY_REQUESTS
from shared.pipeline.refusals import internal
from shared.protocol import engineio, json, socketio
from shared.protocol.errors import InvalidPacket, ProtocolError
from shared.realtime import connections, recovery, session_store
from shared.realtime.connections import Connection, Upgrading
from shared.realtime.namespaces import INVALID_TOKEN, MAIN
from shared.realtime.sessions import Session
from shared.settings import settings


class Admitted(NamedTuple):
    """A session that is in its connection's row, and cannot be reached yet.

    answer: the frame that answers CONNECT. It is empty if the client knows of the session.
    """

    connection: Connection
    session: Session
    answer: str


class Known(msgspec.Struct, frozen=True):
    """What is known before a CONNECT is handled.

    connection: the connection's row, or None.
    find_account: returns the account of an id, or None. None if it has not been read.
    waits: whether the row waits in a mailbox. Then the session is added to this copy of it only.
    """

    connection: Connection | None
    find_account: FindAccount | None
    waits: bool = False


class Refused(Exception):
    """A CONNECT that is refused with a text. ``frame`` is the CONNECT_ERROR."""

    def __init__(self, namespace: str, text: str, *, legacy: bool) -> None:
        super().__init__(text)
        self.text = text
        self.frame = socketio.connect_error_frame(namespace, text, legacy=legacy)


def read_ahead(packet: socketio.Packet) -> FindAccount | None:
    """Read the account of the packet's token, as ``admission.read_ahead`` does.

    Returns None if that fails. It is read again then, when the row has said which protocol the
    client speaks: a client that is refused must understand it.
    """
    try:
        return admission.read_ahead(REGISTRY, packet.namespace, _own_token(packet))
    except Exception:  # noqa: BLE001 - if it fails again, the client is refused
        return None


def join(arrival: Arrival, packet: socketio.Packet) -> None:
    """Give the client a session and answer CONNECT, or refuse with CONNECT_ERROR.

    The session is written before the client learns of it, so the client's next event finds it in
    any invocation. Other sessions can reach it only after CONNECT has been posted, because clients
    do not expect events before.

    Raises ``InvalidPacket`` on a native connection, and ``Upgrading``.
    """
    try:
        admitted = admit(arrival, packet)
    except Refused as refused:
        _refuse(arrival, refused)
        return
    if admitted is None:
        return
    connection, session, answer = admitted
    if answer and not ports().connections.post(connection.connection_id, answer):
        ports().tasks.end_connection(connection.connection_id)
        return
    if session.restoring:  # it goes on, so no product greets it
        ports().tasks.restore(connection.connection_id, session.namespace)
        return
    begin_session(REGISTRY, ports(), connection, session)
    auth = _auth(packet)
    greeting.greet(REGISTRY, ports(), arrival, connection=connection, session=session, auth=auth)


def connect_packet(frame: str) -> socketio.Packet | None:
    """Return the CONNECT that a frame carries. Returns None for any other frame."""
    try:
        packet = socketio.decode(engineio.decode(frame).data)
    except ProtocolError:
        return None
    return packet if packet.type is socketio.PacketType.CONNECT else None


def admit(arrival: Arrival, packet: socketio.Packet, known: Known | None = None) -> Admitted | None:
    """Give the client a session that nobody can reach yet.

    Returns None if the client is gone, or if this frame has been delivered twice. Raises
    ``Refused``: with the general text, if anything fails before the session is written.

    known: what has been read. With None, it is read here.
    """
    legacy = False
    try:
        known = known or _read(arrival, packet)
        connection = _connection_to_join(arrival, packet.namespace, known)
        if connection is None:
            return None
        legacy = connection.legacy
        before = connection.occupant(packet.namespace)
        if before is not None and _has_answered(arrival, before):
            return Admitted(connection, before, "")
        session, pid = _new_session(arrival, packet, connection, known.find_account)
        added = session.restoring or _add(connection, session, waits=known.waits)
    except (InvalidPacket, Upgrading):
        raise
    except Exception as error:
        refusal = error if isinstance(error, ConnectionRefused) else internal(error)
        raise Refused(packet.namespace, refusal.message, legacy=legacy) from error
    if not added:
        return None
    return Admitted(connection, session, _answer(arrival, connection, session, pid))


def _new_session(
    arrival: Arrival,
    packet: socketio.Packet,
    connection: Connection,
    find_account: FindAccount | None,
) -> tuple[Session, str]:
    """Return the session that the client may have, and the ``pid`` if the client asks for recovery.

    It is a session that comes back if the client asks for one that can be recovered.

    Raises ``ConnectionRefused``.
    """
    limit = settings().limit_joins_per_minute
    if not meters.JOINS.take(arrival.connection_id, limit, arrival.ms):
        raise ConnectionRefused(TOO_MANY_REQUESTS)
    auth, refusal = _auth(packet), ConnectionRefused(too_many(REGISTRY, packet.namespace))
    if connection.limited and not auth.get("pid"):
        raise refusal
    session = _authenticated(packet, connection, find_account)
    session = msgspec.structs.replace(session, arrived_ms=arrival.ms)
    recovers = not connection.legacy and recovery.is_wanted(auth)
    back = returning.claim(REGISTRY, ports(), connection, session, auth) if recovers else None
    if back is not None:
        return back, auth["pid"]
    if connection.limited:
        raise refusal
    if not recovers:
        return session, ""
    return recovery.recoverable(ports(), session, connection.connection_id)


def _read(arrival: Arrival, packet: socketio.Packet) -> Known:
    """Read what a CONNECT needs, at the same time: the row, and the account of its token. A CONNECT
    that has waited in a mailbox has mostly been answered, so its account is not read."""
    if arrival.held:
        return Known(connections.get(arrival.connection_id), None)
    return Known(*both(lambda: connections.get(arrival.connection_id), lambda: read_ahead(packet)))


def asks_to_come_back(packet: socketio.Packet) -> bool:
    """Return whether the client asks for a session that it has had before."""
    auth = _auth(packet)
    return bool(auth.get("pid")) and recovery.is_wanted(auth)


def _authenticated(
    packet: socketio.Packet, connection: Connection, find_account: FindAccount | None
) -> Session:
    """Return the session that the client's token gives. Raises ``ConnectionRefused``.

    find_account: finds the account of the token that the packet itself carries.
    """
    token = _own_token(packet)
    if token is None:
        token, find_account = _kept_token(connection, packet), None
    return authenticate(REGISTRY, ports(), packet.namespace, token, find_account)


def _refuse(arrival: Arrival, refused: Refused) -> None:
    """Answer CONNECT with CONNECT_ERROR. Close the connection after too many invalid tokens."""
    ports().connections.post(arrival.connection_id, refused.frame)
    if refused.text == INVALID_TOKEN and has_failed_too_often(arrival.connection_id):
        ports().connections.close(arrival.connection_id)
        ports().tasks.end_connection(arrival.connection_id, goodbye=True)


def _answer(arrival: Arrival, connection: Connection, session: Session, pid: str) -> str:
    """Return the frame that answers CONNECT with a session.

    Returns "" for a 2.x client that polls: it has read with the open packet that it is in ``/``.
    """
    if connection.legacy and arrival.held and session.namespace == MAIN:
        return ""
    sid = None if connection.legacy else session.sid
    return socketio.connect_frame(session.namespace, sid, pid)


def _add(connection: Connection, session: Session, *, waits: bool) -> bool:
    """Write a session into the connection's row. Returns False if the row does not take it.

    A row that is due before a joining session must be ready stays due at that time: a change would
    be two more writes, because the index of due connections changes too.

    waits: as in ``Known``.
    """
    joining = admission.joins(REGISTRY, session)
    if waits:
        connection.sessions[session.namespace] = json.dumps(session)
        if joining:
            connection.joining = {*(connection.joining or ()), session.namespace}
        return True
    due_at: int | None = admission.due_at(REGISTRY, ports().clock.now_ms() // 1000, session)
    if joining and due_at is not None and connection.due_at <= due_at:
        due_at = None
    return session_store.add_session(connection.connection_id, session, due_at, joining=joining)


def _connection_to_join(arrival: Arrival, namespace: str, known: Known) -> Connection | None:
    """Return the connection, without a session in ``namespace`` or with the one of this CONNECT.

    Ends the session that the connection has there: the client has left it without a word, or its
    DISCONNECT has been overtaken. Returns None if the connection is gone, or if this frame has
    been delivered twice. Raises ``InvalidPacket`` on a native connection.

    This waits a moment for an end that another invocation is working on. An end that takes longer
    has failed on the way, and is finished here. A session that waits in a mailbox has not begun, so
    its end has no consequences.
    """
    connection = known.connection
    if known.waits:
        return connection
    for number, _ in enumerate(attempts()):
        if number:
            connection = connections.get(arrival.connection_id)
        if connection is None or connection.leaving:
            return None
        connection.require_settled()
        connection.require_socketio()
        before = connection.occupant(namespace)
        if before is None:
            return connection
        if _has_answered(arrival, before):
            return connection
        if before.arrived_ms >= arrival.ms:  # this frame has been delivered twice
            return None
        if connection.session(namespace) is not None:
            departure.end_session(REGISTRY, ports(), connection, namespace)
    if connection is not None:
        departure.finish_ended_sessions(REGISTRY, ports(), connection)
    return connection


def _has_answered(arrival: Arrival, session: Session) -> bool:
    """Return whether a session is the answer to a CONNECT that has waited in a mailbox since."""
    return arrival.held and session.arrived_ms == arrival.ms


def _auth(packet: socketio.Packet) -> dict[str, Any]:
    """Return what came with CONNECT: ``auth`` (since 3.x), or the query of the namespace (2.x)."""
    return packet.data if isinstance(packet.data, dict) else dict(parse_qsl(packet.query))


def _own_token(packet: socketio.Packet) -> object:
    """Return the token in a CONNECT, or None: in ``auth`` (since 3.x), or in its query (2.x)."""
    if isinstance(packet.data, dict) and packet.data.get("token") is not None:
        return packet.data["token"]
    return dict(parse_qsl(packet.query)).get("token")


def _kept_token(connection: Connection, packet: socketio.Packet) -> object:
    """Return what is kept of the token that came with the handshake, or None."""
    namespace = REGISTRY.namespaces.get(packet.namespace)
    cookie = connection.cookie if namespace and namespace.cookie else None
    kept = connection.credential or cookie
    return msgspec.json.decode(kept, type=Kept) if kept else None
