"""The messages that are put on the queue of broadcasts."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec
import pytest

from shared.aws import clients
from shared.aws.tasks import AwsTasks
from shared.ports import Broadcast
from tests.conftest import UseSettings


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    requests: list[dict[str, Any]] = []

    class Queue:
        def send_message(self, **request: Any) -> None:
            requests.append(request)

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
