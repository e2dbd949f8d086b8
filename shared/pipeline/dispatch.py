"""The pipeline around every handler: session → permission → payload → limit → handler →
acknowledgement.

It is the same for a Socket.IO event and a native request. Whatever happens, a client that asked for
an acknowledgement receives exactly one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from shared.aws.log import logger, set_event_name
from shared.aws.parallel import both
from shared.errors import Duplicate, InvalidRequest, Refusal
from shared.ids import compose
from shared.pipeline import admission, meters, rate_limits, validation
from shared.pipeline.context import NOT_AUTHENTICATED, Arrival, Background, Context, Decided
from shared.pipeline.declarations import TOO_MANY_REQUESTS, EventHandler
from shared.pipeline.payloads import takes_several
from shared.pipeline.refusals import error_event, internal
from shared.pipeline.registry import Registry
from shared.ports import Ports
from shared.protocol.errors import AckId, InvalidPacket
from shared.realtime import connections
from shared.realtime.address import Address, Wire, acknowledgement, failed_acknowledgement
from shared.realtime.connections import Connection, Upgrading
from shared.realtime.emitter import Emitter
from shared.realtime.namespaces import UNKNOWN_NAMESPACE, Namespace
from shared.realtime.sessions import Session
from shared.realtime.untold import announce
from shared.settings import settings

KEEP_ALIVE = "ping"
"""What a native client sends to keep its connection. It is answered if the client gives an id."""

NOT_PERMITTED = "You do not have the permission {}"


class Request(msgspec.Struct, frozen=True):
    """An event as a client sent it.

    event: the event's name.
    wire: the wire format in which the client sent it.
    namespace: the namespace. None for a native connection, which is in one namespace only.
    arguments: all arguments of a Socket.IO event. Of a native request, its ``data`` alone, which is
        the list of the arguments if the event takes several.
    ack: the id of the acknowledgement, or None if the client asked for none.
    refusal: the error that decoding found in an otherwise valid packet, or None.
    too_many: whether the connection has sent too many events within a minute.
    """

    event: str
    wire: Wire
    namespace: str | None = None
    arguments: Sequence[object] = ()
    ack: AckId | None = None
    refusal: str | None = None
    too_many: bool = False

    @property
    def first(self) -> object:
        """The first argument, or None."""
        return self.arguments[0] if self.arguments else None

    def value_for(self, row: EventHandler) -> object:
        """Return the value of which the event's payload is made.

        It is the first argument, or the list of all arguments if the event takes several.
        """
        if not takes_several(row.payload):
            return self.first
        if self.wire is not Wire.NATIVE:
            return list(self.arguments)
        return [] if self.first is None else self.first


class NotConnected(Exception):
    """The connection has no session at all, or has sent a frame of another wire format."""


class NotJoined(Exception):
    """The connection has no session in the event's namespace, but has one in another namespace."""


class ParsedRequest(NamedTuple):
    """What is known about a request beside its session.

    row: the event's handler, or None if the namespace has no such event.
    payload: the payload as the handler declares it.
    preloaded: what the handler's ``preload`` has read.
    refusal: why the request cannot be handled, or None.
    """

    row: EventHandler | None
    payload: Any = None
    preloaded: object = None
    refusal: Refusal | None = None


