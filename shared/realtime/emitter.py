"""Sends events to addresses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from shared.aws.log import logger
from shared.aws.metrics import Metric, count
from shared.aws.parallel import together
from shared.realtime.address import Delivery, frame

if TYPE_CHECKING:
    from shared.ports import Ports, Post


class Emitter:
    """Sends events to addresses, all of them at once.

    A connection that turns out to be gone is handed to the disconnect function, which runs every
    consequence of it; the sender goes on, even if that function cannot be invoked.
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
            together(partial(self._ports.tasks.end_connection, one) for one in gone)
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
