"""What a handler is given: the stack it runs in, and for a client's event who sent it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.realtime.address import Address
from shared.realtime.emitter import Emitter

if TYPE_CHECKING:
    from shared.pipeline.registry import Registry
    from shared.ports import Ports
    from shared.realtime.connections import Session


class Arrival(NamedTuple):
    """A frame as API Gateway received it.

    message_id: the id of the frame; a frame that is delivered twice has the same id both times.
    ms: when API Gateway received the frame, epoch milliseconds. Frames are ordered by it.
    """

    connection_id: str
    message_id: str
    ms: int

    @property
    def id(self) -> str:
        """Return 24 hex digits for what the frame creates.

        The ids sort by arrival, and a frame that is delivered twice has the same id both times. API
        Gateway tells the order of frames by the millisecond only: its message ids are opaque, and
        the frames of one connection carry no number. Frames of the same millisecond are ordered by
        digest, the same for every reader and for good.
        https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
        """
        source = f"{self.connection_id} {self.message_id}"
        return f"{self.ms:011x}{hashlib.sha256(source.encode()).hexdigest()[:13]}"

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Arrival:
        """Read the arrival from the event of a WebSocket route."""
        context = event["requestContext"]
        return cls(context["connectionId"], context["messageId"], context["requestTimeEpoch"])


@dataclass(frozen=True, slots=True)
class Background:
    """What code works with when no client waits for it: after a connection has gone, when a timer
    fires, when a backend reports an event."""

    registry: Registry
    ports: Ports
    emit: Emitter

    @classmethod
    def on(cls, registry: Registry, ports: Ports) -> Background:
        """Make the background of one invocation."""
        return cls(registry, ports, Emitter(ports))

    @property
    def now_ms(self) -> int:
        """Epoch milliseconds."""
        return self.ports.clock.now_ms()


@dataclass(frozen=True, slots=True)
class Context(Background):
    """What the handler of a client's event works with.

    session: who sent the event.
    address: the session's address.
    arrival: the frame that carried the event.
    preloaded: what the event's ``preload`` read, or None.
    """

    session: Session
    address: Address
    arrival: Arrival
    preloaded: Any = None