def dispatch(registry: Registry, ports: Ports, arrival: Arrival, request: Request) -> None:
    """Handle a request, and answer it.

    A connection that is in no namespace is closed, as in Socket.IO. A connection that is in another
    namespace stays open, and its session there goes on: frames run in any order, so a client's last
    event in a namespace may be handled after the client has left the namespace.

    Raises ``InvalidPacket`` for a Socket.IO event on a native connection, and ``Upgrading``.
    """
    connection_id = arrival.connection_id
    limit = settings().limit_events_per_minute
    if not meters.EVENTS.take(connection_id, limit, arrival.ms):
        request = replace(request, too_many=True)
    address = Address(request.namespace or "", request.wire, connection_id)
    background = Background.on(registry, ports)
    namespace = request.namespace
    try:
        found = _resolve(registry, arrival, request)
        namespace, address = found.session.namespace, found.connection.address(found.session)
        background = _in_turn(background, found.session)
        result = _run(background, arrival, request, found)
    except (InvalidPacket, Upgrading):
        raise
    except Duplicate:
        logger.info("duplicate frame")
    except NotConnected:
        ports.connections.close(connection_id)
    except NotJoined:
        if request.ack is not None:
            background.emit.post(
                connection_id, failed_acknowledgement(address, request.ack, UNKNOWN_NAMESPACE)
            )
    except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
        refusal = error if isinstance(error, Refusal) else internal(error)
        _refuse(
            background.emit, address, request, refusal, registry.namespaces.get(namespace or "")
        )
    else:
        _answer(background.emit, address, request, result)


def _in_turn(background: Background, session: Session) -> Background:
    """Return the background of an event, in which a session that comes back must not be overtaken.

    What is sent to the session is logged then, and reaches its client after what it has missed.
    """
    if not session.restoring:
        return background
    return replace(background, emit=Emitter(background.ports, logs_only=session.sid))


def _answer(emit: Emitter, address: Address, request: Request, result: object) -> None:
    """Send the acknowledgement, if the client asked for one, and what the handler has left to send
    meanwhile."""

    def acknowledge(result: object) -> None:
        if request.ack is not None:
            emit.answer(address, acknowledgement(address, request.ack, result))

    if isinstance(result, Decided):
        tell, result = result.tell, result.result
        both(lambda: announce(tell), lambda: acknowledge(result))
    else:
        acknowledge(result)


def _refuse(
    emit: Emitter,
    address: Address,
    request: Request,
    refusal: Refusal,
    namespace: Namespace | None,
) -> None:
    """Send the error event, and the acknowledgement if the client asked for one.

    The acknowledgement is sent even if the error event could not be sent: one post may fail and the
    next succeed.
    """
    try:
        emit(error_event(address, refusal, namespace))
    finally:
        if request.ack is not None:
            text = failed_acknowledgement(address, request.ack, refusal.message)
            emit.answer(address, text)


class ResolvedRequest(NamedTuple):
    """A request with the connection and the session that sent it."""

    connection: Connection
    session: Session
    parsed: ParsedRequest


def _resolve(registry: Registry, arrival: Arrival, request: Request) -> ResolvedRequest:
    """Find the session of a request, and read its payload.

    A session that has ended since the frame arrived serves it all the same.

    Raises ``NotConnected``, ``NotJoined``, ``InvalidPacket`` or ``Upgrading``.
    """
    connection, ahead = _read(registry, arrival.connection_id, request)
    if connection is not None:
        connection.require_settled()
    session = connection.sender(request.namespace, arrival.ms) if connection else None
    if connection is not None and request.wire != Wire.NATIVE:
        connection.require_socketio()
    if connection is None or connection.wire != request.wire:
        raise NotConnected
    if session is None:
        elsewhere = connection.all_sessions() and not connection.leaving
        raise NotJoined if elsewhere else NotConnected
    parsed = ahead.get(session.namespace) or _parse(registry, session.namespace, request)
    return ResolvedRequest(connection, session, parsed)


