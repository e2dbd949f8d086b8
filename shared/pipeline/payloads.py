"""The bases of what travels: what clients send, what they receive, what acknowledgements carry."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import msgspec

from shared.ports import Broadcast
from shared.realtime.address import Address, Delivery

GENERAL_ERROR = "error"


class Inbound(msgspec.Struct, frozen=True, rename="camel"):
    """Base of payloads that clients send; unknown fields are ignored, as Socket.IO apps expect."""


class Answer(msgspec.Struct, frozen=True, rename="camel"):
    """Base of what acknowledgements carry: fields are written in camelCase."""


class Outbound(msgspec.Struct, frozen=True, rename="camel"):
    """Base of payloads that clients receive. ``event`` is the Socket.IO event name."""

    event: ClassVar[str]

    def to(self, addresses: Iterable[Address]) -> Delivery:
        return Delivery(self.event, self, tuple(addresses))

    def to_everybody(self, namespace: str, *, group: str, once: str | None = None) -> Broadcast:
        """``group``: what it is about; broadcasts about the same arrive in order. ``once``: what
        makes two of this event the same."""
        return self.to_room(namespace, namespace, group=group, once=once)

    def to_room(
        self,
        namespace: str,
        room: str,
        *,
        group: str,
        skip_person: str | None = None,
        once: str | None = None,
        own_form: str | None = None,
        by_ms: int | None = None,
    ) -> Broadcast:
        once = once and f"{self.event}#{once}"
        return Broadcast(
            namespace=namespace,
            room=room,
            event=self.event,
            payload=self,
            group=group,
            skip_person=skip_person,
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
