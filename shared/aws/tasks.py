"""Work for other functions, handed over through Lambda, SQS, Step Functions and EventBridge."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from shared.aws import clients, log
from shared.aws.log import CORRELATION_ID, logger
from shared.aws.metrics import Metric, count
from shared.ports import Broadcast, BusMessage, Missed, Push, RefusedMessage
from shared.protocol import json
from shared.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import (
        MessageAttributeValueTypeDef,
        SendMessageBatchRequestEntryTypeDef,
    )

PUT_ATTEMPTS = 4
PUT_PAUSE_SECONDS = 0.1

LASTING_REFUSALS = {"InvalidArgument", "MalformedDetail", "RedactionFailure", "ValidationException"}
"""The errors of EventBridge for an event that it would refuse each time.
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html"""

_OF_REQUEST = {"ValidationException"}
"""The errors of a whole request that one of its events may have caused."""

MOST_ENTRIES = 10
MOST_BYTES = 256 * 1024
"""What one ``PutEvents`` or ``SendMessageBatch`` request may carry, all entries together.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html"""

T = TypeVar("T")


class MessagesRefused(Exception):
    """SQS has not accepted all messages of a request."""


def _fifo_id(text: str) -> str:
    """Return an id that SQS accepts, up to 128 printable ASCII characters: the digest of a text.

    The ids of people and channels, of which such a text is made, are chosen by a team's own
    systems.
    """
    return hashlib.sha256(text.encode()).hexdigest()


def _attributes() -> dict[str, MessageAttributeValueTypeDef]:
    return {CORRELATION_ID: {"DataType": "String", "StringValue": log.correlation_id()}}


def batches(items: Iterable[T], size: Callable[[T], int]) -> Iterator[list[T]]:
    """Yield the items in order, as many at a time as one request may carry.

    size: the size of an item in bytes.
    """
    batch: list[T] = []
    for item in items:
        if batch and (len(batch) == MOST_ENTRIES or sum(map(size, [*batch, item])) > MOST_BYTES):
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch


def _entry(number: int, message: Broadcast) -> SendMessageBatchRequestEntryTypeDef:
    """Return a broadcast as an entry of ``SendMessageBatch``."""
    once = message.once or secrets.token_hex(16)
    return {
        "Id": str(number),
        "MessageBody": json.dumps(msgspec.structs.replace(message, once=once)),
        "MessageGroupId": _fifo_id(message.group),
        "MessageDeduplicationId": _fifo_id(once),
        "MessageAttributes": _attributes(),
    }


def _entry_size(entry: SendMessageBatchRequestEntryTypeDef) -> int:
    """Return the size of an entry in bytes, with room for its attributes."""
    return len(entry["MessageBody"].encode()) + 256


def _push_entry(number: int, message: Push) -> SendMessageBatchRequestEntryTypeDef:
    """Return a push as an entry of ``SendMessageBatch``."""
    return {
        "Id": str(number),
        "MessageBody": json.dumps(message),
        "DelaySeconds": message.after_seconds,
        "MessageAttributes": _attributes(),
    }


def _send(entries: list[SendMessageBatchRequestEntryTypeDef], queue_url: str) -> None:
    """Send messages to a queue, in order. Raises ``MessagesRefused``."""
    sqs = clients.client("sqs")
    if len(entries) == 1:  # the SDK tries a single message again, but not a part of a batch
        (alone,) = entries
        given: Any = {name: value for name, value in alone.items() if name != "Id"}
        sqs.send_message(QueueUrl=queue_url, **given)
        return
    for batch in batches(entries, _entry_size):
        failed = sqs.send_message_batch(QueueUrl=queue_url, Entries=batch).get("Failed")
        if failed:
            raise MessagesRefused(failed)


class AwsTasks:
    """Work for other functions, which receive the correlation id along with it."""

    def __init__(self, values: Settings) -> None:
        self._settings = values

    def open(self, connection_id: str) -> None:
        """Invoke the opener, which sends the opening of a connection."""
        self._invoke(self._settings.opener_function, {"connectionId": connection_id})

    def restore(self, connection_id: str, namespace: str) -> None:
        """Invoke the opener for a session that has come back."""
        session = {"connectionId": connection_id, "namespace": namespace}
        self._invoke(self._settings.opener_function, session)

    def handle_held(self, connection_id: str) -> None:
        """Invoke the function that handles packets, for the first ones of a client that polls."""
        held = {"connectionId": connection_id, "held": True}
        self._invoke(self._settings.socketio_function, held)

    def end_connection(
        self, connection_id: str, *, goodbye: bool = False, missed: Sequence[Missed] = ()
    ) -> None:
        """Invoke the disconnect function for a connection that is gone."""
        gone = {"connectionId": connection_id, "goodbye": goodbye, "missed": missed}
        self._invoke(self._settings.disconnect_function, gone)

    def finish_connection(self, connection_id: str) -> None:
        """Invoke the disconnect function for a connection that is leaving."""
        leaving = {"connectionId": connection_id, "leaving": True}
        self._invoke(self._settings.disconnect_function, leaving)

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
            self._start(self._settings.ring_state_machine_arn, call_id, call)
        except Exception:
            count(Metric.RING_TIMERS_FAILED)
            raise

    def watch_balance(self, *, call_id: str, person: str, seconds: int) -> None:
        """Start an execution of the balance timer, under the call's id.

        A Standard state machine runs no second execution of a name.
        """
        call = {"callId": call_id, "person": person, "seconds": seconds}
        try:
            self._start(self._settings.balance_state_machine_arn, call_id, call)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise

    def _start(self, timer: str, name: str, given: Mapping[str, object]) -> None:
        clients.client("stepfunctions").start_execution(
            stateMachineArn=timer,
            name=name,
            input=json.dumps({**given, CORRELATION_ID: log.correlation_id()}),
        )

    def broadcast(self, *messages: Broadcast) -> None:
        """Send broadcasts to their queue, in order.

        Raises ``MessagesRefused`` if SQS has not accepted all of them.
        """
        for url, some in (
            (self._settings.broadcast_queue_url, [one for one in messages if not one.is_large]),
            (self._settings.shards_queue_url, [one for one in messages if one.is_large]),
        ):
            _send([_entry(number, message) for number, message in enumerate(some)], url)

    def deadline(self, *, connection_id: str, namespace: str, sid: str, seconds: int) -> None:
        """Send a message to the queue of deadlines that arrives after ``seconds``."""
        self._later({"connectionId": connection_id, "namespace": namespace, "sid": sid}, seconds)

    def await_return(self, connection_id: str, seconds: int) -> None:
        """Send a message to the queue of deadlines that arrives after ``seconds``."""
        self._later({"connectionId": connection_id}, seconds)

    def postpone(self, name: str, payload: object, seconds: int) -> None:
        """Send a message to the queue of deadlines that arrives after ``seconds``."""
        self._later({"hook": name, "payload": payload}, seconds)

    def _later(self, deadline: Mapping[str, object], seconds: int) -> None:
        clients.client("sqs").send_message(
            QueueUrl=self._settings.deadlines_queue_url,
            MessageBody=json.dumps(deadline),
            DelaySeconds=seconds,
            MessageAttributes=_attributes(),
        )

    def publish(self, messages: Sequence[BusMessage]) -> list[RefusedMessage]:
        """Put events on the stack's bus, in order; return those that the bus has not accepted."""
        found = batches(messages, attrgetter("size"))
        return [refused for batch in found for refused in self._put(batch)]

    def _put(self, messages: list[BusMessage]) -> list[RefusedMessage]:
        """Put the events of one request on the bus; return those that it has not accepted.

        EventBridge may accept some events of a request and refuse others. Only refused events are
        sent again, unless they would be refused each time. If a request is refused as a whole for
        such a reason, each of its events is sent alone.
        https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
        """
        refused: list[RefusedMessage] = []
        lasting: list[RefusedMessage] = []
        left = messages
        for attempt in range(PUT_ATTEMPTS):
            time.sleep(PUT_PAUSE_SECONDS * attempt)
            found = self._try_to_put(left)
            if len(left) > 1 and len(found) == len(left) and found[0].reason in _OF_REQUEST:
                return lasting + [one for message in left for one in self._put([message])]
            lasting += [one for one in found if one.lasting]
            refused = [one for one in found if not one.lasting]
            left = [one.message for one in refused]
            if not left:
                break
        return lasting + refused

    def _try_to_put(self, messages: list[BusMessage]) -> list[RefusedMessage]:
        """Make one request, and return the events that the bus has not accepted."""
        entries = [self._bus_entry(message) for message in messages]
        try:
            answer = clients.client("events").put_events(Entries=entries)
        except (BotoCoreError, ClientError) as error:
            logger.exception("events not put on the bus")
            answered = error.response if isinstance(error, ClientError) else {}
            code = answered.get("Error", {}).get("Code", type(error).__name__)
            codes: list[str | None] = [code] * len(messages)
        else:
            codes = [
                None if "EventId" in entry else entry.get("ErrorCode", "")
                for entry in answer["Entries"]
            ]
        refused = [
            RefusedMessage(message, code, code in LASTING_REFUSALS)
            for message, code in zip(messages, codes, strict=True)
            if code is not None
        ]
        if refused:
            reasons = sorted({one.reason for one in refused})
            extra = {"count": len(refused), "reasons": reasons}
            logger.warning("events refused by the bus", extra=extra)
        return refused

    def _bus_entry(self, message: BusMessage) -> PutEventsRequestEntryTypeDef:
        entry: PutEventsRequestEntryTypeDef = {
            "Source": message.source,
            "DetailType": message.type,
            "Detail": message.data,
            "EventBusName": self._settings.event_bus,
            "Resources": [log.ON_THE_BUS + log.correlation_id()],
        }
        if message.at_ms is not None:
            entry["Time"] = datetime.fromtimestamp(message.at_ms / 1000, UTC)
        return entry

    def keep_unpublished(self, text: str) -> None:
        """Send a message to the dead letters of the publisher."""
        clients.client("sqs").send_message(
            QueueUrl=self._settings.unpublished_queue_url,
            MessageBody=text,
            MessageAttributes=_attributes(),
        )

    def push(self, *messages: Push) -> None:
        """Send pushes to their queue. Raises ``MessagesRefused`` if SQS has not accepted all."""
        entries = [_push_entry(number, message) for number, message in enumerate(messages)]
        _send(entries, self._settings.pushes_queue_url)

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
        client: SQSClient = clients.make("sqs", config)
        return client

    def _invoke(self, function: str, payload: Mapping[str, object]) -> None:
        clients.client("lambda").invoke(
            FunctionName=function,
            InvocationType="Event",
            Payload=json.dumps({**payload, CORRELATION_ID: log.correlation_id()}).encode(),
        )
