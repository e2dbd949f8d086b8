"""What requests of the SDK do, DynamoDB's aside: SQS, Lambda, Step Functions, bus, secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from shared import times
from shared.ports import OWN_SOURCE
from tests.fakes import JWT_SECRET, LIVEKIT_SECRET

if TYPE_CHECKING:
    from tests.simulation.world import World

SECRET = {
    "JWT_SECRET": JWT_SECRET,
    "LIVEKIT_API_KEY": "key",
    "LIVEKIT_API_SECRET": LIVEKIT_SECRET,
}


def execute(world: World, operation: str, params: dict[str, Any]) -> Any:
    """Execute a request."""
    queues: dict[str, Callable[[dict[str, Any]], Any]] = {
        "SendMessage": world.queues.send,
        "SendMessageBatch": world.queues.send_batch,
        "ChangeMessageVisibility": world.queues.change_visibility,
        "CreatePlatformEndpoint": world.phones.create,
        "SetEndpointAttributes": world.phones.enable,
        "DeleteEndpoint": world.phones.delete,
        "Publish": world.phones.publish,
    }
    if operation in queues:
        return queues[operation](params)
    match operation:
        case "Invoke":
            world.lambdas.accept(params["FunctionName"], json.loads(params["Payload"]))
            return {"StatusCode": 202}
        case "StartExecution":
            return world.ring.start(params)
        case "GetSecretValue":
            return {"SecretString": json.dumps(SECRET)}
        case "GetQueueAttributes":
            names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
            return {"Attributes": dict.fromkeys(names, "0")}
        case "PutEvents":
            return {"Entries": [_put(world, entry) for entry in params["Entries"]]}
    raise NotImplementedError(operation)


def _put(world: World, entry: dict[str, Any]) -> dict[str, str]:
    """Put an event on the bus, from where it comes to the queue of events, unless it is our own."""
    world.bus_events += 1
    if entry["Source"] == OWN_SOURCE:
        world.published.append((entry["DetailType"], json.loads(entry["Detail"])))
        return {"EventId": f"event-{world.bus_events}"}
    event = {
        "id": f"event-{world.bus_events}",
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "time": f"{times.iso(world.now_ms)[:19]}Z",
        "resources": entry.get("Resources", []),
        "detail": json.loads(entry["Detail"]),
    }
    world.queues.send({"QueueUrl": "events", "MessageBody": json.dumps(event)})
    return {"EventId": event["id"]}
