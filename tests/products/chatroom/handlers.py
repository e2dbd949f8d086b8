"""A chat room in which everybody has a name: who is there, who types, who has come and gone."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from pynamodb.attributes import UnicodeAttribute

from shared.aws.tables import Table, TableName
from shared.pipeline.context import Background, Context
from shared.pipeline.deployment import BROADCASTS, SESSION_DATA, Access, TableSpec
from shared.pipeline.payloads import Outbound
from shared.pipeline.product import Product
from shared.realtime.connections import Connection
from shared.realtime.namespaces import Login, Namespace
from shared.realtime.sessions import Session

PATH = "/chatroom"
USERNAME = "username"
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]


class Guest(Table):
    """A session that has said its name."""

    class Meta:
        table_name = TableName("chatroom")

    room = UnicodeAttribute(hash_key=True)
    sid = UnicodeAttribute(range_key=True)
    username = UnicodeAttribute()


class Welcome(Outbound, frozen=True):
    """Who is in the room already, for a client that has just connected."""

    event = "welcome"
    names: list[str]


class LoggedIn(Outbound, frozen=True):
    """How many guests there are, for a guest who has said their name."""

    event = "login"
    num_users: int


class Joined(Outbound, frozen=True):
    """Another guest who has said their name."""

    event = "user joined"
    username: str
    num_users: int


class Left(Outbound, frozen=True):
    """A guest who has gone."""

    event = "user left"
    username: str
    num_users: int


class Message(Outbound, frozen=True):
    """A message of another guest."""

    event = "new message"
    username: str
    message: str


class Typing(Outbound, frozen=True):
    """Another guest who types."""

    event = "typing"
    username: str


class StoppedTyping(Outbound, frozen=True):
    """Another guest who has stopped typing."""

    event = "stop typing"
    username: str


chatroom = Product(
    "chatroom",
    namespaces=[Namespace(PATH, login=Login.NONE, everybody=True)],
    tables=[TableSpec("chatroom", "room", "sid")],
    access=BROADCASTS | SESSION_DATA | Access({"chatroom": "DeleteItem PutItem Query"}),
)
chatroom.sends(PATH, Welcome, LoggedIn, Joined, Left, Message, Typing, StoppedTyping)


def guests() -> list[Guest]:
    """Return all guests who have said their names, strongly consistent."""
    return list(Guest.query(PATH, consistent_read=True))


@chatroom.on_connect(PATH)
def greet(context: Context, _: dict[str, Any]) -> None:
    """Tell a client who is there. The client receives `welcome`."""
    names = sorted(guest.username for guest in guests())
    context.emit(Welcome(names).to([context.address]))


@chatroom.on("add user", namespaces=[PATH], payload=Text)
def add_user(context: Context, username: str) -> None:
    """Say one's name, once. The client receives `login`, all others receive `user joined`."""
    if USERNAME in context.data:
        return
    context.save_data(username=username)
    Guest(PATH, context.session.sid, username=username).save()
    number = len(guests())
    context.emit(LoggedIn(number).to([context.address]))
    context.broadcast(Joined(username, number), skip_me=True)


@chatroom.on("new message", namespaces=[PATH], payload=Text)
def new_message(context: Context, text: str) -> None:
    """Send a message. All others receive `new message`."""
    context.broadcast(Message(context.data[USERNAME], text), skip_me=True)


@chatroom.on("typing", namespaces=[PATH])
def typing(context: Context, _: None) -> None:
    """Begin to type. All others receive `typing`."""
    context.broadcast(Typing(context.data[USERNAME]), skip_me=True)


@chatroom.on("stop typing", namespaces=[PATH])
def stop_typing(context: Context, _: None) -> None:
    """Stop typing. All others receive `stop typing`."""
    context.broadcast(StoppedTyping(context.data[USERNAME]), skip_me=True)


@chatroom.on_leave(PATH)
def left(background: Background, connection: Connection, session: Session) -> None:
    """Take a guest out of the room. All others receive `user left`."""
    username = connection.data_of(session).get(USERNAME)
    if username is None:
        return
    Guest(PATH, session.sid).delete()
    event = Left(username, len(guests()))
    background.ports.tasks.broadcast(event.to_room(PATH, "", group=PATH, once=session.sid))
