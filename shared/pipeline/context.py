"""What a handler is given: who is asking, the ports, and ``emit``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.realtime.address import Address
from shared.realtime.emitter import Emitter

if TYPE_CHECKING:
    from shared.ports import Ports
    from shared.realtime.connections import Session


class Arrival(NamedTuple):
    """A frame as API Gateway received it. ``message_id`` is the same when the same frame is
    delivered again; ``ms``: epoch milliseconds, the order in which frames came."""

    connection_id: str
    message_id: str
    ms: int

    @property
    def id(self) -> str:
        """24 hex digits for what this frame brings about: they sort by arrival, and the same frame
        delivered twice has the same.

        API Gateway says no more of the order of frames than the millisecond: its ids of messages
        are opaque, and the frames of one connection carry no number. Within one the order is by
        digest, the same for everybody and for good.
        https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
        """
        source = f"{self.connection_id} {self.message_id}"
        return f"{self.ms:011x}{hashlib.sha256(source.encode()).hexdigest()[:13]}"

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Arrival:
        context = event["requestContext"]
        return cls(context["connectionId"], context["messageId"], context["requestTimeEpoch"])


@dataclass(frozen=True, slots=True)
class Background:
    """What there is to work with where nobody asks: after a connection has gone, when a timer
    fires."""

    ports: Ports
    emit: Emitter

    @classmethod
    def on(cls, ports: Ports) -> Background:
        return cls(ports, Emitter(ports))

    @property
    def now_ms(self) -> int:
        return self.ports.clock.now_ms()


@dataclass(frozen=True, slots=True)
class Context(Background):
    """``address`` is the asking session's. ``preloaded`` is what the event's ``preload`` read."""

    session: Session
    address: Address
    arrival: Arrival
    preloaded: Any = None
