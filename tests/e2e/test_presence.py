"""Tests of the announcements of telecallers' presence, and of the numbers that admins see."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Any

from shared.identity.accounts import Account
from tests.e2e.calls import answer, ring
from tests.e2e.clients import Client
from tests.e2e.people import token
from tests.e2e.waiting import settled
from tests.e2e.world import World

ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def announcement(account: Account, presence: str) -> dict[str, Any]:
    details = {
        "_id": account.id,
        "name": account.name,
        "profile": account.profile,
        "language": account.language,
        "about": account.about,
    }
    return {
        "telecallerId": account.id,
        "presence": presence,
        "telecaller": details if presence == "ONLINE" else None,
    }


def test_all_users_receive_every_change_of_a_telecallers_presence(world: World) -> None:
    watchers = [world.user(kind)[1] for kind in ("js", "python", "asyncio", "native")]
    _, user = world.user()
    account = world.people.take("TELECALLER")

    def all_receive(presence: str) -> None:
        for watcher in watchers:
            watcher.wait_presence(account.id, presence, after=len(history))
        history.append(announcement(account, presence))

    history: list[dict[str, Any]] = []
    telecaller = world.join("js", account)
    all_receive("ONLINE")
    call_id = ring(user, telecaller, account)
    telecaller.ask("call:reject", {"callId": call_id})
    user.wait("call:rejected")
    call_id = ring(user, telecaller, account)
    user.ask("call:cancel", {"callId": call_id})
    telecaller.wait("call:cancelled")
    call_id = ring(user, telecaller, account)
    answer(user, telecaller, call_id)
    all_receive("ON_CALL")
    user.ask("call:end", {"callId": call_id})
    all_receive("ONLINE")
    telecaller.leave()
    all_receive("OFFLINE")
    for watcher in watchers:
        assert watcher.presence(account.id) == history
        assert watcher.names == []


def test_an_unanswered_call_does_not_change_the_telecallers_presence(world: World) -> None:
    _, watcher = world.user()
    _, user = world.user()
    account, telecaller = world.telecaller()
    watcher.wait_presence(account.id, "ONLINE")
    ring(user, telecaller, account)
    user.wait("call:missed")
    telecaller.wait("call:missed")
    telecaller.leave()
    watcher.wait_presence(account.id, "OFFLINE")
    assert [one["presence"] for one in watcher.presence(account.id)] == ["ONLINE", "OFFLINE"]


def test_presence_is_for_users_only(world: World) -> None:
    _, watcher = world.user()
    _, first = world.telecaller()
    _, admin = world.admin()
    account, _ = world.telecaller()
    watcher.wait_presence(account.id, "ONLINE")
    assert first.received == []
    assert admin.received == []


def test_a_second_device_is_not_announced(world: World) -> None:
    _, watcher = world.user()
    account, first = world.telecaller()
    watcher.wait_presence(account.id, "ONLINE")
    second = world.join("python", account)
    first.leave()
    world.stack.wait_connections("/telecaller", account.id, 1)
    second.leave()
    watcher.wait_presence(account.id, "OFFLINE")
    assert [one["presence"] for one in watcher.presence(account.id)] == ["ONLINE", "OFFLINE"]


def counts(admin: Client) -> dict[str, Any]:
    assert admin.ask("presence:request-counts") is None
    found: dict[str, Any] = admin.wait("presence:counts")
    return found


def without_timestamp(numbers: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in numbers.items() if name != "timestamp"}


def wait_for_counts(admin: Client, wanted: dict[str, int]) -> None:
    """Wait until the counts have these values, which takes seconds."""
    deadline = time.monotonic() + 20
    while True:
        found = counts(admin)
        if {name: found[name] for name in wanted} == wanted:
            return
        assert time.monotonic() < deadline, f"{found} is not {wanted}"
        time.sleep(0.1)


def test_every_kind_of_client_receives_counts_as_admin(world: World, every_kind: str) -> None:
    _, admin = world.admin(every_kind)
    found = counts(admin)
    assert found.keys() == {"onlineUsers", "onlineTelecallers", "timestamp"}
    assert isinstance(found["onlineUsers"], int)
    assert isinstance(found["onlineTelecallers"], int)
    assert re.fullmatch(ISO, found["timestamp"])
    asked = datetime.fromisoformat(found["timestamp"])
    assert abs((datetime.now(UTC) - asked).total_seconds()) < 10
    admin.emit("presence:request-counts", {"anything": "at all"})
    admin.wait("presence:counts")


def test_counts_are_numbers_of_people_not_of_connections(world: World) -> None:
    _, admin = world.admin()
    before = settled(lambda: without_timestamp(counts(admin)))
    users, telecallers = before["onlineUsers"], before["onlineTelecallers"]
    caller, first = world.user()
    second = world.join("native", caller)
    callee, third = world.telecaller("python")
    fourth = world.join("asyncio", callee)
    wait_for_counts(admin, {"onlineUsers": users + 1, "onlineTelecallers": telecallers + 1})
    second.leave()
    fourth.drop()
    world.stack.wait_connections("/user", caller.id, 1)
    world.stack.wait_connections("/telecaller", callee.id, 1)
    wait_for_counts(admin, {"onlineUsers": users + 1, "onlineTelecallers": telecallers + 1})
    first.drop()
    third.leave()
    wait_for_counts(admin, {"onlineUsers": users, "onlineTelecallers": telecallers})


def test_stats_follow_a_call(world: World) -> None:
    account = world.people.take("ADMIN")

    def stats() -> dict[str, Any]:
        found = world.stack.get("/admin/stats", Authorization=f"Bearer {token(account)}")
        assert found.status == 200
        body: dict[str, Any] = found.body
        return body

    def wait_for_stats(**wanted: int) -> dict[str, Any]:
        deadline = time.monotonic() + 20
        while True:
            body = stats()
            flat = body | {f"calls_{name}": value for name, value in body["calls"].items()}
            if {name: flat[name] for name in wanted} == wanted:
                return body
            assert time.monotonic() < deadline, f"{flat} is not {wanted}"
            time.sleep(0.1)

    assert re.fullmatch(ISO, stats()["timestamp"])
    before = settled(lambda: without_timestamp(stats()))
    assert {"onlineUsers", "onlineTelecallers", "telecallersOnCall", "connections", "calls"} < (
        before.keys()
    )
    calls = before["calls"]
    _, user = world.user()
    callee, telecaller = world.telecaller()
    wait_for_stats(
        onlineUsers=before["onlineUsers"] + 1,
        onlineTelecallers=before["onlineTelecallers"] + 1,
        connections=before["connections"] + 2,
    )
    call_id = ring(user, telecaller, callee)
    wait_for_stats(
        calls_ringing=calls["ringing"] + 1, telecallersOnCall=before["telecallersOnCall"]
    )
    answer(user, telecaller, call_id)
    wait_for_stats(
        calls_ringing=calls["ringing"],
        calls_accepted=calls["accepted"] + 1,
        telecallersOnCall=before["telecallersOnCall"] + 1,
    )
    user.ask("call:end", {"callId": call_id})
    telecaller.wait("call:ended")
    wait_for_stats(
        calls_accepted=calls["accepted"],
        calls_completedToday=calls["completedToday"] + 1,
        telecallersOnCall=before["telecallersOnCall"],
    )
    ring(user, telecaller, callee)
    user.leave()
    wait_for_stats(
        calls_missedToday=calls["missedToday"] + 1,
        calls_ringing=calls["ringing"],
        onlineUsers=before["onlineUsers"],
    )
