"""The real ports: the protocols of ``shared/ports.py``, implemented on AWS."""

from __future__ import annotations

import secrets
import time
from functools import cache

from shared.aws.gateway import ManagedConnections
from shared.aws.secret import CachedSecret
from shared.aws.tasks import AwsTasks
from shared.aws.transports import Transports
from shared.ports import Ports
from shared.settings import settings


class SystemClock:
    """The clock of the machine."""

    def now_ms(self) -> int:
        """Return the time in milliseconds since the Unix epoch."""
        return time.time_ns() // 1_000_000


class RandomIds:
    """Ids from the system's source of randomness."""

    def session_id(self) -> str:
        """Return 20 URL-safe characters that cannot be guessed."""
        return secrets.token_urlsafe(15)


@cache
def ports() -> Ports:
    """Return the ports of this process, made on first use."""
    values = settings()
    clock, tasks = SystemClock(), AwsTasks(values)
    return Ports(
        clock=clock,
        ids=RandomIds(),
        connections=Transports(ManagedConnections(values), tasks, clock),
        tasks=tasks,
        secrets=CachedSecret(values),
    )
