"""Work for other functions, handed over through Lambda, SQS, Step Functions and EventBridge."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from shared.aws import clients, log
from shared.aws.log import CORRELATION_ID, logger
from shared.aws.metrics import Metric, count
from shared.ports import Broadcast, BusMessage
from shared.protocol import json
from shared.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef

BACKEND_SOURCE = "switchboard.backend"
PUT_ATTEMPTS = 4
PUT_PAUSE_SECONDS = 0.1

MOST_ENTRIES = 10
MOST_BYTES = 256 * 1024
"""What one ``PutEvents`` request may carry, all entries together.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html"""


def _fifo_id(text: str) -> str:
    """Return an id that SQS accepts, up to 128 printable ASCII characters: the digest of a text.

    The ids of people and channels, of which such a text is made, are chosen by a team's own
    systems.
    """
    return hashlib.sha256(text.encode()).hexdigest()


def _attributes() -> dict[str, MessageAttributeValueTypeDef]:
    return {CORRELATION_ID: {"DataType": "String", "StringValue": log.correlation_id()}}


def batches(messages: Iterable[BusMessage]) -> Iterator[list[BusMessage]]:
    """Yield the messages in order, as many at a time as one request may carry."""
    batch: list[BusMessage] = []
    for message in messages:
        size = sum(one.size for one in batch) + message.size
        if batch and (len(batch) == MOST_ENTRIES or size > MOST_BYTES):
            yield batch
            batch = []
        batch.append(message)
    if batch:
        yield batch


class AwsTasks:
    """Work for other functions, which receive the correlation id along with it."""

    def __init__(self, values: Settings) -> None:
        self._settings = values

    def open(self, connection_id: str) -> None:
        """Invoke the opener, which sends the opening of a connection."""
        self._invoke(self._settings.opener_function, {"connectionId": connection_id})

    def end_connection(self, connection_id: str) -> None:
        """Invoke the disconnect function for a connection that is gone."""
        self._invoke(self._settings.disconnect_function, {"connectionId": connection_id})

    def expel(
        self,
        connection_id: str,
        namespace: str,
        person_id: str = "",
        *,
        sid: str = "",
        close: bool | None = None,
    ) -> None:
        """Invoke the disconnect function for one session of a connection."""
        session = {
            "connectionId": connection_id,
            "namespace": namespace,
            "personId": person_id,
            "sid": sid,
            "close": close,
        }
        self._invoke(self._settings.disconnect_function, session)

    def finish_ended_sessions(self, connection_id: str) -> None:
        """Invoke the disconnect function for the sessions that have ended on a connection."""
        ended = {"connectionId": connection_id, "ended": True}
        self._invoke(self._settings.disconnect_function, ended)

    def ring(self, *, call_id: str, person: str, seconds: int) -> None:
        """Start an execution of the ring timer, under the call's id."""
        call = {"callId": call_id, "person": person, "seconds": seconds}
        try:
            clients.client("stepfunctions").start_execution(
                stateMachineArn=self._settings.ring_state_machine_arn,
                name=call_id,
                input=json.dumps({**call, CORRELATION_ID: log.correlation_id()}),
            )
        except Exception:
            count(Metric.RING_TIMERS_FAILED)
            raise

    def broadcast(self, message: Broadcast) -> None:
        """Send a broadcast to its queue."""
        once = message.once or secrets.token_hex(16)
        clients.client("sqs").send_message(
            QueueUrl=self._settings.broadcast_queue_url,
            MessageBody=json.dumps(msgspec.structs.replace(message, once=once)),
            MessageGroupId=_fifo_id(message.group),
            MessageDeduplicationId=_fifo_id(once),
            MessageAttributes=_attributes(),
        )

    def deadline(self, *, connection_id: str, namespace: str, sid: str, seconds: int) -> None:
        """Send a message to the queue of deadlines that arrives after ``seconds``."""
        session = {"connectionId": connection_id, "namespace": namespace, "sid": sid}
        clients.client("sqs").send_message(
            QueueUrl=self._settings.deadlines_queue_url,
            MessageBody=json.dumps(session),
            DelaySeconds=seconds,
            MessageAttributes=_attributes(),
        )

    def publish(self, messages: Sequence[BusMessage]) -> int:
        """Put backend events on the stack's bus, in order; return how many it accepted."""
        return sum(self._put(batch) for batch in batches(messages))

    def _put(self, messages: list[BusMessage]) -> int:
        """Put the events of one request on the bus; return how many the bus accepted.

        EventBridge may accept some events of a request and refuse others. Refused events are sent
        again.
        https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
        """
        left = messages
        for attempt in range(PUT_ATTEMPTS):
            time.sleep(PUT_PAUSE_SECONDS * attempt)
            try:
                answer = clients.client("events").put_events(
                    Entries=[
                        {
                            "Source": BACKEND_SOURCE,
                            "DetailType": message.type,
                            "Detail": message.data,
                            "EventBusName": self._settings.event_bus,
                            "Resources": [log.ON_THE_BUS + log.correlation_id()],
                        }
                        for message in left
                    ]
                )
            except (BotoCoreError, ClientError):
                logger.exception("events not put on the bus")
                continue
            results = zip(left, answer["Entries"], strict=True)
            left = [message for message, entry in results if "EventId" not in entry]
            if not left:
                break
            logger.warning("events refused by the bus", extra={"count": len(left)})
        return len(messages) - len(left)

    def delete_livekit_room(self, *, room: str) -> None:
        """Send a room to the queue of LiveKit rooms to delete."""
        self._livekit_rooms_queue.send_message(
            QueueUrl=self._settings.livekit_rooms_queue_url,
            MessageBody=json.dumps({"room": room}),
            MessageAttributes=_attributes(),
        )

    @cached_property
    def _livekit_rooms_queue(self) -> SQSClient:
        """A client that gives up soon, because the person who ends the call waits for it."""
        config = clients.short_timeouts(self._settings.livekit_queue_timeout_seconds)
        return clients.session().client("sqs", config=config)

    def _invoke(self, function: str, payload: Mapping[str, object]) -> None:
        clients.client("lambda").invoke(
            FunctionName=function,
            InvocationType="Event",
            Payload=json.dumps({**payload, CORRELATION_ID: log.correlation_id()}).encode(),
        )
