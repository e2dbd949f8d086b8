"""Tests that LiveKit rooms are deleted after their calls, and that no client waits for LiveKit."""

from __future__ import annotations

import time

import pytest

from tests.e2e.calls import answer, ring
from tests.e2e.clients import SECONDS, Client
from tests.e2e.world import World
from tests.livekit_server import LiveKitServer

ENDS = ["user hangs up", "telecaller hangs up", "user leaves", "telecaller is cut off"]


def wait_until_deleted(livekit: LiveKitServer, room: str) -> None:
    """Wait until LiveKit has received a valid request to delete a LiveKit room."""
    deadline = time.monotonic() + SECONDS
    while room not in livekit.deleted:
        assert time.monotonic() < deadline, f"{room} is not deleted: {livekit.deleted}"
        time.sleep(0.02)


def answered_call(world: World) -> tuple[str, Client, Client]:
    """Make a call that is answered. Returns its id, the user's and the telecaller's client."""
    _, user = world.user()
    callee, telecaller = world.telecaller()
    call_id = ring(user, telecaller, callee)
    answer(user, telecaller, call_id)
    return call_id, user, telecaller


def end(how: str, call_id: str, user: Client, telecaller: Client) -> None:
    """End a call, and wait until the other party receives ``call:ended``."""
    other = telecaller if how.startswith("user") else user
    match how:
        case "user hangs up":
            assert user.ask("call:end", {"callId": call_id}) is None
        case "telecaller hangs up":
            assert telecaller.ask("call:end", {"callId": call_id}) is None
        case "user leaves":
            user.leave()
        case "telecaller is cut off":
            telecaller.drop()
    other.wait("call:ended", callId=call_id)


@pytest.mark.parametrize("how", ENDS)
def test_a_livekit_room_is_deleted_after_its_call(
    world: World, livekit: LiveKitServer, how: str
) -> None:
    call_id, user, telecaller = answered_call(world)
    assert call_id not in livekit.deleted
    end(how, call_id, user, telecaller)
    wait_until_deleted(livekit, call_id)
    assert livekit.deleted.count(call_id) == 1


def test_no_livekit_room_is_deleted_after_an_unanswered_call(
    world: World, livekit: LiveKitServer
) -> None:
    _, user = world.user()
    callee, telecaller = world.telecaller()
    rejected = ring(user, telecaller, callee)
    assert telecaller.ask("call:reject", {"callId": rejected}) is None
    user.wait("call:rejected")
    cancelled = ring(user, telecaller, callee)
    assert user.ask("call:cancel", {"callId": cancelled}) is None
    telecaller.wait("call:cancelled")
    answered = ring(user, telecaller, callee)
    answer(user, telecaller, answered)
    end("user hangs up", answered, user, telecaller)
    wait_until_deleted(livekit, answered)
    assert not {rejected, cancelled} & set(livekit.deleted)


@pytest.mark.parametrize("how", ["user hangs up", "telecaller is cut off"])
def test_a_call_works_while_livekit_is_down(world: World, livekit: LiveKitServer, how: str) -> None:
    call_id, user, telecaller = answered_call(world)
    end(how, call_id, user, telecaller)
    usual = user.names, telecaller.names
    with livekit.away():
        call_id, user, telecaller = answered_call(world)
        end(how, call_id, user, telecaller)
        assert (user.names, telecaller.names) == usual
        _, user = world.user()
        callee, telecaller = world.telecaller()
        ring(user, telecaller, callee)
    wait_until_deleted(livekit, call_id)
