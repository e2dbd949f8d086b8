"""Deletes LiveKit's rooms after their calls, so that nobody stays in one.

The only function that imports LiveKit's library. Nobody waits for it: a room is a message of a
queue, and one that LiveKit does not delete now is tried again later, twice as late each time, until
the queue moves it to its dead letters.
"""

from __future__ import annotations

import asyncio

import msgspec
from livekit.api import DeleteRoomRequest, LiveKitAPI, ServerError, ServerErrorCode

from functions.calls import livekit
from functions.calls.livekit import LiveKit
from shared.aws import queues
from shared.aws.adapters import ports
from shared.aws.lambda_entry import Event, entry
from shared.aws.log import logger, of_message
from shared.aws.queues import Record
from shared.settings import settings


class Room(msgspec.Struct, frozen=True):
    """The body of a message."""

    room: str


@entry
def handler(event: Event) -> dict[str, list[dict[str, str]]]:
    """A batch of the queue; what fails is handed in again, alone.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    try:
        server = livekit.configured(settings(), ports().secrets)
    except LookupError as error:
        logger.warning("rooms are not deleted: %s", error)
        return {"batchItemFailures": []}
    records: list[Record] = event["Records"]
    failed = asyncio.run(delete(server, records))
    values = settings()
    queues.postpone(failed, values.livekit_rooms_queue_url, values.livekit_retry_seconds)
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failed]}


async def delete(server: LiveKit, records: list[Record]) -> list[Record]:
    """Delete the rooms of all records at once; those that are to be tried again."""
    # The library's own retries would outlast the function: the queue's are enough.
    async with LiveKitAPI(server.url, server.api_key, server.api_secret, failover=False) as api:
        done = await asyncio.gather(*(_delete(api, record) for record in records))
    return [record for record, is_done in zip(records, done, strict=True) if not is_done]


async def _delete(api: LiveKitAPI, record: Record) -> bool:
    """Whether the room is gone now; one that was never there is. What went wrong is logged."""
    try:
        room = msgspec.json.decode(record["body"], type=Room).room
        # Not the library's timeout: livekit-api 1.2 hands aiohttp None for the request, which lifts
        # the session's.
        async with asyncio.timeout(settings().livekit_timeout_seconds):
            await api.room.delete_room(DeleteRoomRequest(room=room))
    except ServerError as error:
        if error.code == ServerErrorCode.NOT_FOUND:
            return True
        failure: Exception = error
    except Exception as error:  # noqa: BLE001 - reported for this message, the others go on
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
