"""What the hooks of ``Product.on_sweep`` receive, once a minute."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

import msgspec

from shared.aws.log import logger
from shared.aws.parallel import together
from shared.pipeline.context import Background
from shared.realtime.address import Address
from shared.settings import settings

T = TypeVar("T")


class Sweep(Background, frozen=True):
    """The background of a sweep, with the time that it may take.

    until: when to stop, on the monotonic clock, in seconds. What is left over waits for the next
        sweep, a minute later.
    failures: what could not be done, for the alarm.
    """

    until: float
    failures: list[str] = msgspec.field(default_factory=list)
    _replaced: Iterator[int] = msgspec.field(default_factory=itertools.count)

    @property
    def over(self) -> bool:
        """Whether the sweep's time is over."""
        return time.monotonic() >= self.until

    @property
    def now(self) -> int:
        """The time in epoch seconds."""
        return self.now_ms // 1000

    def may_replace(self) -> bool:
        """Return whether this sweep may close one more connection that is old, and count it."""
        return next(self._replaced) < settings().replacements_per_sweep

    def attempt(self, what: str, work: Callable[[], T]) -> T | None:
        """Do a piece of work, and return its result. Returns None if the work has failed.

        A failure is logged and does not stop the rest of the sweep. May be called from any thread.

        what: what the work is about, for the log and ``failures``.
        """
        try:
            return work()
        except Exception:  # noqa: BLE001 - whatever it is, the rest of the sweep goes on
            logger.exception("sweep failed", extra={"about": what})
            self.failures.append(what)
            return None

    def end_lost_connections(self, addresses: Iterable[Address]) -> None:
        """Hand the connections that API Gateway no longer has to the disconnect function.

        The clients receive nothing. For people in calls: ``$disconnect`` is best effort. If it is
        lost, a ping finds it out only after minutes. Until then, the other party of the call waits.
        """
        ids = sorted({one.connection_id for one in addresses if not one.away})
        together(partial(self._end_if_lost, one) for one in ids)

    def _end_if_lost(self, connection_id: str) -> None:
        def ask() -> None:
            if not self.ports.connections.exists(connection_id):
                self.ports.tasks.end_connection(connection_id)

        if not self.over:
            self.attempt(connection_id, ask)
