"""What a handler is given: who is asking, the ports, and ``emit``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from shared.parallel import together
from shared.realtime.address import Address, Delivery, frame

if TYPE_CHECKING:
    from shared.ports import Ports
    from shared.realtime.connections import Session


class Emitter:
    """Sends events to addresses, all of them at once.

    A connection that turns out to be gone is handed to the disconnect function, which runs every
    consequence of it; the sender goes on.
    """

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def __call__(self, *deliveries: Delivery) -> int:
        """Returns how many connections were reached."""
        posts = [
            partial(self.post, address.connection_id, frame(address, event, payload))
            for event, payload, addresses in deliveries
            for address in addresses
        ]
        return sum(together(posts)) if posts else 0

    def post(self, connection_id: str, text: str) -> bool:
        """Send one frame as it is; whether the connection was there."""
        reached = self._ports.connections.post(connection_id, text)
        if not reached:
            self._ports.tasks.disconnect(connection_id)
        return reached


@dataclass(frozen=True, slots=True)
class Context:
    """``address`` is the asking session's. ``preloaded`` is what the event's ``preload`` read."""

    ports: Ports
    session: Session
    address: Address
    emit: Emitter
    preloaded: Any = None

    @property
    def now_ms(self) -> int:
        return self.ports.clock.now_ms()
