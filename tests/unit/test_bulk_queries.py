"""Queries without the SDK's client, to a server whose answers are scripted."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore import auth
from botocore.auth import SIGV4_TIMESTAMP
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError, HTTPClientError

from shared.aws import bulk_queries, clients
from tests.unit.http_server import CLOSE, NONSENSE, ScriptedServer

pytestmark = pytest.mark.usefixtures("sdk_asks_server")

REFUSED = json.dumps({"__type": "x#ResourceNotFoundException", "message": "no such table"}).encode()


def query(room: str) -> bulk_queries.Query:
    return {
        "TableName": "rooms",
        "KeyConditionExpression": "room = :room",
        "ExpressionAttributeValues": {":room": {"S": room}},
    }


def page(name: str) -> bytes:
    return json.dumps({"Items": [{"name": {"S": name}}]}).encode()


def names(pages: list[dict[str, Any]]) -> list[str]:
    return [row["name"]["S"] for page in pages for row in page["Items"]]


def test_each_query_has_its_own_page(server: ScriptedServer) -> None:
    server.answers = [(200, page("a"))]
    assert names(bulk_queries.pages([query("наприклад")], dict)) == ["a"]
    ((method, path, body, headers),) = server.asked
    assert (method, path) == ("POST", "/")
    assert headers["x-amz-target"] == "DynamoDB_20120810.Query"
    assert json.loads(body) == query("наприклад")


def test_the_pages_are_in_the_order_of_the_queries(server: ScriptedServer) -> None:
    """The server answers in the order in which requests arrive, and each says which it was."""
    many = [f"r{number}" for number in range(100)]
    server.answer = lambda _: (200, b'{"Items": [], "asked": %d}' % len(server.asked))
    found = bulk_queries.pages([query(one) for one in many], dict[str, Any])
    arrived = [json.loads(body)["ExpressionAttributeValues"] for _, _, body, _ in server.asked]
    assert sorted(one["asked"] for one in found) == list(range(1, 101))
    assert [arrived[one["asked"] - 1][":room"]["S"] for one in found] == many


def test_the_signature_equals_the_sdk_s(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers = [(200, page("a"))]
    bulk_queries.pages([query("a")], dict)
    ((method, path, body, headers),) = server.asked
    signed = ("content-type", "x-amz-target")
    request = AWSRequest(
        method, server.url + path, {name: headers[name] for name in signed}, data=body
    )
    sent = datetime.strptime(headers["x-amz-date"], SIGV4_TIMESTAMP).replace(tzinfo=UTC)
    monkeypatch.setattr(auth, "get_current_datetime", lambda: sent)
    region = clients.client("dynamodb").meta.region_name
    credentials = clients.session().get_credentials()
    assert credentials
    auth.SigV4Auth(credentials, "dynamodb", region).add_auth(request)
    assert headers["authorization"] == request.headers["Authorization"]


@pytest.mark.parametrize("failure", [400, 500, 503, CLOSE, NONSENSE])
def test_a_query_that_fails_is_made_again_by_the_sdk(server: ScriptedServer, failure: int) -> None:
    server.answers = [failure, (200, page("a"))]
    assert names(bulk_queries.pages([query("a")], dict)) == ["a"]
    assert [json.loads(body) for _, _, body, _ in server.asked] == [query("a")] * 2


def test_a_lasting_failure_is_the_sdk_s_error(server: ScriptedServer) -> None:
    server.answer = lambda _: (400, REFUSED)
    with pytest.raises(ClientError, match="no such table"):
        bulk_queries.pages([query("a")], dict)
    server.answer = lambda _: CLOSE
    with pytest.raises(HTTPClientError):
        bulk_queries.pages([query("a")], dict)


def test_the_sdk_and_the_queries_share_their_connections(server: ScriptedServer) -> None:
    server.answer = lambda _: (200, b'{"Items": []}')
    for _ in range(3):
        clients.client("dynamodb").query(**query("a"))
        bulk_queries.pages([query("a")], dict)
    assert len(server.asked) == 6
    assert len(server.peers) == 1
