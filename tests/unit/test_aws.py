"""Requests without the SDK, against a server that answers as DynamoDB does."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError, HTTPClientError

from shared.aws import Service, endpoint
from shared.wire import Patience
from tests.conftest import UseSettings
from tests.unit.http_server import CLOSE, Told, serving


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, use_settings: UseSettings) -> Iterator[Told]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setattr("shared.wire.time.sleep", lambda _: None)
    use_settings()
    with serving() as told:
        monkeypatch.setenv("AWS_ENDPOINT_URL", told.url)
        yield told


def refusal(code: str, **more: object) -> tuple[int, bytes]:
    name = f"com.amazonaws.dynamodb.v20120810#{code}"
    return 400, json.dumps({"__type": name, "message": "no", **more}).encode()


def test_an_operation_is_named_in_a_header(server: Told) -> None:
    server.answers = [(200, b'{"Item":{"a":{"S":"b"}}}')]
    answer = Service("dynamodb", "DynamoDB_20120810").call("GetItem", {"Key": {"a": {"B": b"\0"}}})
    assert answer == {"Item": {"a": {"S": "b"}}}
    [(method, path, body, headers)] = server.asked
    assert (method, path, body) == ("POST", "/", b'{"Key":{"a":{"B":"AA=="}}}')
    assert headers["x-amz-target"] == "DynamoDB_20120810.GetItem"
    assert headers["content-type"] == "application/x-amz-json-1.0"
    assert "SignedHeaders=content-type;host;x-amz-date;x-amz-target," in headers["authorization"]


def test_a_refusal_is_the_error_of_the_sdk(server: Told) -> None:
    reasons = [{"Code": "ConditionalCheckFailed", "Item": {"a": {"S": "b"}}}]
    server.answers = [refusal("TransactionCanceledException", CancellationReasons=reasons)]
    with pytest.raises(ClientError) as caught:
        Service("dynamodb", "DynamoDB_20120810").call("TransactWriteItems", {})
    response: object = caught.value.response
    assert isinstance(response, dict)
    assert response["Error"] == {"Code": "TransactionCanceledException", "Message": "no"}
    assert response["CancellationReasons"] == reasons
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "trouble", [500, 503, CLOSE, 429, refusal("ProvisionedThroughputExceededException")]
)
def test_trouble_is_tried_again(server: Told, trouble: int | tuple[int, bytes]) -> None:
    server.answers = [trouble, trouble, trouble, (200, b"{}")]
    assert Service("dynamodb", "x").call("GetItem", {}) == {}
    assert len(server.asked) == 4


@pytest.mark.parametrize("trouble", [(503, b"<html>"), (500, b"[]")])
def test_trouble_that_stays_is_an_error(server: Told, trouble: tuple[int, bytes]) -> None:
    server.answers = [trouble] * 9
    with pytest.raises(ClientError, match=str(trouble[0])):
        Service("dynamodb", "x", patience=Patience(refusals=2)).call("GetItem", {})
    assert len(server.asked) == 2


def test_no_answer_is_the_error_of_the_sdk(server: Told) -> None:
    server.answers = [CLOSE] * 4
    with pytest.raises(HTTPClientError):
        Service("dynamodb", "x").call("GetItem", {})


def test_a_service_may_have_paths(server: Told) -> None:
    server.answers = [202]
    Service("lambda", "").post("/functions/a%3Ab/invocations", {"x-amz-invocation-type": "E"}, b"1")
    [(_, path, body, headers)] = server.asked
    assert (path, body, headers["x-amz-invocation-type"]) == (
        "/functions/a%3Ab/invocations",
        b"1",
        "E",
    )


def test_where_a_service_is(monkeypatch: pytest.MonkeyPatch, use_settings: UseSettings) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    use_settings(aws_region="eu-west-1")
    assert endpoint("sfn", "states") == "https://states.eu-west-1.amazonaws.com"
    use_settings(aws_region="cn-north-1")
    assert endpoint("sqs", "sqs") == "https://sqs.cn-north-1.amazonaws.com.cn"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://all")
    assert endpoint("sqs", "sqs") == "http://all"
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://own")
    assert endpoint("sqs", "sqs") == "http://own"