def _run(
    background: Background, arrival: Arrival, request: Request, found: ResolvedRequest
) -> object:
    connection, session, (row, payload, preloaded, refusal) = found
    if request.too_many:
        raise Refusal(TOO_MANY_REQUESTS)
    if session.settled and not session.restoring and not connection.reachable(session):
        # A client whose frames arrive has been opened, even if the opener has not noticed yet. What
        # follows from the event has to reach the client, too.
        admission.begin_session(background.registry, background.ports, connection, session)
    _permit(session, row)
    if request.event == KEEP_ALIVE and request.wire is Wire.NATIVE and row is None:
        return None
    if row is None or refusal is not None:
        raise refusal or InvalidRequest(f"Unknown event: {request.event}")
    context = Context(
        background.registry,
        background.ports,
        background.emit,
        session=session,
        address=connection.address(session),
        arrival=arrival,
        connection=connection,
        preloaded=preloaded,
    )
    try:
        return row.handle(_within_limit(row, context, payload), payload)
    except Duplicate:
        raise
    except Refusal as error:
        raise Refusal(error.message, event=error.event or row.error_event) from error
    except Exception as error:
        raise internal(error, row.error_event) from error


def _permit(session: Session, row: EventHandler | None) -> None:
    """Raise ``Refusal`` if the session may not send this event."""
    if not session.settled and not (row and row.open):
        raise Refusal(NOT_AUTHENTICATED)
    if row and row.permission and not session.may(row.permission):
        raise Refusal(NOT_PERMITTED.format(row.permission), event=row.error_event)


def _within_limit(row: EventHandler, context: Context, payload: Any) -> Context:
    """Count the event for its limit, read what the handler needs at the same time, and return the
    context with it. Raises ``Refusal`` if the limit has been reached."""
    load = row.load
    if load is None:
        _limit(row, context)
        return context
    _, loaded = both(lambda: _limit(row, context), lambda: load(context, payload))
    return replace(context, loaded=loaded)


def _limit(row: EventHandler, context: Context) -> None:
    """Count the event for its limit. Raises ``Refusal`` if the limit has been reached.

    It is counted for the person or, if the session has no person, for the connection. An event
    whose handler fails later has been counted too.
    """
    limit = row.limit
    if limit is None or limit.in_handler:
        return
    sender = context.session.person_id
    if context.session.anonymous:
        sender = context.address.connection_id
    key = compose(row.namespace, row.event, sender)
    if not rate_limits.hit(key, getattr(settings(), limit.setting), context.now_ms):
        raise Refusal(limit.text, event=limit.event)


def _read(
    registry: Registry, connection_id: str, request: Request
) -> tuple[Connection | None, dict[str, ParsedRequest]]:
    """Return the connection, or None if there is none, and what has been parsed so far.

    A ``preload`` reads at the same time as the connection is read: one round trip for both. A
    native request does not say its namespace. So it is parsed for each namespace with a ``preload``
    for the event, mostly one, and what another namespace would have read is dropped.
    """
    paths = registry.namespaces if request.namespace is None else [request.namespace]
    rows = (registry.find(path, request.event) for path in paths)
    ahead = [row.namespace for row in rows if row and row.preload]
    if not ahead:
        return connections.get(connection_id), {}
    connection, parsed = both(
        lambda: connections.get(connection_id),
        lambda: {path: _parse_ahead(registry, path, request) for path in ahead},
    )
    return connection, {path: one for path, one in parsed.items() if one}


def _parse_ahead(registry: Registry, namespace: str, request: Request) -> ParsedRequest | None:
    """Return the request as ``_parse`` does. Returns None if the ``preload`` fails: it may be the
    one of another namespace. If it is not, it is tried again."""
    try:
        return _parse(registry, namespace, request)
    except Exception:  # noqa: BLE001 - if it fails again, the client is refused
        return None


def _parse(registry: Registry, namespace: str, request: Request) -> ParsedRequest:
    if request.too_many:
        return ParsedRequest(None)
    row = registry.find(namespace, request.event)
    if row:
        set_event_name(row.event)
    if request.refusal is not None:
        event = row.error_event if row else None
        return ParsedRequest(row, refusal=InvalidRequest(request.refusal, event=event))
    if row is None:
        return ParsedRequest(None)
    try:
        payload = validation.payload_of(row, request.value_for(row))
    except InvalidRequest as refusal:
        return ParsedRequest(row, refusal=refusal)
    return ParsedRequest(row, payload, row.preload(payload) if row.preload else None)
