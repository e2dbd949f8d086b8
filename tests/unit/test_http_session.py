"""The SDK's clients over our connections, to a server whose answers are scripted."""

from __future__ import annotations

import json
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import HTTPClientError, ReadTimeoutError

from shared.aws import clients
from tests.unit.http_server import CLOSE, ScriptedServer

pytestmark = pytest.mark.usefixtures("sdk_asks_server")


def make(service: str) -> Any:
    return clients.make(service, clients.CONFIG)


def test_requests_of_every_form_are_sent_and_answered_over_one_connection_per_client(
    server: ScriptedServer,
) -> None:
    queue, functions, phones = make("sqs"), make("lambda"), make("sns")
    for _ in range(3):
        server.answers = [
            (200, b'{"MessageId": "1"}'),
            (202, b"payload"),
            (200, b"<PublishResponse><PublishResult><MessageId>2</MessageId></PublishResult>"
            b"</PublishResponse>"),
        ]  # fmt: skip
        assert queue.send_message(QueueUrl="url", MessageBody="ü")["MessageId"] == "1"
        answer = functions.invoke(FunctionName="some", Qualifier="1", Payload=b"{}")
        assert answer["Payload"].read() == b"payload"
        assert answer["ResponseMetadata"]["HTTPHeaders"]["content-length"] == "7"
        assert phones.publish(TargetArn="arn", Message="ü")["MessageId"] == "2"
    assert len(server.peers) == 3
    method, path, body, headers = server.asked[0]
    assert (method, path) == ("POST", "/")
    assert json.loads(body) == {"QueueUrl": "url", "MessageBody": "ü"}
    assert headers["x-amz-target"] == "AmazonSQS.SendMessage"
    assert server.asked[1][1:3] == ("/2015-03-31/functions/some/invocations?Qualifier=1", b"{}")
    assert server.asked[2][2].endswith(b"Message=%C3%BC")


def test_the_sdk_repeats_a_request_without_an_answer(server: ScriptedServer) -> None:
    server.answers = [CLOSE, (500, b"{}"), (200, b'{"MessageId": "1"}')]
    assert make("sqs").send_message(QueueUrl="url", MessageBody="x")["MessageId"] == "1"
    assert len({headers["amz-sdk-invocation-id"] for *_, headers in server.asked}) == 1
    assert len(server.asked) == 3


def test_a_request_that_is_never_answered_is_an_error_of_the_sdk(server: ScriptedServer) -> None:
    server.answers = [CLOSE] * 9
    with pytest.raises(HTTPClientError):
        make("sqs").send_message(QueueUrl="url", MessageBody="x")
    assert len(server.asked) == 4


def test_an_answer_that_comes_too_late_is_a_timeout_of_the_sdk(server: ScriptedServer) -> None:
    late = Event()
    server.answer = lambda _: 200 if late.wait() else 500
    queue = clients.make("sqs", clients.short_timeouts(0.2))
    with pytest.raises(ReadTimeoutError):
        queue.send_message(QueueUrl="url", MessageBody="x")
    late.set()
