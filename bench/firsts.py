"""The events that may start each function, and the rows that the function finds then."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import parse_qsl

from bench import rows
from functions.chat import channel_rows
from functions.chat.channel_rows import Participant
from functions.chat.history import Message
from functions.chat.namespaces import CHAT
from shared.protocol import json as our_json
from shared.realtime.connections import Connection
from shared.realtime.sessions import Session

Event = dict[str, Any]

CHANNEL = "c1"
RINGING = "/telecaller#t2"
PERMISSIONS = frozenset({"chat.access", "chat.send_messages"})
SENT = Message(
    channel_rows.room_of(CHANNEL),
    "1",
    form=f'"{CHANNEL}"',
    user_id="a1",
    user_name="Name",
    text="Hello",
    type="text",
    sent_at=1,
)


def _native(connection: str, action: str, data: Any) -> Event:
    body = json.dumps({"action": action, "data": data, "id": 1})
    return rows.frame(connection, body)


def _batch(body: dict[str, Any]) -> Event:
    """Return an event with one message of a queue."""
    attributes = {"ApproximateReceiveCount": "1"}
    record = {"messageId": "1", "receiptHandle": "h", "attributes": attributes}
    return {"Records": [record | {"body": json.dumps(body)}]}


def _stream(table: str, keys: dict[str, Any], before: Any, after: Any) -> Event:
    now = time.time()
    change = {"Keys": keys, "ApproximateCreationDateTime": now, "SequenceNumber": "1"}
    images = {"OldImage": before, "NewImage": after}
    return {
        "Records": [
            {
                "eventID": "1",
                "eventSourceARN": f"arn:aws:dynamodb:us-east-1:0:table/{table}/stream/1",
                "dynamodb": change | {name: one for name, one in images.items() if one},
            }
        ]
    }


def _get(path: str, query: str = "") -> Event:
    """Return the event of a request of the HTTP API."""
    http = {"method": "GET", "path": path, "sourceIp": "192.0.2.1"}
    context = {"requestId": "r", "http": http, "stage": "$default", "timeEpoch": 1}
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "queryStringParameters": dict(parse_qsl(query)),
        "headers": {},
        "requestContext": context,
    }


def _text(**values: str) -> dict[str, Any]:
    return {name: {"S": value} for name, value in values.items()}


def firsts() -> dict[str, dict[str, Event]]:
    """Return function → description → its first event."""
    status, connection, ring = rows.EVENTS["call:initiate"]
    assert status is None
    account = {"_id": "t1", "role": "TELECALLER", "name": "T", "approvalStatus": "APPROVED"}
    handshake = {
        "requestContext": {"connectionId": "new=", "requestId": "r", "identity": {"sourceIp": "1"}},
        "queryStringParameters": {"EIO": "4", "transport": "websocket"},
        "headers": {},
    }
    message = {"namespace": "/user", "room": "/user", "event": "e", "payload": {}, "group": "g"}
    booking = _text(bookingId="b1", customerId="c", status="PENDING", bookingNumber="1")
    return {
        "connect": {"": handshake},
        "opener": {"": {"connectionId": "cu="}},
        "deadline": {"": _batch({"connectionId": "open=", "namespace": CHAT.path, "sid": "sid"})},
        "disconnect": {"": {"connectionId": "cu="}},
        "socketio": {
            "a ring": rows.frame(connection, ring),
            "a namespace joined": rows.frame(
                "fresh=", f"40/user,{json.dumps({'token': rows.token('USER', 'u1')})}"
            ),
            "a ping answered": rows.frame("cu=", "3"),
        },
        "calls": {
            "a ring": _native("nu=", "call.initiate", {"telecallerId": "t1", "callType": "AUDIO"}),
            "the counts": _native("na=", "presence.request-counts", None),
        },
        "chat": {
            "a message": _native(
                "chat=", "chat.send_message", {"channelId": CHANNEL, "message": "Hello"}
            ),
            "authenticate": _native("open=", "authenticate", rows.token("AGENT", "a1")),
        },
        "ring-timeout": {"": {"person": RINGING, "callId": rows.CALL}},
        "balance-due": {"": {"person": RINGING, "callId": rows.CALL}},
        "presence-stream": {
            "a telecaller comes online": _stream(
                "people_table",
                _text(person="/telecaller#t1"),
                None,
                _text(person="/telecaller#t1") | {"connections": {"SS": ["s:ct="]}},
            )
        },
        "publisher": {
            "a telecaller comes online": _stream(
                "people_table",
                _text(person="/telecaller#t1"),
                None,
                _text(person="/telecaller#t1") | {"connections": {"SS": ["s:ct="]}},
            )
        },
        "bookings": {
            "a location": _native("np=", "location.update", {"latitude": 1, "longitude": 2})
        },
        "bookings-stream": {
            "a booking created": _stream("bookings_table", _text(bookingId="b1"), None, booking)
        },
        "chat-stream": {
            "a message": _stream(
                "messages_table",
                _text(channel=SENT.channel, messageId=SENT.message_id),
                None,
                SENT.serialize(),
            )
        },
        "broadcast": {"to 16": _batch(message)},
        "broadcast-shard": {"to 16 of a part": _batch(message | {"shard": "0"})},
        "push": {
            "a person without devices": _batch(
                {
                    "personId": "t1",
                    "kind": "call.missed",
                    "about": rows.CALL,
                    "title": "A call",
                    "body": "A call",
                    "data": {},
                    "untilMs": 9_999_999_999_999,
                }
            )
        },
        "livekit-rooms": {"": _batch({"room": "r1"})},
        "sweep": {"a count and a ping": {"part": 0, "parts": 1}},
        "backend": {
            "an account": _batch(
                {
                    "detail-type": "account.upserted",
                    "detail": account,
                    "time": "2026-01-01T00:00:00Z",
                }
            )
        },
        "polling": {"a session opened": _get("/socket.io/", "EIO=4&transport=polling")},
        "http": {"/health": _get("/health")},
    }


def data() -> dict[str, Any]:
    """Return the tables: every person is connected and in no call, unless an event needs one."""
    found = rows.of_a_call(None) | {"members": 16, "due": ["ct="]}
    mine = found["rows"]
    mine[RINGING] = rows.of_a_call("RINGING")["rows"]["/telecaller#t1"]
    mine["fresh="] = {**mine["cu="], "connectionId": {"S": "fresh="}, "sessions": {"M": {}}}
    mine["cu="].pop("opened", None)
    for connection, namespace, role, person in (
        ("nu=", "/user", "USER", "u1"),
        ("na=", "/admin", "ADMIN", "a1"),
        ("np=", "/partner", "PARTNER", "p1"),
        ("chat=", CHAT.path, "AGENT", "a1"),
        ("open=", CHAT.path, "", ""),
    ):
        mine[connection] = _native_connection(connection, namespace, role, person)
    tabs = {"n:chat="}
    room = channel_rows.room_of(CHANNEL)
    participant = Participant(room, channel_rows.PERSON + "a1", tabs=tabs)
    mine[f"{room} {channel_rows.PERSON}a1"] = participant.serialize()
    return found


def _native_connection(connection: str, namespace: str, role: str, person: str) -> Any:
    session = Session(namespace, "sid", person, role, "Name", permissions=PERMISSIONS)
    row = Connection(connection, wire="n", expires_at=9_999_999_999, opened=True)
    row.sessions = {namespace: our_json.dumps(session)}
    return row.serialize()
