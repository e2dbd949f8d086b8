"""The base classes of payloads: what clients send and receive, and what acknowledgements carry.

A payload is one argument of a Socket.IO event. A struct with ``array_like=True`` stands for several
arguments, one field for each::

    class Said(Inbound, frozen=True, array_like=True):
        text: str
        client_offset: str | None = None

    socket.emit("chat message", "hello", "offset-1", callback)

An argument that the client leaves out has the field's default; further arguments are ignored. In
native frames, ``data`` is the list of the arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import msgspec

from shared.ids import compose
from shared.ports import Broadcast, State
from shared.realtime import people
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
    "one_of",
    "takes_several",
]

GENERAL_ERROR = "error"
"""The event that carries an error, if no other event is declared for it."""


class AnyArguments:
    """The type of ``ANY_ARGUMENTS``."""


ANY_ARGUMENTS = AnyArguments()
"""Use it as the ``payload`` of an event: the handler receives the list of all arguments, unchecked.
"""


def takes_several(payload: Any) -> bool:
    """Return whether an event's declared payload stands for several arguments."""
    return payload is ANY_ARGUMENTS or are_several(payload)


class Inbound(msgspec.Struct, frozen=True, rename="camel"):
    """Base of payloads that clients send.

    Unknown fields are ignored, as Socket.IO apps expect. With ``array_like=True``, the fields are
    the event's arguments.
    """


def one_of(*choices: str) -> msgspec.Meta:
    """Return the metadata of a text that is sent and is one of these, for the documents.

    ``Annotated[str, one_of("AUDIO", "VIDEO")]``. What is sent is not checked.
    """
    return msgspec.Meta(extra_json_schema={"enum": list(choices)})


class Answer(msgspec.Struct, frozen=True, rename="camel"):
    """Base of what acknowledgements carry. The fields are written in camelCase.

    With ``array_like=True``, the fields are the arguments of the client's callback.
    """


class Outbound(msgspec.Struct, frozen=True, rename="camel"):
    """Base of payloads that clients receive. ``event`` is the name of the Socket.IO event.

    With ``array_like=True``, the fields are the event's arguments.

    ``kept`` says whether a client that is lost receives the event when it comes back. It is False
    for an event that a client which joins receives anyway, if it still holds.
    """

    event: ClassVar[str]
    kept: ClassVar[bool] = True

    def to(self, addresses: Iterable[Address]) -> Delivery:
        """Return the delivery of this event to some addresses, for ``context.emit``."""
        return Delivery(self.event, self, tuple(addresses))

    def to_everybody(self, namespace: str, *, group: str, once: str | None = None) -> Broadcast:
        """Return the broadcast to all sessions of a namespace with ``everybody``.

        group: what the broadcast is about. Broadcasts of one group arrive in order.
        once: two broadcasts of this event with the same ``once`` are one broadcast.
        """
        return self.to_room(namespace, "", group=group, once=once)

    def to_person(self, namespace: str, person_id: str, *, once: str) -> Broadcast:
        """Return the broadcast to all sessions of a person in a namespace.

        The broadcasts to a person arrive in order. ``Broadcast`` explains ``once``.
        """
        group = people.group(namespace, person_id)
        message = self.to_room(namespace, "", group=group, once=once)
        return msgspec.structs.replace(message, person=person_id)

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
        state: State | None = None,
    ) -> Broadcast:
        """Return the broadcast to a room of a namespace. ``Broadcast`` explains the fields."""
        once = once and compose(self.event, once)
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
            state=state,
        )


class Posted(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Base of backend events that are passed on to clients.

    The fields are those that an event must have. ``posted`` has all fields that it came with.
    """

    posted: dict[str, Any] = msgspec.field(default_factory=dict, name="")


Sent = type[Outbound] | type[Posted]
"""The type of an event that clients receive."""


class Error(Outbound, frozen=True):
    """The payload of ``error`` and ``call:error``."""

    event = GENERAL_ERROR
    message: str
