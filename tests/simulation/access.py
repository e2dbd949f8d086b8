"""Which requests the role of a function allows: from the table of functions, as ``infra`` does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shared.pipeline.deployment import FunctionSpec
from tests.simulation.faults import CONNECTIONS, Request

QUEUE_GRANTS = {
    "broadcasts": "send-broadcast",
    "shards": "send-shard",
    "livekit-rooms": "delete-livekit-room",
    "deadlines": "send-deadline",
    "unpublished": "send-unpublished",
    "pushes": "send-push",
}
"""The grants of ``infra/stack.py`` to send to a queue, by the queue's name."""

GRANTS = {
    "PutEvents": "put-events",
    "GetQueueAttributes": "read-queues",
    "GetSecretValue": "read-secret",
    "CreatePlatformEndpoint": "create-endpoint",
    "SetEndpointAttributes": "set-endpoint",
    "DeleteEndpoint": "delete-endpoint",
    "Publish": "publish-push",
}


USED: set[tuple[str, str, str]] = set()
"""Functions, with the actions that they have needed in this process, and to what."""


def request_of(service: str, operation: str, params: dict[str, Any]) -> Request:
    """Return the request of an SDK call."""
    if service == "dynamodb":
        uses = tuple(_table_uses(operation, params))
        return Request(service, operation, "+".join(target for _, target in uses), uses)
    target = str(params.get("QueueUrl") or params.get("FunctionName") or service)
    match operation:
        case "SendMessage" | "SendMessageBatch":
            grant = QUEUE_GRANTS.get(target, f"send-{target}")
        case "Invoke":
            grant = f"invoke-{target}"
        case "ChangeMessageVisibility":
            grant = f"takes {target}"
        case "StartExecution":
            target = params["stateMachineArn"]
            grant = f"start-{target.removesuffix('_state_machine_arn')}"
        case _:
            grant = GRANTS.get(operation, operation)
    return Request(service, operation, target, (("may", grant),))


def post_of(method: str, connection_id: str) -> Request:
    """Return the request to ``@connections`` for a connection."""
    return Request(CONNECTIONS, method, connection_id, (("may", "post"),))


def missing(spec: FunctionSpec, request: Request) -> list[str]:
    """Return the rights that a function needs for a request and does not have."""
    USED.update((spec.name, action, target) for action, target in request.uses)
    grants = {*spec.access.may.split(), f"takes {spec.takes}"}
    return [
        f"{action} {target}"
        for action, target in request.uses
        if (
            target not in grants
            if action == "may"
            else action not in spec.access.tables.get(target, "").split()
        )
    ]


def _table_uses(operation: str, params: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield actions with their tables or indexes. A transaction is allowed by its parts."""
    if operation == "TransactWriteItems":
        for part in params["TransactItems"]:
            ((name, one),) = part.items()
            yield f"{name}Item", one["TableName"]
    elif operation == "BatchGetItem":
        yield from ((operation, table) for table in params["RequestItems"])
    else:
        table, index = params["TableName"], params.get("IndexName")
        yield operation, f"{table}/{index}" if index else table
