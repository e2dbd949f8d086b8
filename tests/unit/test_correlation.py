"""The correlation id under which an invocation logs, and with which it hands work on."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from shared.aws import log
from shared.aws.lambda_entry import Entry, entry, queue_entry, websocket_entry
from shared.aws.tasks import AwsTasks
from shared.ports import Broadcast, BusMessage, Push
from tests.conftest import UseSettings

CONTEXT = SimpleNamespace(aws_request_id="own")
BUS = json.dumps({"id": "event", "resources": ["arn:aws:s3:::b"], "detail-type": "t", "detail": {}})
OURS = json.dumps({"id": "event", "resources": ["correlation:began"], "detail": {}})


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[dict[str, Any]]]:
    """Return a function that returns the lines logged so far."""
    text = io.StringIO()
    monkeypatch.setattr(log.logger.registered_handler, "stream", text)
    return lambda: [json.loads(line) for line in text.getvalue().splitlines()]


def message(id_: str, body: str = "{}", correlation_id: str | None = None) -> dict[str, Any]:
    attributes = {"correlationId": {"stringValue": correlation_id}} if correlation_id else {}
    return {"messageId": id_, "body": body, "messageAttributes": attributes}


@pytest.mark.parametrize(
    ("event", "causes"),
    [
        ({"requestContext": {"requestId": "api"}}, ["api"]),
        ({"connectionId": "c", "correlationId": "began"}, ["began"]),
        ({"part": 0, "parts": 1}, ["own"]),
        ({"Records": [{"eventID": "1", "dynamodb": {}}]}, ["own"]),
        ({"Records": [message("m1", correlation_id="a"), message("m2")]}, ["a", "m2"]),
        ({"Records": [message("m1", BUS)]}, ["event"]),
        ({"Records": [message("m1", OURS)]}, ["began"]),
        ({"Records": [message("m1", "no JSON")]}, ["m1"]),
    ],
)
def test_an_invocation_logs_under_the_ids_of_its_causes(
    lines: Callable[[], list[dict[str, Any]]], event: dict[str, Any], causes: list[str]
) -> None:
    entry(lambda _: log.logger.info("inside"))(event, CONTEXT)
    inside, *done = lines()
    assert inside["correlation_id"] == causes[0]
    assert [line["correlation_id"] for line in done] == causes
    assert all(line["message"] == "done" and line["ms"] >= 0 for line in done)


def test_a_failure_is_logged_with_its_id_and_an_event_s_name_is_not_kept(
    lines: Callable[[], list[dict[str, Any]]],
) -> None:
    def fails(event: dict[str, Any]) -> None:
        log.set_event_name("call:initiate")
        raise LookupError

    def of(id_: str) -> dict[str, Any]:
        return {"requestContext": {"requestId": id_}}

    assert websocket_entry(fails)(of("1"), CONTEXT) == {"statusCode": 500}
    entry(lambda _: None)(of("2"), CONTEXT)
    failed, done, other = lines()
    assert (failed["level"], failed["correlation_id"]) == ("ERROR", "1")
    assert done["event_name"] == "call:initiate"
    assert other["correlation_id"] == "2"
    assert "event_name" not in other


@pytest.mark.parametrize(("ordered", "again"), [(False, ["m2"]), (True, ["m2", "m3"])])
def test_every_message_of_a_batch_has_its_own_correlation_id(
    lines: Callable[[], list[dict[str, Any]]], ordered: bool, again: list[str]
) -> None:
    @queue_entry(ordered=ordered)
    def handler(body: str) -> None:
        log.logger.info("inside", extra={"body": body})
        if body == "bad":
            raise ValueError(body)

    records = [message("m1", "good", "a"), message("m2", "bad", "b"), message("m3", "good", "c")]
    answer = handler({"Records": records}, CONTEXT)
    assert [one["itemIdentifier"] for one in answer["batchItemFailures"]] == again
    inside = [one["correlation_id"] for one in lines() if one["message"] == "inside"]
    assert inside == (["a", "b"] if ordered else ["a", "b", "c"])
    (failed,) = (one for one in lines() if one["level"] == "ERROR")
    assert (failed["correlation_id"], failed["message_id"]) == ("b", "m2")


class Sdk:
    """A client of any AWS service that records its requests."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            self.asked.append(request)
            return {"Entries": [{"EventId": "1"}]}

        return call


