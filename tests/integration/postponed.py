"""Runs what handlers have put off, as the queue of deadlines does."""

from __future__ import annotations

import msgspec

from functions.products import REGISTRY
from shared.pipeline.context import Background
from shared.protocol import json
from tests.fakes import Fakes


def run_postponed(fakes: Fakes, *, times: int = 1) -> list[int]:
    """Run all that has been put off, each ``times`` times.

    Returns for how many seconds each was put off.
    """
    postponed = list(fakes.tasks.postponed)
    fakes.tasks.postponed.clear()
    for name, payload, _ in postponed * times:
        hook = REGISTRY.later_hooks[name]
        sent = msgspec.json.decode(json.dumps(payload), type=hook.payload)
        hook.handle(Background.on(REGISTRY, fakes.ports), sent)
    return [seconds for _, _, seconds in postponed]
