"""A chat for all clients: messages are stored, so no client misses a message."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from pynamodb.attributes import UnicodeAttribute

from shared.aws.tables import Table, TableName, Transaction, TransactionRefused, transact
from shared.pipeline.context import Context
from shared.pipeline.deployment import BROADCASTS, Access, TableSpec
from shared.pipeline.payloads import Inbound, Outbound
from shared.pipeline.product import Product
from shared.realtime.namespaces import Login, Namespace

CHAT, SENT = "chat", "sent"


class Line(Table):
    """A message of the chat or, in the topic ``sent``, the number that a client gave it."""

    class Meta:
        table_name = TableName("tutorial")

    topic = UnicodeAttribute(hash_key=True)
    offset = UnicodeAttribute(range_key=True)
    text = UnicodeAttribute()


class Say(Inbound, frozen=True, array_like=True):
    """A message with the client's number of it, which is the same if the client tries again."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]
    client_offset: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class Said(Outbound, frozen=True, array_like=True):
    """A message of the chat, with its place in the history."""

    event = "chat message"
    text: str
    server_offset: str


tutorial = Product(
    "tutorial",
    namespaces=[Namespace("/tutorial", login=Login.NONE, everybody=True)],
    tables=[TableSpec("tutorial", "topic", "offset")],
    access=BROADCASTS | Access({"tutorial": "PutItem Query"}),
)
tutorial.sends("/tutorial", Said)


@tutorial.on("chat message", namespaces=["/tutorial"], payload=Say)
def say(context: Context, message: Say) -> None:
    """Send a message to all clients. Every client receives `chat message` once."""
    line = Line(CHAT, context.arrival.id, text=message.text)

    def store(transaction: Transaction) -> None:
        sent = Line(SENT, message.client_offset, text=line.offset)
        transaction.put("sent", sent, condition=Line.topic.does_not_exist())
        transaction.put("line", line)

    try:
        transact(store)
    except TransactionRefused:
        return  # the client tries again, and the message is stored already
    context.broadcast(Said(line.text, line.offset))


@tutorial.on_connect("/tutorial")
def catch_up(context: Context, auth: dict[str, Any]) -> None:
    """Send a client the messages after the last message that it has."""
    last = str(auth.get("serverOffset") or "0")
    for line in Line.query(CHAT, Line.offset > last):
        context.emit(Said(line.text, line.offset).to([context.address]))
