"""SQS: delays, visibility timeouts, groups in order, duplicates, and dead letters."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infra.queues import hidden_seconds
from tests.e2e.probe import sqs_rules
from tests.simulation.stack import MAX_RECEIVES, ORDERED, TAKERS

if TYPE_CHECKING:
    from tests.simulation.invocation import Invocation
    from tests.simulation.world import World

REMEMBERED_MS = 300_000
"""How long an ordered queue knows what it has accepted."""

POLL_MS = 10


@dataclass
class Message:
    """A message that waits, or is being handled until ``visible_at``."""

    id: str
    body: str
    visible_at: float
    group: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    receives: int = 0


class Queues:
    """All queues of the stack.

    dead_letters: the queues and bodies that were given up.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._messages: dict[str, list[Message]] = {name: [] for name in TAKERS}
        self._accepted: dict[tuple[str, str, str], float] = {}
        self._sent = 0
        self.dead_letters: list[tuple[str, str]] = []

    def send(self, params: dict[str, Any]) -> dict[str, str]:
        """Take a message, in the form of ``SendMessage``. Raises ``ClientError`` as SQS does."""
        sqs_rules.check(params)
        name, now = params["QueueUrl"], self._world.now_ms
        group, once = params.get("MessageGroupId", ""), params.get("MessageDeduplicationId")
        self._sent += 1
        id_ = f"m{self._sent}"
        if name in ORDERED and once is not None:
            before = self._accepted.get((name, group, once))
            if before is not None and now - before < REMEMBERED_MS:
                return {"MessageId": id_}
            self._accepted[name, group, once] = now
        wait = params.get("DelaySeconds", 0) * 1000
        given = params.get("MessageAttributes", {})
        attributes = {
            key: {"stringValue": value["StringValue"], "dataType": value["DataType"]}
            for key, value in given.items()
        }
        message = Message(id_, params["MessageBody"], now + wait, group, attributes)
        self._messages[name].append(message)
        self._world.later(wait + POLL_MS, partial(self._poll, name))
        return {"MessageId": id_}

    def send_batch(self, params: dict[str, Any]) -> dict[str, Any]:
        """Take the messages of a ``SendMessageBatch`` that SQS does not refuse."""
        taken, refused = [], []
        for entry in params["Entries"]:
            try:
                self.send({"QueueUrl": params["QueueUrl"], **entry})
            except ClientError as error:
                refused.append({"Id": entry["Id"], "SenderFault": True, **error.response["Error"]})
            else:
                taken.append({"Id": entry["Id"]})
        return {"Successful": taken, "Failed": refused}

    def change_visibility(self, params: dict[str, Any]) -> None:
        """Hide a message that is being handled until another time."""
        wait = params["VisibilityTimeout"] * 1000
        for message in self._messages[params["QueueUrl"]]:
            if message.id == params["ReceiptHandle"]:
                message.visible_at = self._world.now_ms + wait
                self._world.later(wait, partial(self._poll, params["QueueUrl"]))

    def waiting(self, name: str) -> list[Message]:
        """Return the messages that are not done."""
        return self._messages[name]

    def _poll(self, name: str) -> None:
        spec, now = TAKERS[name], self._world.now_ms
        batch = self._receive(name, spec.batch)
        if not batch:
            return
        hidden_ms = hidden_seconds(spec) * 1000
        for message in batch:
            message.receives += 1
            message.visible_at = now + hidden_ms
        self._world.later(hidden_ms, partial(self._poll, name))
        records = [_record(name, message) for message in batch]
        self._world.invoke(spec.name, {"Records": records}, partial(self._done, name))

    def _receive(self, name: str, most: int) -> list[Message]:
        """Return what is to be handled now; what has been received too often is given up."""
        batch: list[Message] = []
        blocked: set[str] = set()
        for message in list(self._messages[name]):
            ordered = name in ORDERED
            if message.visible_at > self._world.now_ms or message.group in blocked:
                if ordered:
                    blocked.add(message.group)
            elif message.receives >= MAX_RECEIVES[name]:
                self._messages[name].remove(message)
                self.dead_letters.append((name, message.body))
            elif len(batch) < most:
                batch.append(message)
            elif ordered:
                blocked.add(message.group)
        return batch

    def _done(self, name: str, invocation: Invocation) -> None:
        if invocation.error is None:
            failures = (invocation.result or {}).get("batchItemFailures", [])
            failed = {one["itemIdentifier"] for one in failures}
            handled = {record["messageId"] for record in invocation.event["Records"]} - failed
            left = [one for one in self._messages[name] if one.id not in handled]
            self._messages[name] = left
        self._poll(name)


def _record(name: str, message: Message) -> dict[str, Any]:
    return {
        "messageId": message.id,
        "receiptHandle": message.id,
        "body": message.body,
        "attributes": {"ApproximateReceiveCount": str(message.receives)},
        "messageAttributes": message.attributes,
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:us-east-1:1:{name}",
    }
