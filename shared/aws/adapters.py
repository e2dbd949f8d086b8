"""The real ports: what ``shared/ports.py`` names, on AWS."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.aws import clients, log
from shared.aws.gateway import ManagedConnections
from shared.aws.log import CORRELATION_ID, logger
from shared.aws.metrics import Metric, count
from shared.pipeline import backend_events
from shared.ports import Broadcast, BusMessage, Ports
from shared.protocol import json
from shared.settings import Settings, settings

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef

BACKEND_SOURCE = "switchboard.backend"
PUT_ATTEMPTS = 4
PUT_PAUSE_SECONDS = 0.1


class SystemClock:
    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class RandomIds:
    def session_id(self) -> str:
        return secrets.token_urlsafe(15)


def _brief(seconds: float) -> Config:
    """For a request that has to be over soon, one way or the other: ``seconds``, and once again."""
    return clients.CONFIG.merge(
        Config(
            connect_timeout=seconds,
            read_timeout=seconds,
            retries={"mode": "standard", "total_max_attempts": 2},
        )
    )


def _fifo_id(text: str) -> str:
    """SQS takes 128 characters, printable and of ASCII; ids of people and channels are what a team
    makes them."""
    fits = re.fullmatch(r"[!-~]{1,128}", text)
    return text if fits else hashlib.sha256(text.encode()).hexdigest()


def _attributes() -> dict[str, MessageAttributeValueTypeDef]:
    return {CORRELATION_ID: {"DataType": "String", "StringValue": log.correlation_id()}}


class AwsTasks:
    """Everything that is handed on takes the correlation id along."""

    def __init__(self, values: Settings) -> None:
        self._settings = values

    def open(self, connection_id: str) -> None:
        self._invoke(self._settings.opener_function, {"connectionId": connection_id})

    def disconnect(self, connection_id: str) -> None:
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
        session = {
            "connectionId": connection_id,
            "namespace": namespace,
            "personId": person_id,
            "sid": sid,
            "close": close,
        }
        self._invoke(self._settings.disconnect_function, session)

    def finish(self, connection_id: str) -> None:
        ended = {"connectionId": connection_id, "ended": True}
        self._invoke(self._settings.disconnect_function, ended)

    def ring(self, *, call_id: str, person: str, seconds: int) -> None:
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
        once = message.once or secrets.token_hex(16)
        clients.client("sqs").send_message(
            QueueUrl=self._settings.broadcast_queue_url,
            MessageBody=json.dumps(msgspec.structs.replace(message, once=once)),
            MessageGroupId=_fifo_id(message.group),
            MessageDeduplicationId=_fifo_id(once),
            MessageAttributes=_attributes(),
        )

    def deadline(self, *, connection_id: str, namespace: str, sid: str, seconds: int) -> None:
        session = {"connectionId": connection_id, "namespace": namespace, "sid": sid}
        clients.client("sqs").send_message(
            QueueUrl=self._settings.deadlines_queue_url,
            MessageBody=json.dumps(session),
            DelaySeconds=seconds,
            MessageAttributes=_attributes(),
        )

    def publish(self, messages: Sequence[BusMessage]) -> int:
        return sum(self._put(batch) for batch in backend_events.batches(messages))

    def _put(self, messages: list[BusMessage]) -> int:
        """Put the events of one request on the bus. It takes some and refuses others, which are
        tried again: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
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
        self._livekit_rooms_queue.send_message(
            QueueUrl=self._settings.livekit_rooms_queue_url,
            MessageBody=json.dumps({"room": room}),
            MessageAttributes=_attributes(),
        )

    @cached_property
    def _livekit_rooms_queue(self) -> SQSClient:
        return clients.session().client(
            "sqs", config=_brief(self._settings.livekit_queue_timeout_seconds)
        )

    def _invoke(self, function: str, payload: Mapping[str, object]) -> None:
        clients.client("lambda").invoke(
            FunctionName=function,
            InvocationType="Event",
            Payload=json.dumps({**payload, CORRELATION_ID: log.correlation_id()}).encode(),
        )


class CachedSecret:
    """The stack's one secret, a JSON object of strings, fetched again after a while.

    A value changed in Secrets Manager is in use everywhere within ``secret_cache_seconds``. When it
    cannot be fetched again, or is no such object any more, the old one stays in use: only a process
    that never had any fails.
    """

    def __init__(self, values: Settings, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._settings = values
        self._monotonic = monotonic
        self._values: dict[str, str] = {}
        self._fresh_until = float("-inf")

    def get(self, name: str) -> str:
        if self._monotonic() >= self._fresh_until:
            self._refresh()
        return self._values.get(name, "")

    def _refresh(self) -> None:
        seconds = self._settings.secret_cache_seconds
        try:
            self._values = self._fetch()
        except Exception:
            if not self._values:
                raise
            logger.exception("secret not fetched, the old value stays in use")
            seconds = self._settings.secret_retry_seconds
        self._fresh_until = self._monotonic() + seconds

    def _fetch(self) -> dict[str, str]:
        answer: Any = self._client.get_secret_value(SecretId=self._settings.secret_arn)
        return msgspec.json.decode(answer["SecretString"], type=dict[str, str])

    @cached_property
    def _client(self) -> SecretsManagerClient:
        """Made for the first fetch. It gives up sooner than others: there is an old value, and
        somebody waits to be let in."""
        return clients.session().client(
            "secretsmanager", config=_brief(self._settings.secret_timeout_seconds)
        )


@cache
def ports() -> Ports:
    """The ports of this process; made on first use."""
    values = settings()
    return Ports(
        clock=SystemClock(),
        ids=RandomIds(),
        connections=ManagedConnections(values),
        tasks=AwsTasks(values),
        secrets=CachedSecret(values),
    )