WORK: dict[str, Callable[[AwsTasks], object]] = {
    "open": lambda tasks: tasks.open("c"),
    "handle_held": lambda tasks: tasks.handle_held("c"),
    "end_connection": lambda tasks: tasks.end_connection("c"),
    "finish_connection": lambda tasks: tasks.finish_connection("c"),
    "await_return": lambda tasks: tasks.await_return("c", 1),
    "restore": lambda tasks: tasks.restore("c", "/user"),
    "expel": lambda tasks: tasks.expel("c", "/user", "u"),
    "finish_ended_sessions": lambda tasks: tasks.finish_ended_sessions("c"),
    "ring": lambda tasks: tasks.ring(call_id="c", person="p", seconds=1),
    "watch_balance": lambda tasks: tasks.watch_balance(call_id="c", person="p", seconds=1),
    "broadcast": lambda tasks: tasks.broadcast(Broadcast("/user", "", "e", {}, "g")),
    "postpone": lambda tasks: tasks.postpone("hook", {}, 1),
    "deadline": lambda tasks: tasks.deadline(connection_id="c", namespace="/", sid="s", seconds=1),
    "publish": lambda tasks: tasks.publish([BusMessage("t", "{}")]),
    "keep_unpublished": lambda tasks: tasks.keep_unpublished("{}"),
    "push": lambda tasks: tasks.push(Push("p", "k", "a", "t", "b", {}, 1)),
    "delete_livekit_room": lambda tasks: tasks.delete_livekit_room(room="r"),
}


def causes_in(request: dict[str, Any]) -> list[str]:
    """Return the correlation ids that the receiver of a request reads from it."""
    if "MessageBody" in request:
        attributes = {
            name: {"stringValue": one["StringValue"]}
            for name, one in request["MessageAttributes"].items()
        }
        record = {"messageId": "m", "body": "", "messageAttributes": attributes}
        return log.causes({"Records": [record]}, CONTEXT)
    if "Entries" in request:
        (one,) = request["Entries"]
        body = json.dumps({"id": "event", "resources": one["Resources"]})
        return log.causes({"Records": [message("m", body)]}, CONTEXT)
    return log.causes(json.loads(request.get("Payload") or request["input"]), CONTEXT)


@pytest.mark.parametrize("work", list(WORK))
def test_every_task_carries_the_correlation_id(
    use_settings: UseSettings, monkeypatch: pytest.MonkeyPatch, work: str
) -> None:
    sdk: Any = Sdk()
    sdk._endpoint = SimpleNamespace()
    monkeypatch.setattr("shared.aws.clients.client", lambda service: sdk)
    monkeypatch.setattr(
        "shared.aws.clients.session", lambda: SimpleNamespace(create_client=lambda *_, **__: sdk)
    )
    tasks = AwsTasks(use_settings())

    @entry
    def handler(event: dict[str, Any]) -> None:
        WORK[work](tasks)

    handler({"requestContext": {"requestId": "began"}}, CONTEXT)
    (request,) = sdk.asked
    assert causes_in(request) == ["began"]


@pytest.mark.parametrize("given", ["\uffff", "", "ü", " ", "x" * 257, "a\nb"])
def test_an_id_that_a_message_cannot_carry_is_not_taken(given: str) -> None:
    """A team's own systems may put any text on the bus."""
    body = {"id": "event", "resources": [log.ON_THE_BUS + given]}
    assert log.of_message(message("m", json.dumps(body))) == "event"
    body["id"] = given
    assert log.of_message(message("m", json.dumps(body))) == "m"


def test_outside_an_invocation_the_correlation_id_is_unknown() -> None:
    log.logger.append_keys(correlation_id=None)
    assert log.correlation_id() == "unknown"


def test_the_table_of_work_has_every_task() -> None:
    public = {name for name in vars(AwsTasks) if not name.startswith("_")}
    assert public == set(WORK)


def test_a_warming_event_does_not_reach_the_handler() -> None:
    warm: Entry = entry(lambda _: 1 / 0)
    assert warm({"warm": True}, None) is None
