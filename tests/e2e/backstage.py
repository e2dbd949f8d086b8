"""Does to the running stack what AWS does: invokes functions, closes connections, changes
settings."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from local.emulator import CONNECTIONS_PATH
from shared.aws import mailboxes
from shared.identity.accounts import Account
from shared.realtime import connections, lifecycle
from shared.realtime.connections import Connection
from shared.settings import settings
from tests.e2e.stack import Stack

PREFIX = "switchboard-dev"


def invoke(stack: Stack, function: str, event: dict[str, Any]) -> None:
    """Run a deployed function once and wait for it."""
    answer = stack.client("lambda").invoke(
        FunctionName=f"{PREFIX}-{function}", Payload=json.dumps(event).encode()
    )
    assert "FunctionError" not in answer, answer["Payload"].read()


def frame(connection_id: str, message_id: str, event: str, payload: object) -> dict[str, Any]:
    """Return the event with which API Gateway invokes ``$default`` for an event of a client now."""
    namespace = "/user" if event in {"call:initiate", "call:cancel"} else "/telecaller"
    return {
        "requestContext": {
            "routeKey": "$default",
            "eventType": "MESSAGE",
            "connectionId": connection_id,
            "messageId": message_id,
            "requestTimeEpoch": int(time.time() * 1000),
        },
        "body": f"42{namespace},{json.dumps([event, payload])}",
        "isBase64Encoded": False,
    }


def connection_ids(stack: Stack, account: Account) -> list[str]:
    """Return the ids of the connections that the stack has stored for a person."""
    answer = stack.dynamodb.get_item(
        TableName=stack.facts["outputs"]["PeopleTable"],
        Key={"person": {"S": f"/{account.role.lower()}#{account.id}"}},
        ConsistentRead=True,
    )
    members = answer.get("Item", {}).get("connections", {}).get("SS", ())
    return [member.split(":", 1)[1] for member in members]


def close(stack: Stack, connection_id: str) -> None:
    """Close a connection from the side of API Gateway."""
    path = CONNECTIONS_PATH.format(
        api=stack.environment["WEBSOCKET_API_ID"], stage=stack.environment["WEBSOCKET_STAGE"]
    )
    stack.client("apigatewaymanagementapi", path).delete_connection(ConnectionId=connection_id)


def waits(stack: Stack, connection_id: str) -> bool:
    """Return whether a GET of a client that polls waits now."""
    with stack.direct_access():
        box = mailboxes.get(connection_id)
        return box is not None and box.poll is not None


def make_due(stack: Stack, connection_id: str) -> None:
    """Let the next sweep look at a connection."""
    with stack.direct_access():
        lifecycle.postpone(connection_id, connections.AT_ONCE)


def make_old(stack: Stack, connection_id: str, seconds: int) -> None:
    """Let a connection be so old, and let the next sweep look at it."""
    with stack.direct_access():
        opened_at = int(time.time()) - seconds
        expires_at = opened_at + settings().connection_max_seconds
        Connection(connection_id).update([Connection.expires_at.set(expires_at)])
    make_due(stack, connection_id)


@contextmanager
def settings_of(stack: Stack, *functions: str, **values: int | str) -> Iterator[None]:
    """Change settings of some functions while the block runs."""
    api = stack.client("lambda")
    before = {
        name: api.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        for name in (f"{PREFIX}-{function}" for function in functions)
    }
    changed = {name.upper(): str(value) for name, value in values.items()}
    for name, variables in before.items():
        api.update_function_configuration(
            FunctionName=name, Environment={"Variables": variables | changed}
        )
    try:
        yield
    finally:
        for name, variables in before.items():
            api.update_function_configuration(
                FunctionName=name, Environment={"Variables": variables}
            )
