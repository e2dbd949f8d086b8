"""Python's garbage collector in a function's process: it rests until the first event.

While a process imports its modules, it makes hundreds of thousands of objects and no garbage worth
collecting. Looking for it took a twelfth of a cold start.
"""

from __future__ import annotations

import gc

USUAL = gc.get_threshold()

ALLOCATIONS = 1_000_000
"""After how many new objects the collector runs before the first event: more than a function
imports. A process that imports functions and never handles an event has a collector, too."""


def postpone() -> None:
    """Let the collector rest until the first event. Call this before the other imports."""
    gc.set_threshold(ALLOCATIONS)


def resume() -> None:
    """Let the collector run as usual, from the first event on; later calls do nothing.

    It never looks at what has been imported, because that stays for the life of the process. A
    process that has chosen its own threshold after the imports keeps it.
    """
    if gc.get_threshold()[0] == ALLOCATIONS:
        gc.freeze()
        gc.set_threshold(*USUAL)
