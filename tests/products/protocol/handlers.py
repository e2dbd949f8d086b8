"""The server of Socket.IO's protocol test suite (revision 5), with rooms and session data too.

https://github.com/socketio/socket.io-protocol/tree/main/test-suite
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.errors import Refusal
from shared.pipeline.context import Background, Context
from shared.pipeline.declarations import Limit
from shared.pipeline.deployment import BROADCASTS, ROOMS, SESSION_DATA
from shared.pipeline.payloads import ANY_ARGUMENTS, Answer, Arguments, Inbound, Outbound
from shared.pipeline.product import Product
from shared.realtime.address import Address, Delivery, Wire
from shared.realtime.connections import Connection
from shared.realtime.namespaces import Login, Namespace
from shared.realtime.sessions import Session

MAIN = Namespace("/protocol", login=Login.NONE, everybody=True)
CUSTOM = Namespace("/custom", login=Login.NONE)
BOTH = [MAIN.path, CUSTOM.path]
WATCHERS = "watchers"

protocol = Product("protocol", namespaces=[MAIN, CUSTOM], access=ROOMS | BROADCASTS | SESSION_DATA)


class ChatMessage(Inbound, frozen=True, array_like=True):
    """A message, and the client's own number of it."""

    text: str
    client_offset: str | None = None


class Stored(Answer, frozen=True, array_like=True):
    """A message as the handler has received it."""

    text: str
    client_offset: str | None


class Send(Inbound, frozen=True, array_like=True):
    """A text to send to others.

    room: the room that receives the text. With None, all sessions of the namespace receive it.
    text: the text.
    without: rooms whose members do not receive the text.
    skip_me: whether the sender does not receive the text.
    """

    room: str | None
    text: str
    without: tuple[str, ...] = ()
    skip_me: bool = False


class Said(Outbound, frozen=True, array_like=True):
    """A text that a session has sent, and the connection of that session."""

    event = "said"
    text: str
    connection_id: str


class Left(Outbound, frozen=True):
    """A connection whose session in the namespace has ended."""

    event = "left"
    connection_id: str


class Expel(Inbound, frozen=True, array_like=True):
    """A session to end.

    connection_id: the connection of the session. With None, the sender's own session is ended.
    close: whether the connection is closed as well.
    """

    connection_id: str | None = None
    close: bool = False


protocol.sends(MAIN.path, Said, Left)


def _greet(context: Context, auth: Mapping[str, Any]) -> None:
    context.emit(Delivery("auth", dict(auth), (context.address,)))
    if "room" in auth:
        context.join(auth["room"])
    if "refuse" in auth:
        raise Refusal(auth["refuse"])
    if "fail" in auth:
        raise LookupError(auth["fail"])


for path in BOTH:
    protocol.on_connect(path)(_greet)


@protocol.on_leave(MAIN.path)
def left(background: Background, connection: Connection, session: Session) -> None:
    """Send `left` to the room of watchers."""
    background.ports.tasks.broadcast(
        Left(connection.connection_id).to_room(
            session.namespace, WATCHERS, group=WATCHERS, once=session.sid
        )
    )


@protocol.on("message", namespaces=BOTH, payload=ANY_ARGUMENTS)
def message(context: Context, arguments: list[Any]) -> None:
    """Send the arguments back."""
    context.emit(Delivery("message-back", Arguments(arguments), (context.address,)))


@protocol.on("message-with-ack", namespaces=BOTH, payload=ANY_ARGUMENTS)
def message_with_ack(context: Context, arguments: list[Any]) -> Arguments:
    """Acknowledge with the arguments."""
    return Arguments(arguments)


@protocol.on("chat message", namespaces=[MAIN.path], payload=ChatMessage)
def chat_message(context: Context, said: ChatMessage) -> Stored:
    """Acknowledge with the arguments as the handler has received them."""
    return Stored(said.text, said.client_offset)


@protocol.on("whoami", namespaces=BOTH)
def whoami(context: Context, _: None) -> str:
    """Acknowledge with the id of the connection."""
    return context.address.connection_id


@protocol.on("room:join", namespaces=BOTH, payload=str)
def join(context: Context, room: str) -> None:
    """Join a room."""
    context.join(room)


@protocol.on("room:leave", namespaces=BOTH, payload=str)
def leave(context: Context, room: str) -> None:
    """Leave a room."""
    context.leave(room)


@protocol.on("room:list", namespaces=BOTH)
def rooms(context: Context, _: None) -> list[str]:
    """Acknowledge with the rooms that the session has joined."""
    return context.rooms


@protocol.on("room:send", namespaces=BOTH, payload=Send)
def send(context: Context, request: Send) -> None:
    """Send a text to a room, or to all sessions of the namespace, which receive `said`."""
    context.broadcast(
        Said(request.text, context.address.connection_id),
        request.room,
        skip_me=request.skip_me,
        except_rooms=request.without,
    )


@protocol.on("data:save", namespaces=BOTH, payload=dict[str, Any])
def save(context: Context, values: dict[str, Any]) -> dict[str, Any]:
    """Keep values with the session, and acknowledge with all values that it keeps."""
    context.save_data(**values)
    return dict(context.data)


@protocol.on("data:read", namespaces=BOTH)
def read(context: Context, _: None) -> dict[str, Any]:
    """Acknowledge with all values that the session keeps."""
    return dict(context.data)


@protocol.on("expel", namespaces=BOTH, payload=Expel)
def expel(context: Context, request: Expel) -> None:
    """End a session from the server's side."""
    address = None
    if request.connection_id is not None:
        address = Address(context.address.namespace, Wire.SOCKETIO, request.connection_id)
    context.disconnect(address, close=request.close)


@protocol.on(
    "limited", namespaces=BOTH, limit=Limit("limit_call_cancel_per_minute", event="limited:error")
)
def limited(context: Context, _: None) -> None:
    """Do nothing, at most as often as the limit allows."""
