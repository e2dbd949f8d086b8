"""What the records of a stream announce, and the records that cannot be announced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared.aws import streams
from shared.aws.tasks import MessagesRefused
from shared.ports import Broadcast

Record = dict[str, Any]
NAMES = ("one", "poison", "two")
RECORDS = [{"name": one, "eventSourceARN": "arn", "dynamodb": {}} for one in NAMES]


def broadcasts(record: Record) -> Iterator[Broadcast]:
    for event in ("first", "second"):
        yield Broadcast("/", "room", event, record["name"], "group", once=record["name"] + event)


class Queue:
    """A queue that refuses a request which has a broadcast of the record ``poison``."""

    def __init__(self, code: str = "InvalidMessageContents") -> None:
        self.requests: list[list[str]] = []
        self._code = code

    def send(self, *messages: Broadcast) -> None:
        """Take broadcasts. Raises as ``Tasks.broadcast`` does."""
        if any(one.payload == "poison" for one in messages):
            if len(messages) > 1:
                raise MessagesRefused
            raise ClientError({"Error": {"Code": self._code}}, "SendMessage")
        self.requests.append([str(one.once) for one in messages])


def test_all_broadcasts_are_one_request() -> None:
    queue = Queue()
    streams.announce(RECORDS[::2], broadcasts, queue.send)
    assert queue.requests == [["onefirst", "onesecond", "twofirst", "twosecond"]]


def test_a_record_that_the_queue_refuses_is_set_aside(caplog: pytest.LogCaptureFixture) -> None:
    queue = Queue()
    streams.announce(RECORDS, broadcasts, queue.send)
    assert queue.requests == [["onefirst"], ["onesecond"], ["twofirst"], ["twosecond"]]
    assert [one.message for one in caplog.records if one.levelname == "ERROR"] == [
        "record set aside"
    ]


def test_a_record_that_cannot_be_read_is_set_aside(caplog: pytest.LogCaptureFixture) -> None:
    queue = Queue()
    unread = {"eventSourceARN": "arn", "dynamodb": {}}
    streams.announce([unread, RECORDS[0]], broadcasts, queue.send)
    assert queue.requests == [["onefirst", "onesecond"]]
    assert "record set aside" in caplog.messages


def test_an_outage_leaves_the_batch_to_be_delivered_again() -> None:
    queue = Queue("RequestThrottled")
    with pytest.raises(ClientError):
        streams.announce(RECORDS, broadcasts, queue.send)
    assert queue.requests == [["onefirst"], ["onesecond"]]
