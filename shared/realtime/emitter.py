"""Sends events to addresses."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from shared.aws.log import logger
from shared.aws.metrics import Metric, count
from shared.aws.parallel import together
from shared.ports import Missed
from shared.realtime import arguments, event_log
from shared.realtime.address import Address, Delivery, Wire, frame

if TYPE_CHECKING:
    from shared.ports import Ports, Post


class Delivered(NamedTuple):
    """What became of the posts of ``Emitter.tell``.

    reached: how many posts have reached their connection.
    missed: the connections with a post that has failed.
    """

    reached: int
    missed: tuple[str, ...]


class Sent(NamedTuple):
    """A delivery that is sent, and the event's offset, which is empty without recovery."""

    delivery: Delivery
    offset: str


class Prepared(NamedTuple):
    """Every connection with its frame, and the deliveries that these are of."""

    posts: list[Post]
    sent: list[Sent]


class Emitter:
    """Sends events to addresses, to all of them at the same time.

    logs_only: the id of a session whose events are logged only: it has come back, and receives them
        in their turn.

    If a post finds its connection gone, the emitter invokes the disconnect function, which runs all
    consequences, and keeps an event until the client comes back. The sender goes on, even if the
    disconnect function cannot be invoked.
    """

    def __init__(self, ports: Ports, *, logs_only: str = "") -> None:
        self._ports = ports
        self._logs_only = logs_only

    def __call__(self, *deliveries: Delivery) -> int:
        """Send events, and return how many connections they have reached.

        Raises the first error after all posts have been tried.
        """
        reached, failed = self._deliver(deliveries)
        return _or_raise(reached, failed)

    def tell(self, *deliveries: Delivery, but: Collection[str] = ()) -> Delivered:
        """Send the events of what has been decided.

        A post that fails is logged and not raised: the decision stands, and the other connections
        receive their events.

        but: sessions that receive none of them, each as ``Address.receiver``. They do not receive
            either what a lost connection of their person misses now.
        """
        reached, failed = self._deliver(deliveries, but)
        if failed:
            errors = {name: repr(error) for name, error in failed.items()}
            first = next(iter(failed.values()))
            logger.error("event not delivered", exc_info=first, extra={"connections": errors})
        return Delivered(reached, tuple(sorted(failed)))

    def prepare(self, *deliveries: Delivery) -> Prepared:
        """Return every connection with its frame, after the events are logged for recovery."""
        now_ms = self._ports.clock.now_ms()
        logged: dict[tuple[str, str], tuple[Address, str]] = {}
        posts: list[Post] = []
        sent: list[Sent] = []
        for delivery in deliveries:
            recovers = any(address.sid for address in delivery.addresses)
            offset = event_log.new_offset(now_ms) if recovers else ""
            sent.append(Sent(delivery, offset))
            for one, text in _frames(delivery, offset):
                address = self._in_turn(one)
                if address.sid:
                    log = event_log.of_session(address.sid), offset
                    if not address.away or log not in logged:
                        logged[log] = address, text
                if not address.away:
                    posts.append((address.connection_id, text))
        event_log.write(logged, now_ms)
        return Prepared(posts, sent)

    def post(self, connection_id: str, text: str) -> bool:
        """Send one frame as it is. Returns False if the connection is gone.

        Raises the error of the post, if there is one.
        """
        return self.post_all([(connection_id, text)]) == 1

    def answer(self, address: Address, text: str) -> None:
        """Send the frame of an acknowledgement. Raises the error of the post, if there is one.

        A session that has come back receives it in its turn: ``logs_only``.
        """
        address = self._in_turn(address)
        if address.away:
            now_ms = self._ports.clock.now_ms()
            log = event_log.of_session(address.sid), event_log.new_offset(now_ms)
            event_log.write({log: (address, text)}, now_ms)
        else:
            self.post(address.connection_id, text)

    def _in_turn(self, address: Address) -> Address:
        """Return an address, as that of a session that is away if its events are logged only."""
        waits = address.sid and address.sid == self._logs_only
        return address._replace(wire=Wire.AWAY) if waits else address

    def post_all(self, posts: Iterable[Post]) -> int:
        """Send frames as they are, and return how many connections they have reached.

        Raises the first error after all posts have been tried.
        """
        return _or_raise(*self.post_each(posts))

    def _deliver(
        self, deliveries: Sequence[Delivery], but: Collection[str] = ()
    ) -> tuple[int, dict[str, Exception]]:
        if but:
            deliveries = [one.without(but) for one in deliveries]
        return self.post_each(*self.prepare(*deliveries), but=but)

    def post_each(
        self,
        posts: Iterable[Post],
        sent: Sequence[Sent] = (),
        *,
        but: Iterable[str] = (),
        note_gone: Callable[[Iterable[str]], None] | None = None,
    ) -> tuple[int, dict[str, Exception]]:
        """Send frames as they are.

        Returns how many connections they have reached, and the errors of the posts that have
        failed, by connection.

        sent: the events in the frames, if a client that is gone may come back for them.
        but: as ``tell`` says.
        note_gone: is called with the connections that are gone, if there are any.
        """
        reached, gone, failed = 0, dict[str, int](), dict[str, Exception]()
        for (connection_id, _), there in self._ports.connections.post_all(posts):
            if isinstance(there, Exception):
                failed[connection_id] = there
            elif there:
                reached += 1
            else:
                gone[connection_id] = gone.get(connection_id, 0) + 1
        if gone:
            count(Metric.POSTS_GONE, sum(gone.values()))
            if note_gone:
                note_gone(gone)
            self._end_connections(gone, sent, but)
        return reached, failed

    def _end_connections(
        self, gone: Iterable[str], sent: Sequence[Sent], but: Iterable[str]
    ) -> None:
        now_ms = self._ports.clock.now_ms()
        new = [(one.delivery.id or event_log.new_offset(now_ms), one) for one in sent]
        to = {one.receiver for delivery, _ in sent for one in delivery.addresses}.union(but)
        try:
            together(
                partial(self._ports.tasks.end_connection, one, missed=list(_missed(one, new, to)))
                for one in gone
            )
        except Exception:  # noqa: BLE001 - not the sender's failure, and the sweep finds them
            logger.exception("connections that are gone not handed on")


def _or_raise(reached: int, failed: Mapping[str, Exception]) -> int:
    """Return how many connections have been reached, or raise the first error."""
    if failed:
        raise next(iter(failed.values()))
    return reached


def _missed(
    connection_id: str, sent: Iterable[tuple[str, Sent]], to: Iterable[str]
) -> Iterator[Missed]:
    """Yield the events that a connection should have received, and that are kept for its client.

    sent: all deliveries, each with an id.
    to: the sessions that do not receive them again, as ``Missed.to``.
    """
    for id_, (one, offset) in sent:
        for address in one.addresses if getattr(one.payload, "kept", True) else ():
            if address.connection_id == connection_id:
                yield Missed(
                    id_,
                    address.namespace,
                    one.event,
                    arguments.of(one.payload),
                    tuple(sorted(to)),
                    sid=address.sid,
                    offset=offset if address.sid else "",
                )


def _frames(delivery: Delivery, offset: str) -> Iterator[tuple[Address, str]]:
    """Yield every address with its frame.

    A frame is encoded once for all addresses that receive the same frame.
    """
    event, payload, addresses, _ = delivery
    texts: dict[tuple[str, str, bool], str] = {}
    for address in addresses:
        recovers = bool(address.sid)
        kind = address.namespace, address.wire, recovers
        if kind not in texts:
            texts[kind] = frame(address, event, payload, offset if recovers else "")
        yield address, texts[kind]
