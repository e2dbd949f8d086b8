"""After a call LiveKit is told to delete its room, and is nothing that a caller waits for."""

from __future__ import annotations

import time

import pytest

from tests.e2e.calls import answer, ring
from tests.e2e.clients import SECONDS, Client
from tests.e2e.world import World
from tests.livekit_server import LiveKitServer

ENDS = ["user hangs up", "telecaller hangs up", "user leaves", "telecaller is cut off"]


def deleted(livekit: LiveKitServer, room: str) -> None:
    """Wait until LiveKit was asked to, by somebody who may."""
    deadline = time.monotonic() + SECONDS
    while room not in livekit.deleted:
        assert time.monotonic() < deadline, f"{room} is not deleted: {livekit.deleted}"
        time.sleep(0.02)


def call(world: World) -> tuple[str, Client, Client]:
    """A call that is answered: its id, and both sides."""
    _, user = world.user()
    callee, telecaller = world.telecaller()
    call_id = ring(user, telecaller, callee)
    answer(user, telecaller, call_id)
    return call_id, user, telecaller


def end(how: str, call_id: str, user: Client, telecaller: Client) -> None:
    """End a call, and see that the other one hears of it."""
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
def test_a_room_is_deleted_when_its_call_ends(
    world: World, livekit: LiveKitServer, how: str
) -> None:
    call_id, user, telecaller = call(world)
    assert call_id not in livekit.deleted
    end(how, call_id, user, telecaller)
    deleted(livekit, call_id)
    assert livekit.deleted.count(call_id) == 1


def test_a_call_that_was_not_answered_has_no_room(world: World, livekit: LiveKitServer) -> None:
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
    deleted(livekit, answered)
    assert not {rejected, cancelled} & set(livekit.deleted)


@pytest.mark.parametrize("how", ["user hangs up", "telecaller is cut off"])
def test_a_call_is_the_same_while_livekit_is_away(
    world: World, livekit: LiveKitServer, how: str
) -> None:
    call_id, user, telecaller = call(world)
    end(how, call_id, user, telecaller)
    usual = user.names, telecaller.names
    with livekit.away():
        call_id, user, telecaller = call(world)
        end(how, call_id, user, telecaller)
        assert (user.names, telecaller.names) == usual
        _, user = world.user()
        callee, telecaller = world.telecaller()
        ring(user, telecaller, callee)
    deleted(livekit, call_id)
