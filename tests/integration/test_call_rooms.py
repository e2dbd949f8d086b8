"""However an answered call ends, its LiveKit room is queued for deletion once, and no other."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from functions.calls import endings
from functions.calls.namespaces import TELECALLER, USER
from functions.products import REGISTRY
from shared.pipeline import departure
from shared.pipeline.context import Arrival, Background
from shared.pipeline.dispatch import Request, dispatch
from shared.realtime.address import Wire
from tests.fakes import NOW_MS, Fakes
from tests.integration import stage

pytestmark = pytest.mark.usefixtures("ringing")

CALL = f"{1:024x}"
ENDED = [("call:ended", {"callId": CALL})]


@pytest.fixture
def ringing(tables: object) -> None:
    stage.connect(USER.path, "ulla", "u1")
    stage.connect(TELECALLER.path, "tina", "t1")
    assert stage.start(CALL, "ulla", "tina") is None


@pytest.fixture
def answered(ringing: None) -> None:
    assert stage.accept("tina", CALL)


def send(fakes: Fakes, connection_id: str, namespace: str, event: str) -> None:
    request = Request(event, Wire.SOCKETIO, namespace, [{"callId": CALL}], 1, None)
    dispatch(
        REGISTRY, fakes.ports, Arrival(connection_id, f"{event} {connection_id}", NOW_MS), request
    )


def user_hangs_up(fakes: Fakes) -> None:
    send(fakes, "u1", USER.path, "call:end")


def telecaller_hangs_up(fakes: Fakes) -> None:
    send(fakes, "t1", TELECALLER.path, "call:end")


def user_leaves(fakes: Fakes) -> None:
    departure.end_connection(REGISTRY, fakes.ports, "u1")


def telecaller_leaves(fakes: Fakes) -> None:
    departure.end_connection(REGISTRY, fakes.ports, "t1")


ENDS: dict[Callable[[Fakes], None], str] = {
    user_hangs_up: "t1",
    telecaller_hangs_up: "u1",
    user_leaves: "t1",
    telecaller_leaves: "u1",
}
"""How a call ends → the connection that receives ``call:ended``."""


@pytest.mark.usefixtures("answered")
@pytest.mark.parametrize(("end", "other"), ENDS.items())
def test_the_livekit_room_of_an_answered_call_is_queued_once(
    fakes: Fakes, end: Callable[[Fakes], None], other: str
) -> None:
    end(fakes)
    assert fakes.tasks.rooms == [CALL]
    assert fakes.events(other) == ENDED
    for once_more in ENDS:
        once_more(fakes)
    assert fakes.tasks.rooms == [CALL]


@pytest.mark.usefixtures("answered")
@pytest.mark.parametrize(("end", "other"), ENDS.items())
def test_a_call_ends_even_if_its_livekit_room_cannot_be_queued(
    fakes: Fakes,
    end: Callable[[Fakes], None],
    other: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fakes.tasks.room_error = TimeoutError("no answer")
    with caplog.at_level(logging.ERROR):
        end(fakes)
    assert fakes.events(other) == ENDED
    assert f"room {CALL} not queued" in caplog.text
    assert stage.user("ulla").current_call is None
    assert stage.telecaller("tina").current_call is None
    for frame in fakes.connections.to("u1" if end is user_hangs_up else "t1"):
        assert "error" not in frame


@pytest.mark.parametrize(
    ("connection_id", "namespace", "event"),
    [("t1", TELECALLER.path, "call:reject"), ("u1", USER.path, "call:cancel")],
)
def test_an_unanswered_call_queues_no_livekit_room(
    fakes: Fakes, connection_id: str, namespace: str, event: str
) -> None:
    send(fakes, connection_id, namespace, event)
    assert stage.telecaller("tina").current_call is None
    assert not fakes.tasks.rooms


@pytest.mark.parametrize("leave", [user_leaves, telecaller_leaves])
def test_a_ringing_call_that_a_person_leaves_queues_no_livekit_room(
    fakes: Fakes, leave: Callable[[Fakes], None]
) -> None:
    leave(fakes)
    assert stage.telecaller("tina").current_call is None
    assert not fakes.tasks.rooms


def test_a_missed_call_queues_no_livekit_room(fakes: Fakes) -> None:
    endings.ring_timeout(Background.on(REGISTRY, fakes.ports), stage.telecaller("tina"), CALL)
    assert stage.telecaller("tina").current_call is None
    assert not fakes.tasks.rooms
