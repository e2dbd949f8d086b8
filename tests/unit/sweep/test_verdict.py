"""The verdict on a connection that may be due, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from functions.sweep.verdict import CLOCKS_DIFFER_SECONDS, Verdict, verdict
from shared.realtime.connections import Connection

NOW = 1_000_000
SESSION = {"/user": '{"namespace":"/user","sid":"s","personId":"u","role":"USER","name":"U"}'}


def joined_ago(seconds: int) -> dict[str, str]:
    arrived = f',"arrivedMs":{(NOW - seconds) * 1000}}}'
    return {"/user": SESSION["/user"].removesuffix("}") + arrived}


def row(**values: Any) -> Connection:
    """Return a Socket.IO connection that has joined, is due now and was never pinged."""
    given: dict[str, Any] = {
        "wire": "s",
        "sessions": SESSION,
        "due_at": NOW,
        "expires_at": NOW + 1,
    } | values
    return Connection("c", **given)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param({}, Verdict.PING, id="due for the first time"),
        pytest.param({"due_at": NOW + 1}, Verdict.WAIT, id="not due yet"),
        pytest.param({"due_at": 0}, Verdict.PING, id="due at once"),
        pytest.param({"leaving": True}, Verdict.LEFT, id="departure begun"),
        pytest.param(
            {"leaving": True, "due_at": NOW + 1}, Verdict.WAIT, id="the client may come back"
        ),
        pytest.param({"expires_at": NOW}, Verdict.GONE, id="expired"),
        pytest.param({"ended": {"x"}}, Verdict.FINISH, id="a session ended"),
        pytest.param({"ended": {"x"}, "sessions": {}}, Verdict.FINISH, id="the only session ended"),
        pytest.param(
            {"ended": {"x"}, "leaving": True}, Verdict.LEFT, id="a session ended, departure begun"
        ),
        pytest.param({"expires_at": NOW, "due_at": NOW + 1}, Verdict.GONE, id="expired, not due"),
        pytest.param({"sessions": {}}, Verdict.CLOSE, id="joined nothing"),
        pytest.param({"sessions": {}, "due_at": NOW + 1}, Verdict.WAIT, id="has time to join"),
        pytest.param({"sessions": {}, "wire": "n"}, Verdict.CLOSE, id="native, joined nothing"),
        pytest.param({"joining": {"/user"}}, Verdict.CLOSE, id="never became reachable"),
        pytest.param({"joining": {"/user"}, "ended": {"x"}}, Verdict.FINISH, id="finish first"),
        pytest.param({"joining": {"/user"}, "due_at": NOW + 1}, Verdict.WAIT, id="joins, not due"),
        pytest.param(
            {"joining": {"/user"}, "sessions": joined_ago(29)}, Verdict.WAIT, id="joins still"
        ),
        pytest.param(
            {"joining": {"/user"}, "sessions": joined_ago(30)}, Verdict.CLOSE, id="joins too long"
        ),
        pytest.param({"joining": {"/chat"}}, Verdict.PING, id="another namespace was joining"),
        pytest.param({"wire": "n"}, Verdict.LOOK, id="native"),
        pytest.param({"protocol": 3}, Verdict.LOOK, id="Engine.IO 3"),
        pytest.param({"protocol": 3, "pinged_at": 1}, Verdict.LOOK, id="Engine.IO 3, pinged"),
        pytest.param({"pinged_at": NOW - 200}, Verdict.CLOSE, id="never answered"),
        pytest.param(
            {"pinged_at": NOW - 200, "answered_at": NOW - 400},
            Verdict.CLOSE,
            id="stopped answering",
        ),
        pytest.param(
            {"pinged_at": NOW - 200, "answered_at": NOW - 199}, Verdict.PING, id="answered"
        ),
        pytest.param(
            {"answered_at": NOW - 1}, Verdict.PING, id="answered before the ping was stored"
        ),
    ],
)
def test_each_case_has_its_verdict(values: dict[str, Any], expected: Verdict) -> None:
    assert verdict(row(**values), NOW) is expected


def test_an_answer_counts_even_if_the_clock_that_stamped_it_is_behind() -> None:
    asked = NOW - 200
    latest = {"pinged_at": asked, "answered_at": asked - CLOCKS_DIFFER_SECONDS}
    assert verdict(row(**latest), NOW) is Verdict.PING
    latest["answered_at"] -= 1
    assert verdict(row(**latest), NOW) is Verdict.CLOSE
