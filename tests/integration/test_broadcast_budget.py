"""The budget of posts that all broadcasts share, and states that newer ones have overtaken."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from functions.broadcast import main
from functions.calls.namespaces import USER
from shared.ports import Broadcast, State
from shared.realtime import pace, rooms
from shared.realtime.address import Address, Wire
from tests.conftest import UseSettings
from tests.fakes import NOW_MS, Fakes
from tests.integration import stage
from tests.integration.conftest import THREADS, Race

pytestmark = pytest.mark.usefixtures("tables")

PEOPLE = 60


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch, fakes: Fakes, use_settings: UseSettings) -> list[float]:
    """Fill a namespace, allow 100 posts a second, and return how long broadcasts wait."""
    for number in range(PEOPLE):
        address = Address(USER.path, Wire.SOCKETIO, f"c{number}")
        rooms.Member.of(USER.path, address, stage.EXPIRES_AT, f"p{number}").save()
    use_settings(broadcast_posts_per_second=100, broadcast_free_posts=10)
    monkeypatch.setattr(main, "ports", lambda: fakes.ports)
    waited: list[float] = []
    monkeypatch.setattr("functions.broadcast.main.time.sleep", waited.append)
    return waited


def told(**more: Any) -> Broadcast:
    return Broadcast(USER.path, "", "told", {"a": 1}, "group", **more)


def test_functions_that_send_at_the_same_time_share_the_budget(race: Race) -> None:
    reserve: Callable[[], int] = partial(pace.reserve, pace.BudgetRow("b"), 100, 5_000, NOW_MS)
    assert sorted(race(*[reserve] * THREADS)) == [20 * number for number in range(THREADS)]
    assert pace.reserve(pace.BudgetRow("b"), 100, 5_000, NOW_MS + 20 * THREADS - 5) == 5
    assert pace.reserve(pace.BudgetRow("b"), 100, 5_000, NOW_MS + 60_000) == 0, "nothing is saved"


def test_a_broadcast_waits_until_the_others_have_had_their_time(
    fakes: Fakes, waits: list[float]
) -> None:
    for _ in range(3):
        main.broadcast(told())
    assert waits == [0, 0.6, 1.2]
    main.broadcast(told(only=("c1", "c2"), until_ms=NOW_MS))
    assert waits[3:] == [0], "few posts wait for nothing"
    assert len(fakes.connections.posted) == 3 * PEOPLE + 2


def test_only_the_newest_state_is_sent(fakes: Fakes, waits: list[float]) -> None:
    first, other, newest = (pace.new_state(of, NOW_MS) for of in ("tina", "theo", "tina"))
    for state in (first, other, newest, State("unknown", "x")):
        main.broadcast(told(state=state))
    assert len(fakes.connections.posted) == 3 * PEOPLE
    (key,) = {rooms.shard(USER.path, "c1")}
    main.broadcast(told(state=first, shard=key))
    main.broadcast(told(state=first, only=("c1",), until_ms=NOW_MS))
    assert len(fakes.connections.posted) == 3 * PEOPLE
