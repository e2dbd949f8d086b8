"""What the publisher puts on the bus, and what it does with events that the bus does not take."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.publisher import main
from shared.aws import bus_events
from shared.aws.adapters import ports
from shared.aws.bus_events import BusEvent, Happened
from shared.aws.streams import Row
from shared.aws.tasks import PUT_ATTEMPTS
from shared.pipeline.declarations import BusHook
from shared.pipeline.deployment import RowsOf
from shared.ports import OWN_SOURCE
from tests.conftest import UseSettings

CONTEXT = SimpleNamespace(aws_request_id="r", function_name="publisher")


class Said(BusEvent, frozen=True):
    """What a row says."""

    type = "row.said"
    text: str


def said(_: Row, after: Row) -> list[Happened]:
    """Yield what a row says. It fails for a row that says nothing."""
    return [Happened(Said((after or {})["text"]["S"]), 1_000)]


def record(number: int, image: dict[str, Any]) -> dict[str, Any]:
    return {
        "eventID": f"e{number}",
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:1:table/t-rows/stream/1",
        "dynamodb": {
            "ApproximateCreationDateTime": 5,
            "SequenceNumber": str(number),
            "Keys": {"key": {"S": "k"}},
            "NewImage": image,
        },
    }


def says(number: int, text: str) -> dict[str, Any]:
    return record(number, {"text": {"S": text}})


Refusing = Callable[[dict[str, Any]], str | None]


class Bus:
    """EventBridge and SQS. ``refuses`` returns the error of an event, or None to take it.

    requests: the texts of each request. taken: the entries that were taken. dead: dead letters.
    whole: the error of a request as a whole that has such a text.
    """

    def __init__(self) -> None:
        self.refuses: Refusing = lambda _: None
        self.whole: dict[str, str] = {}
        self.requests: list[list[str]] = []
        self.taken: list[dict[str, Any]] = []
        self.dead: list[dict[str, Any]] = []

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        texts = [json.loads(one["Detail"])["data"]["text"] for one in Entries]
        self.requests.append(texts)
        for text in texts:
            if text in self.whole:
                raise ClientError({"Error": {"Code": self.whole[text]}}, "PutEvents")
        codes = [self.refuses(one) for one in Entries]
        self.taken += [one for one, code in zip(Entries, codes, strict=True) if code is None]
        return {"Entries": [{"ErrorCode": code} if code else {"EventId": "1"} for code in codes]}

    def send_message(self, **request: Any) -> None:
        assert request["QueueUrl"] == "unpublished"
        self.dead.append(json.loads(request["MessageBody"]))

    @property
    def texts(self) -> list[str]:
        return [json.loads(one["Detail"])["data"]["text"] for one in self.taken]


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch, use_settings: UseSettings) -> Bus:
    use_settings(tables={"rows": "t-rows"}, unpublished_queue_url="unpublished")
    ports.cache_clear()  # an earlier test may have made them with other settings
    bus = Bus()
    monkeypatch.setattr("shared.aws.clients.client", lambda _: bus)
    monkeypatch.setattr("shared.aws.tasks.PUT_PAUSE_SECONDS", 0)
    own, others = RowsOf("key", "k"), RowsOf("key", "other")
    hooks = [BusHook("others", said), BusHook("rows", said, own), BusHook("rows", said, others)]
    monkeypatch.setattr(main, "REGISTRY", SimpleNamespace(bus_hooks=hooks))
    return bus


def handled(*records: dict[str, Any]) -> list[str]:
    """Return the sequence numbers from which on Lambda delivers the records again."""
    answer = main.handler({"Records": list(records)}, CONTEXT)
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


def test_an_event_has_an_id_a_time_and_an_order(bus: Bus) -> None:
    again = [handled(says(7, "a\ufffeb")) for _ in range(2)]
    assert again == [[], []]
    first, second = bus.taken
    assert first == second
    assert (first["Source"], first["DetailType"]) == (OWN_SOURCE, "row.said")
    assert "\ufffe" not in first["Detail"]
    assert first["Time"].timestamp() == 1
    assert json.loads(first["Detail"]) == {
        "id": "e7.row.said",
        "time": "1970-01-01T00:00:01.000Z",
        "sequence": f"{7:040d}",
        "data": {"text": "a\ufffeb"},
    }


def test_without_a_time_of_its_own_an_event_has_that_of_the_write() -> None:
    made = bus_events.message(says(1, ""), Happened(Said("")))
    assert (made.at_ms, json.loads(made.data)["time"]) == (5_000, "1970-01-01T00:00:05.000Z")


def test_ten_events_fit_into_a_request(bus: Bus) -> None:
    texts = [str(number) for number in range(25)]
    assert handled(*(says(int(text), text) for text in texts)) == []
    assert [len(one) for one in bus.requests] == [10, 10, 5]
    assert bus.texts == texts


def test_large_events_share_no_request(bus: Bus) -> None:
    large = "x" * 150 * 1024
    assert handled(says(1, large), says(2, large)) == []
    assert [len(one) for one in bus.requests] == [1, 1]


@pytest.mark.parametrize("times", [1, PUT_ATTEMPTS - 1])
def test_only_what_was_refused_is_sent_again(bus: Bus, times: int) -> None:
    left = {"b": times}

    def refuses(entry: dict[str, Any]) -> str | None:
        text = json.loads(entry["Detail"])["data"]["text"]
        if left.get(text, 0) == 0:
            return None
        left[text] -= 1
        return "ThrottlingException"

    bus.refuses = refuses
    assert handled(says(1, "a"), says(2, "b"), says(3, "c")) == []
    assert bus.requests == [["a", "b", "c"], *[["b"]] * times]


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "InternalFailure", "AccessDeniedException"]
)
def test_what_may_be_taken_later_is_delivered_again(bus: Bus, code: str) -> None:
    bus.refuses = lambda entry: code if '"b"' in entry["Detail"] else None
    assert handled(says(1, "a"), says(2, "b"), says(3, "c"), says(4, "b")) == ["2"]
    assert bus.texts == ["a", "c"]
    assert bus.dead == []


def test_a_request_that_fails_is_delivered_again(bus: Bus) -> None:
    bus.whole = {"b": "ServiceUnavailable"}
    assert handled(says(1, "a"), says(2, "b")) == ["1"]
    assert bus.requests == [["a", "b"]] * PUT_ATTEMPTS


def test_what_is_never_taken_is_set_aside(bus: Bus) -> None:
    bus.refuses = lambda entry: "MalformedDetail" if '"b"' in entry["Detail"] else None
    assert handled(says(1, "a"), says(2, "b"), says(3, "c")) == []
    assert bus.requests == [["a", "b", "c"]]
    (dead,) = bus.dead
    assert (dead["source"], dead["detail-type"]) == (OWN_SOURCE, "row.said")
    assert json.loads(dead["detail"])["id"] == "e2.row.said"
    assert dead["error"] == "MalformedDetail"


def test_one_event_that_spoils_a_request_is_found(bus: Bus) -> None:
    bus.whole = {"b": "ValidationException"}
    assert handled(says(1, "a"), says(2, "b"), says(3, "c")) == []
    assert bus.texts == ["a", "c"]
    assert [json.loads(one["detail"])["id"] for one in bus.dead] == ["e2.row.said"]


def test_a_change_of_which_no_event_can_be_made_is_set_aside(bus: Bus) -> None:
    assert handled(says(1, "a"), record(2, {}), says(3, "c")) == []
    assert bus.texts == ["a", "c"]
    (dead,) = bus.dead
    assert (dead["keys"], dead["sequence"], dead["error"]) == (
        {"key": {"S": "k"}},
        "2",
        "KeyError('text')",
    )
