"""The bases of what travels: what clients send, what they receive, what acknowledgements carry.

A payload is one argument of a Socket.IO event. A struct with ``array_like=True`` is several, a
field for each::

    class Said(Inbound, frozen=True, array_like=True):
        text: str
        client_offset: str | None = None

    socket.emit("chat message", "hello", "offset-1", callback)

Arguments that a client leaves out have their defaults; further ones are ignored. In native frames,
``data`` is the list of the arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import msgspec

from shared.ports import Broadcast
from shared.realtime.address import Address, Delivery
from shared.realtime.arguments import Arguments, are_several

__all__ = [
    "ANY_ARGUMENTS",
    "GENERAL_ERROR",
    "Answer",
    "Arguments",
    "Error",
    "Inbound",
    "Outbound",
    "Posted",
    "Sent",
    "are_several",
    "takes_several",
]

GENERAL_ERROR = "error"


class AnyArguments:
    """The type of ``ANY_ARGUMENTS``."""


ANY_ARGUMENTS = AnyArguments()
"""As the ``payload`` of an event: its handler is given the list of all arguments, unchecked."""


def takes_several(payload: Any) -> bool:
    """Return whether the payload that an event declares stands for several arguments."""
    return payload is ANY_ARGUMENTS or are_several(payload)


class Inbound(msgspec.Struct, frozen=True, rename="camel"):
    """Base of payloads that clients send; unknown fields are ignored, as Socket.IO apps expect.

    With ``array_like=True``, the fields are the event's arguments."""


class Answer(msgspec.Struct, frozen=True, rename="camel"):
    """Base of what acknowledgements carry: fields are written in camelCase. With
    ``array_like=True``, the fields are the arguments of the client's callback."""


class Outbound(msgspec.Struct, frozen=True, rename="camel"):
    """Base of payloads that clients receive. ``event`` is the Socket.IO event name.

    With ``array_like=True``, the fields are the event's arguments."""

    event: ClassVar[str]

    def to(self, addresses: Iterable[Address]) -> Delivery:
        return Delivery(self.event, self, tuple(addresses))

    def to_everybody(self, namespace: str, *, group: str, once: str | None = None) -> Broadcast:
        """Return the broadcast to all sessions of a namespace with ``everybody``.

        group: what it is about; broadcasts about the same arrive in order.
        once: what makes two of this event the same.
        """
        return self.to_room(namespace, "", group=group, once=once)

    def to_room(
        self,
        namespace: str,
        room: str,
        *,
        group: str,
        skip_person: str | None = None,
        skip_connections: Sequence[str] = (),
        skip_rooms: Sequence[str] = (),
        once: str | None = None,
        own_form: str | None = None,
        by_ms: int | None = None,
    ) -> Broadcast:
        """Return the broadcast to a room of a namespace; see ``Broadcast`` for what is what."""
        once = once and f"{self.event}#{once}"
        return Broadcast(
            namespace=namespace,
            room=room,
            event=self.event,
            payload=self,
            several=are_several(type(self)),
            group=group,
            skip_person=skip_person,
            skip_connections=tuple(skip_connections),
            skip_rooms=tuple(skip_rooms),
            once=once,
            own_form=own_form,
            by_ms=by_ms,
        )


class Posted(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Base of backend events that are passed on: the fields say what they must have, ``posted`` is
    all of what they have."""

    posted: dict[str, Any] = msgspec.field(default_factory=dict, name="")


Sent = type[Outbound] | type[Posted]


class Error(Outbound, frozen=True):
    """The payload of ``error`` and ``call:error``."""

    event = GENERAL_ERROR
    message: str
