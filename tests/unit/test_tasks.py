"""The messages that are put on the queue of broadcasts."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec
import pytest

from shared.aws import clients
from shared.aws.tasks import AwsTasks, MessagesRefused
from shared.ports import Broadcast
from tests.conftest import UseSettings


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    requests: list[dict[str, Any]] = []

    class Queue:
        def send_message(self, **request: Any) -> None:
            requests.append(request)

        def send_message_batch(self, **request: Any) -> dict[str, Any]:
            requests.append(request)
            entries = request["Entries"]
            refused = entries[0]["MessageGroupId"] == sha256(b"refused").hexdigest()
            return {"Failed": [entries[0]]} if refused else {}

    monkeypatch.setattr(clients, "client", {"sqs": Queue()}.__getitem__)
    return requests


@pytest.mark.parametrize("once", ["frame", None])
def test_the_body_of_a_broadcast_holds_its_deduplication_id(
    sent: list[dict[str, Any]], use_settings: UseSettings, once: str | None
) -> None:
    """The parts of a split broadcast then have the same ids however often it is split."""
    tasks = AwsTasks(use_settings())
    for _ in range(2):
        tasks.broadcast(Broadcast("/", "room", "event", {}, "group", once=once))
    ids = [request["MessageDeduplicationId"] for request in sent]
    bodies = [msgspec.json.decode(request["MessageBody"], type=Broadcast) for request in sent]
    assert [sha256((body.once or "").encode()).hexdigest() for body in bodies] == ids
    assert (ids[0] == ids[1]) == (once is not None)


def test_several_broadcasts_are_sent_in_order_ten_at_a_time(
    sent: list[dict[str, Any]], use_settings: UseSettings
) -> None:
    tasks = AwsTasks(use_settings())
    tasks.broadcast(*(Broadcast("/", "room", "event", number, "group") for number in range(12)))
    assert [len(request["Entries"]) for request in sent] == [10, 2]
    bodies = [entry["MessageBody"] for request in sent for entry in request["Entries"]]
    assert [msgspec.json.decode(body)["payload"] for body in bodies] == list(range(12))


def test_no_broadcast_is_no_request(sent: list[dict[str, Any]], use_settings: UseSettings) -> None:
    AwsTasks(use_settings()).broadcast()
    assert sent == []


def test_a_broadcast_that_sqs_refuses_is_an_error(
    sent: list[dict[str, Any]], use_settings: UseSettings
) -> None:
    tasks = AwsTasks(use_settings())
    with pytest.raises(MessagesRefused):
        tasks.broadcast(*[Broadcast("/", "room", "event", {}, "refused")] * 2)


def test_shards_have_a_queue_of_their_own_and_those_they_have_missed_have_not(
    sent: list[dict[str, Any]], use_settings: UseSettings
) -> None:
    values = use_settings(broadcast_queue_url="broadcasts", shards_queue_url="shards")
    shard = Broadcast("/", "", "event", {}, "group", shard="/#0")
    AwsTasks(values).broadcast(shard, msgspec.structs.replace(shard, only=("c1",)))
    assert [request["QueueUrl"] for request in sent] == ["broadcasts", "shards"]
