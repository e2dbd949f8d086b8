"""Limits that are counted in the memory of processes, and shared now and then."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv6Address

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import integers, lists
from pynamodb.exceptions import UpdateError

from shared.identity.edge import network_of
from shared.pipeline import meters
from shared.pipeline.meters import MINUTE_MS, Meter, Shares, share
from tests.fakes import NOW_MS

BEGIN = NOW_MS - NOW_MS % MINUTE_MS


class Rows:
    """The table of shares. ``writes``: how many there were."""

    def __init__(self) -> None:
        self.hits: Counter[str] = Counter()
        self.writes = 0
        self.down = False

    def update(self, row: Shares, actions: list[object]) -> None:
        if self.down:
            raise UpdateError("down")
        self.writes += 1
        self.hits[row.key] += int(actions[0].values[1].value["N"])  # type: ignore[attr-defined]
        row.hits = self.hits[row.key]


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> Rows:
    rows = Rows()

    def update(row: Shares, actions: list[object]) -> None:
        rows.update(row, actions)

    monkeypatch.setattr(Shares, "update", update)
    return rows


def taken(meter: Meter, hits: int, limit: int, now_ms: int = BEGIN, key: str = "c") -> int:
    return sum(meter.take(key, limit, now_ms) for _ in range(hits))


@pytest.mark.parametrize("limit", [1, 3, 5, 6, 30, 600, 5_000])
def test_one_process_is_exact(rows: Rows, limit: int) -> None:
    assert taken(Meter("events"), limit + 50, limit) == limit


@pytest.mark.parametrize(("limit", "ordinary"), [(600, 9), (30, 4)])
def test_an_ordinary_client_never_causes_a_write(rows: Rows, limit: int, ordinary: int) -> None:
    meter = Meter("events")
    for minute in range(10):
        assert taken(meter, ordinary, limit, BEGIN + minute * MINUTE_MS) == ordinary
    assert rows.writes == 0


def test_a_flood_costs_few_writes(rows: Rows) -> None:
    assert taken(Meter("events"), 100_000, 600) == 600
    assert rows.writes == 60


def test_several_processes_know_of_each_other(rows: Rows) -> None:
    processes = [Meter("events") for _ in range(5)]
    total = sum(taken(processes[n % 5], 1, 600) for n in range(5_000))
    assert 600 <= total <= 600 + 5 * share(600)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(lists(integers(0, 40), max_size=6), integers(0, MINUTE_MS - 1))
def test_a_burst_over_the_turn_of_a_minute_is_one_burst(
    rows: Rows, before: list[int], at: int
) -> None:
    """A limit of 20: of the hits in any 60 s, about that many are taken."""
    meter = Meter("events")
    rows.hits.clear()
    for hits in before:
        taken(meter, min(hits, 4), 20, BEGIN + MINUTE_MS - 1)
    already = meter._count("c", BEGIN // MINUTE_MS).hits
    later = BEGIN + MINUTE_MS + at
    left = 20 - already * (1 - at / MINUTE_MS)
    assert abs(taken(meter, 100, 20, later) - left) <= 1


def test_a_limit_is_over_after_a_minute(rows: Rows) -> None:
    meter = Meter("events")
    assert taken(meter, 30, 20) == 20
    assert taken(meter, 30, 20, BEGIN + 2 * MINUTE_MS) == 20


def test_connections_do_not_share_a_limit(rows: Rows) -> None:
    meter = Meter("events")
    assert [taken(meter, 30, 20, key=key) for key in ("a", "b")] == [20, 20]


def test_an_outage_of_the_table_stops_nobody(rows: Rows, caplog: pytest.LogCaptureFixture) -> None:
    rows.down = True
    assert taken(Meter("events"), 700, 600) == 600
    assert "hits not added" in caplog.text


def test_memory_is_bounded(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meters, "MOST_KEYS", 100)
    meter = Meter("events")
    for number in range(1_000):
        taken(meter, 1, 20, key=str(number))
    assert len(meter._counts) == 100
    assert "999" in meter._counts


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:0DB8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("no address", "no address"),
        ("", ""),
    ],
)
def test_ipv6_clients_count_by_their_network(address: str, network: str) -> None:
    assert network_of(address) == network


@given(integers(0, 2**64 - 1), integers(0, 2**64 - 1), integers(1, 2**64 - 1))
def test_all_addresses_of_a_customer_are_one(network: int, host: int, other: int) -> None:
    def of(number: int) -> str:
        return network_of(str(IPv6Address(number)))

    prefix = (network | 2) << 64  # not the network of IPv4 addresses
    assert of(prefix | host) == of(prefix | other)
    assert of(prefix | host) != of((prefix ^ (1 << 64)) | host)
