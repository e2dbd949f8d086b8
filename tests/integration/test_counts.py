"""The numbers that admins see."""

from __future__ import annotations

import json
import uuid
from functools import partial

import pytest

from functions.calls.presence import counts
from functions.products import REGISTRY
from shared.aws import metrics, numbers
from shared.aws.streams import Mark
from shared.pipeline.sweep import Sweep
from shared.realtime.emitter import Emitter
from tests.fakes import NOW_MS, Fakes
from tests.integration.conftest import Race

pytestmark = pytest.mark.usefixtures("tables")

DAY_MS = 86_400_000


def add(
    live: dict[str, int], ended: dict[str, int], at_ms: int = NOW_MS, id_: str | None = None
) -> None:
    """Add a change; two changes with the same id are the same."""
    mark = Mark(id_ or uuid.uuid4().hex[:12], at_ms // 1000)
    counts.add([(mark, counts.Change(live, ended))])


def test_before_anything_has_happened_all_numbers_are_zero() -> None:
    live, today = counts.read(NOW_MS)
    assert (live.online_users, live.online_telecallers, live.connections) == (0, 0, 0)
    assert (live.ringing, live.accepted) == (0, 0)
    assert (today.completed, today.missed, today.rejected, today.cancelled) == (0, 0, 0, 0)


def test_numbers_are_added_up_and_down() -> None:
    add({"onlineUsers": 3, "ringing": 1}, {"missed": 2})
    add({"onlineUsers": -1, "connections": 4}, {"completed": 1})
    live, today = counts.read(NOW_MS)
    assert (live.online_users, live.connections, live.ringing) == (2, 4, 1)
    assert (today.missed, today.completed) == (2, 1)


def test_a_number_that_a_correction_has_made_negative_is_shown_as_zero() -> None:
    add({"onlineUsers": 2, "connections": -1}, {})
    assert numbers.read(counts.LIVE)["connections"] == -1
    live, _ = counts.read(NOW_MS)
    assert (live.online_users, live.connections) == (2, 0)
    assert numbers.add("some", [(Mark("a", NOW_MS // 1000), numbers.Change({"x": -1}, {}))])
    assert numbers.read_with_day("some", NOW_MS) == ({"x": 0}, {})


def test_online_people_and_connections_are_metrics_even_if_they_are_zero(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def gauged() -> dict[str, list[float]]:
        metrics.flush()
        fakes = Fakes()
        counts.gauge(Sweep(REGISTRY, fakes.ports, Emitter(fakes.ports), until=0))
        metrics.flush()
        line = json.loads(capsys.readouterr().out.splitlines()[-1])
        return {name: line[name] for name in ("UsersOnline", "TelecallersOnline", "Connections")}

    assert gauged() == {"UsersOnline": [0], "TelecallersOnline": [0], "Connections": [0]}
    add({"onlineUsers": 3, "connections": 4}, {})
    assert gauged() == {"UsersOnline": [3], "TelecallersOnline": [0], "Connections": [4]}


def test_live_numbers_survive_midnight_and_numbers_of_the_day_do_not() -> None:
    add({"onlineUsers": 1}, {"missed": 1})
    live, today = counts.read(NOW_MS + DAY_MS)
    assert live.online_users == 1
    assert today.missed == 0


def test_a_day_is_kept_for_a_while_and_the_live_numbers_for_ever() -> None:
    add({"onlineUsers": 1}, {"missed": 1})
    live, today = counts.read(NOW_MS)
    assert "expires_at" not in live.attribute_values
    assert 89 * 86_400 < today.expires_at - NOW_MS // 1000 < 92 * 86_400


def test_a_batch_that_changes_nothing_writes_nothing() -> None:
    add({}, {})
    add({"onlineUsers": 0}, {"missed": 0})
    assert counts.Counts.count() == 0


def test_the_same_batch_delivered_again_is_added_once() -> None:
    for _ in range(3):
        add({"onlineUsers": 1, "connections": 0}, {"missed": 1}, id_="same")
    live, today = counts.read(NOW_MS)
    assert (live.online_users, today.missed) == (1, 1)


def test_numbers_that_are_added_at_once_are_all_counted(race: Race) -> None:
    """Several shards in the same second, and every change twice."""
    for number in range(10):
        changes = [
            partial(add, {"onlineUsers": 1}, {"missed": 1}, NOW_MS, f"{number}-{index % 3}")
            for index in range(6)
        ]
        race(*changes)
    live, today = counts.read(NOW_MS)
    assert (live.online_users, today.missed) == (30, 30)


def test_changes_of_many_days_at_once_are_counted_in_their_own() -> None:
    changes = [
        (Mark(str(number), NOW_MS // 1000 + number * 1_200), counts.Change({}, {"missed": 1}))
        for number in range(100)
    ]
    assert counts.add(changes) == {mark for mark, _ in changes}
    assert counts.add(changes) == set()
    assert [counts.read(NOW_MS + day * DAY_MS)[1].missed for day in range(3)] == [41, 59, 0]


def test_the_last_hour_is_read_minute_by_minute() -> None:
    minute = 60_000
    add({}, {"missed": 2})
    add({}, {"missed": 1, "completed": 4}, NOW_MS - 59 * minute)
    add({}, {"rejected": 7}, NOW_MS - 60 * minute)
    hour = counts.last_hour(NOW_MS)
    assert hour == {
        "completed": [4] + [0] * 59,
        "missed": [1] + [0] * 58 + [2],
        "rejected": [0] * 60,
        "cancelled": [0] * 60,
    }
    assert counts.last_hour(NOW_MS + 100 * minute)["missed"] == [0] * 60
