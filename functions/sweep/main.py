"""The sweep: once a minute, it finds connections that are gone, and finishes interrupted work."""

from __future__ import annotations

import time
from functools import partial

import msgspec

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


class Part(msgspec.Struct, frozen=True):
    """One of several sweeps that share the shards.

    number: this sweep's number, from 0.
    of: how many sweeps there are.
    """

    number: int
    of: int


WHOLE = Part(0, 1)


class SweepFailed(Exception):
    """Part of a sweep has failed. The failures have been logged, and the rest has been done."""


@entry
def handler(event: Event) -> None:
    """Run a sweep. The event is ``{"part": 0, "parts": 1}``, or empty if there is one part.

    The next sweep does what is left over or has failed.
    """
    part = Part(event.get("part", 0), event.get("parts", 1))
    run(REGISTRY, ports(), settings().sweep_seconds, part)


def run(registry: Registry, ports: Ports, seconds: float, part: Part = WHOLE) -> None:
    """Run the products' sweep hooks, then look after the connections of this part's shards.

    seconds: how long the sweep may take.

    The hooks run in the first part only, and have half of the time. They run first because their
    work is small and concerns persons in calls.

    Raises ``SweepFailed`` at the end if anything has failed.
    """
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
