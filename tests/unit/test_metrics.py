"""The line in CloudWatch's embedded metric format, and the changes that are counted."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from functions.bookings.state import Status
from functions.bookings.stream import moved_to
from functions.calls.presence.changes import begun, come_or_gone, over
from shared.aws.gateway import ManagedConnections
from shared.aws.lambda_entry import entry
from shared.aws.metrics import Metric, count, count_all, flush
from shared.aws.parallel import together
from shared.realtime.emitter import Emitter
from tests.conftest import UseSettings
from tests.fakes import Fakes
from tests.unit.http_server import serving

Row = dict[str, Any] | None


@pytest.fixture(autouse=True)
def discard_metrics(use_settings: UseSettings, capsys: pytest.CaptureFixture[str]) -> None:
    use_settings(metrics_namespace="switchboard-test")
    flush()
    capsys.readouterr()


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]


def test_an_invocation_writes_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    @entry
    def handler(_: dict[str, Any]) -> None:
        together([lambda: count(Metric.POSTS_GONE)] * 150)
        count(Metric.CALL_SECONDS, 61)
        count_all({Metric.CONNECTIONS: 0})
        raise LookupError

    with pytest.raises(LookupError):
        handler({"correlationId": "1"}, None)
    (line,) = written(capsys)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "switchboard-test"
    assert directive["Dimensions"] == [[]]
    assert {one["Name"]: (one["Unit"], line[one["Name"]]) for one in directive["Metrics"]} == {
        "PostsGone": ("Count", [150.0]),
        "CallSeconds": ("Seconds", [61.0]),
        "Connections": ("Count", [0.0]),
    }


def test_an_invocation_that_counts_nothing_writes_no_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    entry(lambda _: count(Metric.MESSAGES_SENT))({"correlationId": "1"}, None)
    assert len(written(capsys)) == 1
    entry(lambda _: None)({"correlationId": "2"}, None)
    assert not written(capsys)


def call(id_: str, status: str) -> Row:
    return {"call": {"M": {"id": {"S": id_}, "status": {"S": status}}}}


@pytest.mark.parametrize(
    ("before", "after", "counted"),
    [
        ({}, call("1", "RINGING"), {Metric.CALLS_STARTED: 1}),
        (None, call("1", "RINGING"), {Metric.CALLS_STARTED: 1}),
        (call("1", "RINGING"), call("2", "RINGING"), {Metric.CALLS_STARTED: 1}),
        (call("1", "RINGING"), call("1", "ACCEPTED"), {Metric.CALLS_ANSWERED: 1}),
        (call("1", "ACCEPTED"), call("1", "ACCEPTED"), {}),
        (call("1", "RINGING"), {"connections": {"SS": ["s:c"]}}, {}),
        (call("1", "ACCEPTED"), None, {}),
    ],
)
def test_a_call_counts_as_started_and_answered_by_its_telecaller_s_row(
    before: Row, after: Row, counted: dict[Metric, int]
) -> None:
    assert begun("/telecaller", before, after) == counted
    assert begun("/user", before, after) == {}


def record(status: str, product: str = "calls") -> dict[str, Any]:
    numbers = {"startedAt": {"N": "0"}, "durationSeconds": {"N": "61"}, "coins": {"N": "20"}}
    if status == "COMPLETED":
        numbers["acceptedAt"] = {"N": "1000"}
    return {"status": {"S": status}, "product": {"S": product}, **numbers}


def test_a_call_counts_as_ended_when_its_record_is_written() -> None:
    completed = {Metric.CALLS_COMPLETED: 1, Metric.CALL_SECONDS: 61, Metric.CALL_COINS: 20}
    assert over(record("COMPLETED")) == completed
    assert over(record("MISSED")) == {Metric.CALLS_MISSED: 1}
    assert over(record("REJECTED")) == {Metric.CALLS_REJECTED: 1}
    assert over(record("CANCELLED")) == {Metric.CALLS_CANCELLED: 1}
    assert over(record("COMPLETED", "chat")) == {}


def test_opened_and_closed_connections_are_counted() -> None:
    assert +Counter(come_or_gone(None, {})) == {Metric.CONNECTIONS_OPENED: 1}
    assert +Counter(come_or_gone({}, None)) == {Metric.CONNECTIONS_CLOSED: 1}


@pytest.mark.parametrize("status", list(Status))
def test_every_transition_of_a_booking_is_counted(status: Status) -> None:
    now = {"status": {"S": status.value}}
    assert list(moved_to(None, now).values()) == [1]
    assert moved_to(None, now).keys() == {Metric[f"BOOKINGS_{status.name}"]}
    assert moved_to(now, now) == {}
    assert moved_to(now, None) == {}


def test_posts_to_gone_connections_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    fakes = Fakes()
    fakes.connections.gone = {"gone", "too"}
    emit = Emitter(fakes.ports)
    assert emit.post_all((one, "2") for one in ("gone", "here", "too")) == 1
    assert emit.post("gone", "2") is False
    flush()
    (line,) = written(capsys)
    assert line["PostsGone"] == [3.0]


def test_every_throttled_post_is_counted(
    use_settings: UseSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with serving() as server:
        server.answers = [429, 500, 429]
        values = use_settings(connections_url_format=f"{server.url}/prod", post_pause_seconds=0)
        assert ManagedConnections(values).post("c", "2")
    flush()
    (line,) = written(capsys)
    assert line["PostsThrottled"] == [2.0]
