"""The rows that the handlers of a call find in the canned tables."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
from pynamodb.models import Model

from functions.calls.rows import CurrentCall, PartyRow
from shared.identity.accounts import AccountRow
from shared.protocol import json as our_json
from shared.realtime.connections import Connection
from shared.realtime.sessions import Session

SECRET = "bench-secret-bench-secret-bench-sec"
CALL = "0" * 24
NAMES = {"/user": ("USER", "u1", "cu="), "/telecaller": ("TELECALLER", "t1", "ct=")}


def _item(row: Model) -> Any:
    return row.serialize()


def _connection(namespace: str) -> Any:
    role, person, connection = NAMES[namespace]
    session = Session(namespace, "sid", person, role, f"Name of {person}")
    row = Connection(connection, wire="s", expires_at=9_999_999_999, opened=True)
    row.sessions = {namespace: our_json.dumps(session)}
    return _item(row)


def _person(namespace: str, status: str | None) -> Any:
    _, person, connection = NAMES[namespace]
    peer = "t1" if namespace == "/user" else "u1"
    row = PartyRow(f"{namespace}#{person}", members={f"s:{connection}"}, coins=100)
    if status:
        own = status if namespace == "/telecaller" else None
        now = time.time() * 1000
        row.call = CurrentCall(
            id=CALL, type="AUDIO", status=own, peer_id=peer, peer_name="N", rate=10,
            started_at=now, accepted_at=now, accepted_on=f"s:{NAMES['/telecaller'][2]}",
        )  # fmt: skip
    return _item(row)


def of_a_call(status: str | None) -> dict[str, Any]:
    """Return the tables before an event: both people are free, or in a call of ``status``."""
    rows: dict[str, Any] = {}
    for namespace, (role, person, connection) in NAMES.items():
        rows[connection] = _connection(namespace)
        rows[f"{namespace}#{person}"] = _person(namespace, status)
        account = {"_id": person, "role": role, "name": person, "approvalStatus": "APPROVED"}
        rows[person] = _item(AccountRow(person, account={**account, "rates": {"AUDIO": 10}}))
    keys = {"JWT_SECRET": SECRET, "LIVEKIT_API_KEY": "key", "LIVEKIT_API_SECRET": SECRET}
    return {"rows": rows, "secret": json.dumps(keys)}


def token(role: str, person: str) -> str:
    claims = {"sub": person, "role": role, "exp": int(time.time()) + 3600}
    return jwt.encode(claims, SECRET, algorithm="HS256")


def frame(connection: str, body: str) -> dict[str, Any]:
    """Return the event that API Gateway sends to a function for a frame."""
    return {
        "requestContext": {
            "connectionId": connection, "messageId": "m", "requestId": "r",
            "requestTimeEpoch": int(time.time() * 1000), "routeKey": "$default",
        },
        "body": body,
    }  # fmt: skip


EVENTS: dict[str, tuple[str | None, str, str]] = {
    "call:initiate": (
        None, "cu=", '42/user,1["call:initiate",{"telecallerId":"t1","callType":"AUDIO"}]',
    ),
    "call:accept": ("RINGING", "ct=", f'42/telecaller,1["call:accept",{{"callId":"{CALL}"}}]'),
    "call:end": ("ACCEPTED", "cu=", f'42/user,1["call:end",{{"callId":"{CALL}"}}]'),
    "unknown event (smallest)": (None, "cu=", '42/user,["location:update",{"lat":1,"lng":2}]'),
    "answer to a ping": (None, "cu=", "3"),
}  # fmt: skip
"""Event → status of the call before it, the connection that sends it, its frame."""
