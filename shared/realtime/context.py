"""What a handler is given: who is asking, the ports, and ``emit``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.log import logger
from shared.metrics import Metric, count
from shared.parallel import together
from shared.realtime.address import Address, Delivery, frame

if TYPE_CHECKING:
    from shared.ports import Ports, Post
    from shared.realtime.connections import Session


class Emitter:
    """Sends events to addresses, all of them at once.

    A connection that turns out to be gone is handed to the disconnect function, which runs every
    consequence of it; the sender goes on, even where that function cannot be invoked.
    """

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def __call__(self, *deliveries: Delivery) -> int:
        """Returns how many connections were reached."""
        return self.post_all(post for delivery in deliveries for post in _posts(delivery))

    def post(self, connection_id: str, text: str) -> bool:
        """Send one frame as it is; whether the connection was there."""
        return self.post_all([(connection_id, text)]) == 1

    def post_all(self, posts: Iterable[Post]) -> int:
        """Send frames as they are; how many connections were there. Everyone has a turn, then the
        first error is raised, if any."""
        reached, gone, errors = 0, list[str](), list[Exception]()
        for (connection_id, _), there in self._ports.connections.post_all(posts):
            if isinstance(there, Exception):
                errors.append(there)
            elif there:
                reached += 1
            else:
                gone.append(connection_id)
        if gone:
            count(Metric.POSTS_GONE, len(gone))
            self._hand_on(gone)
        if errors:
            raise errors[0]
        return reached

    def _hand_on(self, gone: Iterable[str]) -> None:
        try:
            together(partial(self._ports.tasks.disconnect, one) for one in gone)
        except Exception:  # noqa: BLE001 - not the sender's failure, and the sweep finds them
            logger.exception("connections that are gone not handed on")


def _posts(delivery: Delivery) -> Iterator[Post]:
    """Every connection with its frame, which is encoded once for all that get the same."""
    event, payload, addresses = delivery
    texts: dict[tuple[str, str], str] = {}
    for address in addresses:
        kind = address.namespace, address.wire
        if kind not in texts:
            texts[kind] = frame(address, event, payload)
        yield address.connection_id, texts[kind]


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
