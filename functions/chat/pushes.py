"""What is pushed to people of chat who are not there.

The messages are read from the stream of their table: a message that is stored is pushed, even if
the process that stored it has died, and no client waits for it. What concerns a call is pushed by
the process that announces it, after its events: the call's mark stays until then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from functions.chat import channel_rows
from functions.chat.call_rows import ChatCall, Party
from functions.chat.history import Message
from functions.chat.namespaces import CHAT
from shared.aws import streams
from shared.aws.adapters import ports
from shared.aws.log import logger
from shared.aws.streams import Row
from shared.aws.tables import batches
from shared.calling import ring, waking
from shared.calling.waking import Ring
from shared.pipeline.context import Background
from shared.ports import Push
from shared.realtime import people
from shared.realtime.people import Person
from shared.settings import settings

KIND = "chat.message"
_MOST_CHARACTERS = 200
"""How much of a text is pushed. Apple and Google take 4 KB."""


def follow(records: Iterable[dict[str, Any]]) -> None:
    """Push the messages of a batch of the stream, if the stack pushes.

    Idempotent: the function that pushes knows what it has pushed.
    """

    def pushes(_: Row, after: Row) -> Iterable[Push]:
        return of_message(Message.from_raw_data(dict(after))) if after else ()

    streams.push(records, "messages", pushes, ports().tasks.push)


def of_message(message: Message) -> Iterator[Push]:
    """Yield a push for each member of a private channel who has devices and no connection.

    A public channel has no members who are not there.
    """
    channel = channel_rows.channel(message.channel)
    if channel is None or not channel.private:
        return
    others = sorted(set(channel.members or ()) - {message.user_id})
    for keys in batches(people.key(CHAT.path, one) for one in others):
        for person in Person.batch_get(keys):
            if person.devices and not person.online:
                yield _push(message, person.person_id)


def ring_of(call: ChatCall) -> Ring:
    """Return what is pushed of a call."""
    name = call.caller_name or call.caller_id
    return Ring(
        id=call.id,
        row=ring.row_of_call(call.id),
        person=people.key(CHAT.path, call.callee_id),
        type=call.type.upper(),
        started_ms=int(call.started_at),
        caller={"callerId": call.caller_id, "callerName": name[:_MOST_CHARACTERS]},
    )


def send(background: Background, *pushes: Push) -> bool:
    """Push what concerns a call; try it twice. Returns whether that has succeeded.

    A failure is logged and not raised: a push that fails fails nothing else.
    """
    for _ in range(2):
        try:
            background.ports.tasks.push(*pushes)
        except Exception:  # noqa: BLE001 - whatever it is, the call goes on
            logger.exception("not pushed")
        else:
            return True
    return False


def over(background: Background, call: ChatCall, callee: Party, how: str) -> bool:
    """Push that a call no longer rings, to the devices of a callee who has some.

    how: ``ANSWERED``, or the last status of the call.

    Returns False if it could not be pushed, and should be later.
    """
    if not callee.devices or not settings().platform_applications:
        return True
    connected = bool(callee.members)
    found = list(waking.ended(ring_of(call), how, background.now_ms, connected=connected))
    return not found or send(background, *found)


def _push(message: Message, person_id: str) -> Push:
    data = {
        "channelId": str(channel_rows.channel_id_of(message.form)),
        "messageId": message.message_id,
        "messageType": message.type,
        "userId": message.user_id,
    }
    return Push(
        person_id=person_id,
        kind=KIND,
        about=message.message_id,
        title=message.user_name[:_MOST_CHARACTERS],
        body=message.text[:_MOST_CHARACTERS],
        data=data,
        until_ms=int(message.sent_at) + settings().push_kept_seconds * 1000,
    )
