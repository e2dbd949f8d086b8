"""The Lambda function that deletes LiveKit rooms after their calls, so that no client stays there.

This is the only function that imports LiveKit's library. No client waits for it: a message in a
queue asks for each LiveKit room. If LiveKit does not delete the room, the message is tried again
later, with twice the delay each time, until the queue moves it to the dead-letter queue.
"""

from __future__ import annotations

import asyncio
from functools import cache

import msgspec
from livekit.api import DeleteRoomRequest, LiveKitAPI, ServerError, ServerErrorCode

from functions.calls import livekit
from functions.calls.livekit import LiveKit
from shared.aws import queues
from shared.aws.lambda_entry import Event, entry
from shared.aws.log import logger, of_message
from shared.aws.queues import Record
from shared.aws.secret import CachedSecret
from shared.settings import settings


class Room(msgspec.Struct, frozen=True):
    """The body of a message: the LiveKit room to delete."""

    room: str


@cache
def secret() -> CachedSecret:
    """Return the stack's secret, made on first use.

    The ports have it too, but they also import what sends to clients, with the models of the
    tables. That is a twelfth of this function's imports, which are the longest of all.
    """
    return CachedSecret(settings())


@entry
def handler(event: Event) -> dict[str, list[dict[str, str]]]:
    """Delete the LiveKit rooms of a batch of messages.

    Returns the messages that failed: the queue delivers only these again.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    try:
        server = livekit.configured(settings(), secret())
    except LookupError as error:
        logger.warning("rooms are not deleted: %s", error)
        return {"batchItemFailures": []}
    records: list[Record] = event["Records"]
    failed = asyncio.run(delete(server, records))
    values = settings()
    queues.postpone(failed, values.livekit_rooms_queue_url, values.livekit_retry_seconds)
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failed]}


async def delete(server: LiveKit, records: list[Record]) -> list[Record]:
    """Delete the LiveKit rooms of all records at once. Returns the records to try again."""
    # The library's own retries would outlast the function: the queue's are enough.
    async with LiveKitAPI(server.url, server.api_key, server.api_secret, failover=False) as api:
        done = await asyncio.gather(*(_delete(api, record) for record in records))
    return [record for record, is_done in zip(records, done, strict=True) if not is_done]


async def _delete(api: LiveKitAPI, record: Record) -> bool:
    """Delete a LiveKit room. Returns whether it is gone; also true if it never existed.

    A failure is logged.
    """
    try:
        room = msgspec.json.decode(record["body"], type=Room).room
        # The library's own timeout does not work: livekit-api 1.2 passes None to aiohttp for the
        # request, and None cancels the session's timeout.
        async with asyncio.timeout(settings().livekit_timeout_seconds):
            await api.room.delete_room(DeleteRoomRequest(room=room))
    except ServerError as error:
        if error.code == ServerErrorCode.NOT_FOUND:
            return True
        failure: Exception = error
    except Exception as error:  # noqa: BLE001 - reported for this message; the others continue
        failure = error
    else:
        return True
    tries = record["attributes"]["ApproximateReceiveCount"]
    logger.warning(
        "room not deleted, try %s: %s: %r",
        tries,
        record["body"],
        failure,
        extra={"correlation_id": of_message(record)},
    )
    return False
