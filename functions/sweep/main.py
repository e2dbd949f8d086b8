"""Once a minute: who is still there, and what was left half done."""

from __future__ import annotations

import time
from functools import partial
from typing import NamedTuple

from functions.products import REGISTRY
from functions.sweep.due import look_after
from shared.aws.adapters import ports
from shared.aws.lambda_entry import Event, entry
from shared.aws.log import logger
from shared.pipeline.registry import Registry
from shared.pipeline.sweep import Sweep
from shared.ports import Ports
from shared.realtime.emitter import Emitter
from shared.settings import settings


class Part(NamedTuple):
    """One of several sweeps that share the shards."""

    number: int
    of: int


WHOLE = Part(0, 1)


class SweepFailed(Exception):
    """Something could not be done; what it was has been logged, and the rest is done."""


@entry
def handler(event: Event) -> None:
    """On a schedule, ``{"part": 0, "parts": 1}`` or nothing. What is left over, or has failed, is
    the next sweep's."""
    part = Part(event.get("part", 0), event.get("parts", 1))
    run(REGISTRY, ports(), settings().sweep_seconds, part)


def run(registry: Registry, ports: Ports, seconds: float, part: Part = WHOLE) -> None:
    """The products' share first, which is small and about people in calls, within half of the time
    and in the first part only; then the part's shards of connections. Raises ``SweepFailed`` at the
    end where anything failed."""
    begin, failures = time.monotonic(), list[str]()
    emit = Emitter(ports)
    products = Sweep(registry, ports, emit, begin + seconds / 2, failures)
    for hook in registry.sweep_hooks if part.number == 0 else ():
        products.attempt(hook.__qualname__, partial(hook, products))
    shards = range(part.number, settings().due_shards, part.of)
    found = look_after(Sweep(registry, ports, emit, begin + seconds, failures), shards)
    logger.info("swept", extra={"connections": dict(found), "failures": len(failures)})
    if failures:
        raise SweepFailed(f"{len(failures)} failed, the first: {failures[0]}")
