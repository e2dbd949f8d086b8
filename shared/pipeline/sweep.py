"""What happens once a minute: what the sweep hands to whoever looks after something."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from shared.aws.log import logger
from shared.pipeline.context import Background

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sweep(Background):
    """``until``: when to stop, on the monotonic clock; what is left over waits a minute.
    ``failures``: what could not be done, for the alarm."""

    until: float
    failures: list[str] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return time.monotonic() >= self.until

    @property
    def now(self) -> int:
        """Epoch seconds."""
        return self.now_ms // 1000

    def attempt(self, what: str, work: Callable[[], T]) -> T | None:
        """The result of ``work``, None when it failed: that is logged with ``what`` it was about
        and stops nobody else. From any thread."""
        try:
            return work()
        except Exception:  # noqa: BLE001 - whatever it is, the others come next
            logger.exception("sweep failed", extra={"about": what})
            self.failures.append(what)
            return None
