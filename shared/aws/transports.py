"""The ``Connections`` port for both transports: WebSockets, and clients that poll."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from pynamodb.exceptions import UpdateError

from shared.aws import mailboxes
from shared.aws.gateway import PostFailed
from shared.aws.parallel import together
from shared.protocol.engineio import PacketType
from shared.settings import settings

if TYPE_CHECKING:
    from shared.ports import Clock, Connections, Post, Tasks


class Transports:
    """Sends WebSocket clients their frames, and puts those of clients that poll into mailboxes.

    A client that has upgraded after it had joined a namespace keeps the connection id that it had
    by then. Its mailbox says which WebSocket it has.
    """

    def __init__(self, gateway: Connections, tasks: Tasks, clock: Clock) -> None:
        self._gateway = gateway
        self._tasks = tasks
        self._clock = clock

    def post(self, connection_id: str, frame: str) -> bool:
        """Send a frame.

        Returns False if the connection is gone or not open yet. Raises ``PostFailed``.
        """
        if not mailboxes.polls(connection_id):
            return self._gateway.post(connection_id, frame)
        try:
            if mailboxes.put(connection_id, frame, self._clock.now_ms()):
                return True
        except UpdateError as error:  # throttled, or larger than an item may be
            raise PostFailed(f"no room in the mailbox of {connection_id}") from error
        box = mailboxes.get(connection_id)
        if box is None or box.closed:
            return False
        if box.moved_to:
            return self._gateway.post(box.moved_to, frame)
        if len(box.outbox) >= settings().mailbox_packets and self._is_there(box):
            raise PostFailed(f"the mailbox of {connection_id} is full")
        return False

    def post_all(self, posts: Iterable[Post]) -> Iterator[tuple[Post, bool | Exception]]:
        """Send many frames at the same time, in no order.

        Yields every post with what ``post`` would return, or with the exception it would raise.
        """
        polling: list[Post] = []
        yield from self._gateway.post_all(_websockets(posts, polling))
        yield from together(partial(self._try, post) for post in polling)

    def exists(self, connection_id: str) -> bool:
        """Return whether the connection is open. Raises ``PostFailed``."""
        if not mailboxes.polls(connection_id):
            return self._gateway.exists(connection_id)
        box = mailboxes.get(connection_id)
        if box is None or box.closed:
            return False
        return self._gateway.exists(box.moved_to) if box.moved_to else self._is_there(box)

    def close(self, connection_id: str) -> None:
        """Close the connection from the server's side. Idempotent. Raises ``PostFailed``.

        API Gateway invokes ``$disconnect`` for a WebSocket; here the same is done for a client that
        polls.
        """
        if not mailboxes.polls(connection_id):
            self._gateway.close(connection_id)
        elif mailboxes.close(connection_id, PacketType.CLOSE):
            self._tasks.end_connection(connection_id)
        else:
            box = mailboxes.get(connection_id)
            if box is not None and box.moved_to:
                self._gateway.close(box.moved_to)

    def _try(self, post: Post) -> tuple[Post, bool | Exception]:
        try:
            return post, self.post(*post)
        except Exception as error:  # noqa: BLE001 - handed to the caller
            return post, error

    def _is_there(self, box: mailboxes.Mailbox) -> bool:
        gone_at = box.polled_at + settings().polling_gone_seconds
        return self._clock.now_ms() // 1000 < gone_at


def _websockets(posts: Iterable[Post], polling: list[Post]) -> Iterator[Post]:
    """Yield the posts to WebSockets, and add the others to ``polling``."""
    for post in posts:
        if mailboxes.polls(post[0]):
            polling.append(post)
        else:
            yield post
