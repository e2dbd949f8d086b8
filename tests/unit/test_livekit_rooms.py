"""The function that deletes LiveKit rooms, against a server that speaks LiveKit's protocol."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from functions.calls import livekit_rooms
from shared.aws import clients
from tests.conftest import UseSettings
from tests.fakes import LIVEKIT_SECRET, Fakes
from tests.livekit_server import LiveKitServer

TIMEOUT = 0.3


@pytest.fixture
def server() -> Iterator[LiveKitServer]:
    with LiveKitServer("key", LIVEKIT_SECRET).serving() as server:
        yield server


class Queue:
    """The queue of LiveKit rooms.

    postponed: receipt handle of a message → seconds by which it is postponed.
    down: whether the queue gives no answer.
    """

    def __init__(self) -> None:
        self.postponed: dict[str, int] = {}
        self.down = False

    def change_message_visibility(self, **request: Any) -> None:
        if self.down:
            raise TimeoutError("no answer")
        assert request["QueueUrl"] == "https://queue.example/rooms"
        self.postponed[request["ReceiptHandle"]] = request["VisibilityTimeout"]


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Queue:
    queue = Queue()
    monkeypatch.setattr(clients, "client", {"sqs": queue}.__getitem__)
    return queue


@pytest.fixture
def fakes(
    use_settings: UseSettings, monkeypatch: pytest.MonkeyPatch, server: LiveKitServer, queue: Queue
) -> Fakes:
    use_settings(
        livekit_url=server.url,
        livekit_timeout_seconds=TIMEOUT,
        livekit_retry_seconds=15,
        livekit_rooms_queue_url="https://queue.example/rooms",
    )
    fakes = Fakes()
    monkeypatch.setattr(livekit_rooms, "secret", lambda: fakes.secrets)
    return fakes


def body(room: str) -> str:
    return json.dumps({"room": room})


def run(*bodies: str, tries: int = 1) -> list[str]:
    """Run the function with a batch; return the ids of the messages that are to be tried again."""
    records = [
        {
            "messageId": f"m{number}",
            "receiptHandle": f"r{number}",
            "body": text,
            "attributes": {"ApproximateReceiveCount": str(tries)},
        }
        for number, text in enumerate(bodies)
    ]
    context = SimpleNamespace(aws_request_id="1")
    answer = livekit_rooms.handler({"Records": records}, context)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_the_livekit_rooms_of_a_batch_are_deleted(
    fakes: Fakes, server: LiveKitServer, queue: Queue
) -> None:
    assert run(*(body(f"room-{number}") for number in range(10))) == []
    assert sorted(server.deleted) == [f"room-{number}" for number in range(10)]
    assert not server.refused
    assert not queue.postponed


def test_each_message_succeeds_or_fails_alone(
    fakes: Fakes, server: LiveKitServer, queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers = {
        "gone": (404, "not_found"),
        "down": (503, "unavailable"),
        "broken": (500, "internal"),
        "astray": (404, "bad_route"),
        "proxy": (404, ""),
        "limited": (429, "resource_exhausted"),
    }
    server.seconds = {"slow": 10 * TIMEOUT}
    names = ["good", "gone", "down", "broken", "astray", "proxy", "limited", "slow"]
    with caplog.at_level(logging.WARNING):
        failed = run(*map(body, names), "no JSON", '{"other": 1}', '{"room": 7}')
    assert failed == ["m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9", "m10"]
    assert queue.postponed == {f"r{number}": 15 for number in range(2, 11)}
    assert len(caplog.records) == 9
    assert {record.levelname for record in caplog.records} == {"WARNING"}


def test_messages_are_postponed_if_livekit_is_unreachable(
    fakes: Fakes, use_settings: UseSettings, queue: Queue
) -> None:
    use_settings(livekit_url="ws://127.0.0.1:1")
    assert run(body("a"), body("b")) == ["m0", "m1"]
    assert queue.postponed == {"r0": 15, "r1": 15}


def test_a_message_fails_if_livekit_does_not_know_our_key(
    fakes: Fakes, server: LiveKitServer, queue: Queue
) -> None:
    fakes.secrets.values["LIVEKIT_API_SECRET"] = "another secret, which the server does not know"
    assert run(body("a")) == ["m0"]
    assert server.refused
    assert not server.deleted


def test_every_further_try_waits_twice_as_long(
    fakes: Fakes, server: LiveKitServer, queue: Queue
) -> None:
    server.default_answer = (503, "unavailable")
    waits = []
    for tries in range(1, 9):
        assert run(body("a"), tries=tries) == ["m0"]
        waits.append(queue.postponed["r0"])
    assert waits == [15, 30, 60, 120, 240, 480, 960, 1920]
    run(body("a"), tries=1_000)
    assert queue.postponed["r0"] < 12 * 3_600


def test_a_message_that_cannot_be_postponed_is_still_tried_again(
    fakes: Fakes, server: LiveKitServer, queue: Queue
) -> None:
    queue.down = True
    server.default_answer = (503, "unavailable")
    assert run(body("a"), body("b")) == ["m0", "m1"]


@pytest.mark.parametrize("missing", ["LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"])
def test_without_livekit_keys_rooms_are_dropped_with_one_warning(
    fakes: Fakes, server: LiveKitServer, caplog: pytest.LogCaptureFixture, missing: str
) -> None:
    fakes.secrets.values[missing] = ""
    with caplog.at_level(logging.WARNING):
        assert run(body("a"), body("b")) == []
    assert not server.deleted
    assert len(caplog.records) == 1
    assert "LIVEKIT_API_KEY" in caplog.text


@pytest.mark.parametrize("scheme", ["ws", "http"])
def test_the_api_is_called_at_the_url_of_the_clients(
    fakes: Fakes, server: LiveKitServer, use_settings: UseSettings, scheme: str
) -> None:
    use_settings(livekit_url=f"{scheme}://127.0.0.1:{server.port}/")
    assert run(body("a")) == []
    assert server.deleted == ["a"]
