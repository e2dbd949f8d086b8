"""People and calls for a test to begin with."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from functions.calls import rows as call_rows
from functions.calls import starting, store
from functions.calls.events import Party
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.rows import CurrentCall, PartyRow, PartyRows
from functions.calls.starting import NewCall
from functions.calls.state import Trigger
from functions.products import REGISTRY
from shared.calling import call_records
from shared.calling.call_records import CallRecord
from shared.pipeline.rate_limits import Window
from shared.realtime import connections, people, rooms, session_store
from shared.realtime.address import Address, Wire
from shared.realtime.connections import Connection
from shared.realtime.people import Person
from shared.realtime.rooms import Occupant
from shared.realtime.sessions import Session
from tests.fakes import NOW_MS

EXPIRES_AT = 4_000_000_000
"""A time long after these tests, in epoch seconds: DynamoDB compares it with the real time."""

INVOCATION = SimpleNamespace(aws_request_id="request")
"""The context that Lambda passes to a handler."""


def fails_once(monkeypatch: pytest.MonkeyPatch, where: object, name: str) -> None:
    """Let the next call of a function raise a timeout."""
    real = getattr(where, name)

    def failing(*_: Any, **__: Any) -> None:
        monkeypatch.setattr(where, name, real)
        raise TimeoutError

    monkeypatch.setattr(where, name, failing)


def session_of(namespace: str, person_id: str) -> Session:
    return Session(
        namespace=namespace,
        sid=f"sid-of-{person_id}",
        person_id=person_id,
        role=REGISTRY.namespaces[namespace].role,
        name=f"Name of {person_id}",
        profile=f"avatar-{person_id}",
    )


def connect(
    namespace: str, person_id: str, connection_id: str, wire: Wire = Wire.SOCKETIO
) -> Address:
    """Create a connection that has joined a namespace, as the handshake leaves it."""
    connections.create(Connection(connection_id, wire=wire.value, expires_at=EXPIRES_AT))
    assert session_store.add_session(connection_id, session_of(namespace, person_id))
    address = Address(namespace, wire, connection_id)
    assert join(address, person_id)
    return address


def join(address: Address, person_id: str) -> bool:
    everybody = REGISTRY.namespaces[address.namespace].everybody
    joined = people.join(address, person_id, expires_at=EXPIRES_AT, everybody=everybody)
    return joined is not None


def online(person_id: str, namespace: str = TELECALLER.path) -> None:
    """Make a person online. Only the person's row is written, no row of the connection."""
    Person(people.key(namespace, person_id), members={f"s:{person_id}"}).save()


def members_of(room: str) -> list[Occupant]:
    return list(rooms.all_members(room))


def party(person_id: str, profile: str | None = "avatar") -> Party:
    return Party(person_id, f"Name of {person_id}", profile)


def new_call(
    call_id: str,
    user_id: str,
    telecaller_id: str,
    *,
    profile: str | None = "avatar",
    rate: int = 0,
) -> NewCall:
    return NewCall(call_id, "AUDIO", rate, party(user_id, profile), party(telecaller_id))


def start(
    call_id: str,
    user_id: str,
    telecaller_id: str,
    *,
    profile: str | None = "avatar",
    rate: int = 0,
    limit: int = 20,
) -> starting.NotStarted | None:
    call = new_call(call_id, user_id, telecaller_id, profile=profile, rate=rate)
    started = starting.start(call, set(), Window("initiate", limit, NOW_MS))
    return started if isinstance(started, starting.NotStarted) else None


def accepting(now_ms: int) -> Window:
    """Return the limit of ``call:accept``, which is also the time at which a call is accepted."""
    return Window("accept", 20, now_ms)


def accept(telecaller_id: str, call_id: str, now_ms: int = NOW_MS) -> PartyRow | None:
    """Accept a call as if its events had been sent."""
    device = f"s:{telecaller_id}"  # as ``online`` connects them
    row = store.accept(telecaller_id, call_id, accepting(now_ms), f"accept-{call_id}", device)
    assert row is None or row.note_told(store.mark_of_accept(call_id, now_ms))
    return row


def rows(telecaller_id: str, user_id: str) -> PartyRows:
    """Return the rows on which a transition is decided, as they are now."""
    return call_rows.get_both(telecaller_id, user_id)


def finish(
    parties: PartyRows, call_id: str, trigger: Trigger, now_ms: int = NOW_MS
) -> CallRecord | None:
    done = store.finish(parties, call_id, trigger, now_ms)
    assert not done or done.parties.telecaller.note_told(store.mark_of_end(done.record))
    return done.record if done else None


def record_of(call_id: str, user_id: str) -> CallRecord | None:
    return call_records.find(user_id, call_id, as_caller=True)


def telecaller(person_id: str) -> PartyRow:
    return call_rows.get(TELECALLER.path, person_id)


def user(person_id: str) -> PartyRow:
    return call_rows.get(USER.path, person_id)


def call_of(person: PartyRow) -> CurrentCall:
    """Return the call on a person's row."""
    assert person.current_call
    return person.current_call


def free(user_id: str, telecaller_id: str) -> bool:
    """Return whether neither of the two people is in a call."""
    return not user(user_id).current_call and not telecaller(telecaller_id).current_call


def records() -> list[CallRecord]:
    """Return the records of all finished calls."""
    return list(CallRecord.scan(consistent_read=True))
