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
    by then. Its mailbox says which WebSocket it has, for good: a process asks once.
    """

    def __init__(self, gateway: Connections, tasks: Tasks, clock: Clock) -> None:
        self._gateway = gateway
        self._tasks = tasks
        self._clock = clock
        self._moved: dict[str, str] = {}

    def post(self, connection_id: str, frame: str) -> bool:
        """Send a frame.

        Returns False if the connection is gone or not open yet. Raises ``PostFailed``.
        """
        websocket = self._websocket(connection_id)
        if websocket:
            return self._gateway.post(websocket, frame)
        try:
            if mailboxes.put(connection_id, frame, self._clock.now_ms()):
                return True
        except UpdateError as error:  # throttled, or larger than an item may be
            raise PostFailed(f"no room in the mailbox of {connection_id}") from error
        box = mailboxes.get(connection_id)
        if box is None or box.over:
            return False
        if box.moved_to:
            mailboxes.remember(self._moved, connection_id, box.moved_to)
            return self._gateway.post(box.moved_to, frame)
        if len(box.outbox) >= settings().mailbox_packets and self._is_there(box):
            raise PostFailed(f"the mailbox of {connection_id} is full")
        return False

    def post_all(self, posts: Iterable[Post]) -> Iterator[tuple[Post, bool | Exception]]:
        """Send many frames at the same time, in no order.

        Yields every post with what ``post`` would return, or with the exception it would raise.
        """
        polling: list[Post] = []
        sent: dict[Post, Post] = {}
        for post, outcome in self._gateway.post_all(self._websockets(posts, polling, sent)):
            yield sent.get(post, post), outcome
        yield from together(partial(self._try, post) for post in polling)

    def exists(self, connection_id: str) -> bool:
        """Return whether the connection is open. Raises ``PostFailed``."""
        if not mailboxes.polls(connection_id):
            return self._gateway.exists(connection_id)
        box = mailboxes.get(connection_id)
        if box is None or box.over:
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

    def _websocket(self, connection_id: str) -> str | None:
        """Return the WebSocket of a connection, as far as it is known. Returns None for a client
        that polls."""
        if not mailboxes.polls(connection_id):
            return connection_id
        return self._moved.get(connection_id)

    def _websockets(
        self, posts: Iterable[Post], polling: list[Post], sent: dict[Post, Post]
    ) -> Iterator[Post]:
        """Yield the posts to WebSockets, and add the others to ``polling``.

        sent: for each post to a client that has upgraded late, by what is yielded, the post itself.
        """
        for post in posts:
            websocket = self._websocket(post[0])
            if websocket is None:
                polling.append(post)
                continue
            moved = (websocket, post[1])
            if websocket != post[0]:
                sent[moved] = post
            yield moved

    def _is_there(self, box: mailboxes.Mailbox) -> bool:
        gone_at = box.polled_at + settings().polling_gone_seconds
        return self._clock.now_ms() // 1000 < gone_at
