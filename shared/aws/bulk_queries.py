"""Queries of DynamoDB that read many rows or many partitions, made at the same time.

A broadcast reads a row for each of its recipients. With the SDK's client and pynamodb, that is a
quarter of the processor time of a broadcast, and each query at the same time needs a thread. So
these queries are made without them, from one thread. A query changes nothing: if it is not answered
with success, the SDK's client makes it again, with its pauses and its errors. See
docs/decisions/0042-many-rows-without-the-client.md.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from shared.aws import clients
from shared.aws.http_connection import Answer, Request
from shared.aws.http_pool import Outcome
from shared.aws.log import logger
from shared.aws.signing import Signer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

HEADERS = {
    "content-type": "application/x-amz-json-1.0",
    "x-amz-target": "DynamoDB_20120810.Query",
}

SHOWN = 500
"""How many characters of a failure are logged."""

Query = dict[str, Any]
"""The arguments of the SDK's ``query``, without binary values."""

P = TypeVar("P")


def pages(queries: Sequence[Query], kind: type[P]) -> list[P]:
    """Make queries at the same time; return the page that answers each, in their order.

    kind: a page's type, with the fields ``Items`` and ``LastEvaluatedKey`` as DynamoDB names them.

    Raises ``ClientError`` or another ``BotoCoreError`` if a query fails although the SDK has tried
    it again.
    """
    outcomes = zip(queries, send(queries), strict=True)
    return [_page(query, outcome, kind) for query, outcome in outcomes]


def _page(query: Query, outcome: Outcome, kind: type[P]) -> P:
    """Return the page that answers a query, whose first outcome is given."""
    if isinstance(outcome, Answer) and outcome.status == HTTPStatus.OK:
        return msgspec.json.decode(outcome.body, type=kind)
    logger.warning("query made again", extra={"outcome": repr(outcome)[:SHOWN]})
    return msgspec.convert(clients.client("dynamodb").query(**query), kind)


def send(queries: Sequence[Query]) -> list[Outcome]:
    """Send queries at the same time; return what comes of each, in their order."""
    dynamodb = clients.client("dynamodb")
    signer, pool = _signer(dynamodb), clients.connections(dynamodb)

    def request(number: int) -> Request:
        body = msgspec.json.encode(queries[number])
        return Request("POST", "/", body, signer.headers("POST", "/", body, HEADERS))

    outcomes = dict(pool.send(range(len(queries)), request))
    return [outcomes[number] for number in range(len(queries))]


@lru_cache(maxsize=1)
def _signer(client: DynamoDBClient) -> Signer:
    return Signer("dynamodb", client.meta.region_name, urlsplit(client.meta.endpoint_url).netloc)
