"""Tests of the sweep: it disconnects clients that are gone, and leaves all others connected."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from functions.calls import rows, starting, store
from functions.calls.events import Party
from functions.calls.starting import NewCall
from shared.identity.accounts import Account
from shared.pipeline.rate_limits import Window
from shared.realtime import connections, lifecycle, people, session_store
from shared.realtime.address import Address, Wire
from shared.realtime.connections import Connection
from shared.realtime.people import Person
from shared.realtime.sessions import Session
from shared.settings import settings
from tests.e2e import backstage
from tests.e2e.client_native import Raw
from tests.e2e.clients import PRESENCE
from tests.e2e.people import token
from tests.e2e.stack import RING_SECONDS, Stack
from tests.e2e.waiting import until
from tests.e2e.world import World


def sweep(stack: Stack) -> None:
    """Run the sweep's function once and wait until it ends."""
    backstage.invoke(stack, "sweep", {})


def lost_connection(account: Account) -> str:
    """Store a connection of an account that API Gateway does not know. Returns its id.

    The tables look as if the connection's ``$disconnect`` had been lost.
    """
    namespace, connection_id = f"/{account.role.lower()}", f"gone-{uuid.uuid4().hex}"
    expires_at = int(time.time()) + 3_600
    connections.create(
        Connection(connection_id, wire="s", opened=True, due_at=2**31, expires_at=expires_at)
    )
    session = Session(namespace, "sid", account.id, account.role, account.name)
    assert session_store.add_session(connection_id, session, 2**31)
    address = Address(namespace, Wire.SOCKETIO, connection_id)
    assert people.join(address, account.id, expires_at=expires_at, everybody=True)
    return connection_id


def start_ring_without_timer(
    user: Account, telecaller: Account, *, begun_seconds_ago: float = 0
) -> str:
    """Start a call that rings without a timer. Returns the call's id."""
    now_ms = int((time.time() - begun_seconds_ago) * 1000)
    call_id = uuid.uuid4().hex[:24]
    call = NewCall(
        id=call_id,
        type="AUDIO",
        rate=0,
        user=Party(user.id, user.name, user.profile),
        telecaller=Party(telecaller.id, telecaller.name, telecaller.profile),
    )
    started = starting.start(call, set(), Window("initiate", 5, now_ms))
    assert not isinstance(started, starting.NotStarted)
    return call_id


def make_due_now(connection_id: str) -> None:
    """Make the next sweep look at a connection."""
    lifecycle.postpone(connection_id, connections.AT_ONCE)


def connection_of(account: Account) -> str:
    """Return the id of an account's only connection."""
    (address,) = people.get(f"/{account.role.lower()}", account.id).addresses
    return address.connection_id


def wait_until_gone(connection_id: str) -> None:
    until(lambda: connections.get(connection_id) is None, f"{connection_id} is gone")


def wait_until_answered(connection_id: str, since: int) -> None:
    def answered() -> bool:
        row = connections.get(connection_id)
        assert row, f"{connection_id} is gone"
        return (row.answered_at or 0) >= since

    until(answered, f"{connection_id} has answered")


def test_a_telecaller_whose_disconnect_was_lost_is_offline_and_the_call_ends(
    world: World,
) -> None:
    caller, user = world.user()
    callee = world.people.take("TELECALLER")
    with world.stack.direct_access():
        connection_id = lost_connection(callee)
        call_id = start_ring_without_timer(caller, callee)
        assert store.accept(
            callee.id,
            call_id,
            Window("accept", 20, int(time.time() * 1000)),
            "accept",
            f"s:{connection_id}",
        )
        user.wait_presence(callee.id, "ON_CALL")
        make_due_now(connection_id)
        sweep(world.stack)
        wait_until_gone(connection_id)
        assert not people.get("/telecaller", callee.id).online
        assert not rows.get("/user", caller.id).current_call
        assert callee.id not in {
            person.person_id for person in people.connected("/telecaller", Person)
        }
    assert user.wait("call:ended") == {"callId": call_id}
    user.wait_presence(callee.id, "OFFLINE")


def test_a_call_whose_ring_timer_was_lost_is_missed(world: World) -> None:
    caller, user = world.user()
    callee, telecaller = world.telecaller()
    with world.stack.direct_access():
        grace = settings().ring_timer_grace_seconds
        call_id = start_ring_without_timer(caller, callee, begun_seconds_ago=RING_SECONDS + grace)
        sweep(world.stack)
    assert user.wait("call:missed") == {"callId": call_id}
    assert telecaller.wait("call:missed") == {"callId": call_id}
    answer = world.stack.get("/calls", Authorization=f"Bearer {token(caller)}")
    statuses = {item["callId"]: item["status"] for item in answer.body["items"]}
    assert statuses == {call_id: "MISSED"}


def test_a_connection_that_joins_no_namespace_is_closed(world: World) -> None:
    raw = world.raw()
    assert raw.receive().startswith("0")
    with world.stack.direct_access():
        waiting = [row.connection_id for row in Connection.scan() if not row.all_sessions()]
        assert waiting
        for connection_id in waiting:
            make_due_now(connection_id)
        sweep(world.stack)
        _, frames = raw.closed()
        assert frames == []
        for connection_id in waiting:
            wait_until_gone(connection_id)


def test_every_kind_of_client_answers_the_sweep_and_stays_connected(
    world: World, every_kind: str
) -> None:
    account, client = world.user(every_kind)
    with world.stack.direct_access():
        connection_id = connection_of(account)
        for _ in range(2):
            time.sleep(1)  # times are stored in whole seconds
            begin = int(time.time())
            make_due_now(connection_id)
            sweep(world.stack)
            row = connections.get(connection_id)
            assert row
            assert row.due_at > time.time()
            if every_kind != "native":
                wait_until_answered(connection_id, begin)
        assert connection_of(account) == connection_id
    client.stays_quiet()
    assert not client.ended.is_set()


def test_a_client_that_does_not_answer_a_ping_is_disconnected(world: World) -> None:
    account = world.people.take("USER")
    raw = join(world, account)
    with world.stack.direct_access():
        connection_id = connection_of(account)
        make_due_now(connection_id)
        sweep(world.stack)
        while (frame := raw.receive()) != "2":
            assert PRESENCE in frame
        make_due_now(connection_id)
        sweep(world.stack)
        raw.closed()  # perhaps after another ping: the stack's own sweep may have run at once
        wait_until_gone(connection_id)
        assert not people.get("/user", account.id).online


def join(world: World, account: Account) -> Raw:
    raw = world.raw()
    raw.receive()
    auth: dict[str, Any] = {"token": token(account)}
    raw.send("40/user," + json.dumps(auth))
    assert raw.receive().startswith("40/user")
    world.stack.wait_connections("/user", account.id)
    return raw
