"""How often a telecaller's presence is announced: at most once in ``told_every_ms``.

The records of a telecaller come in order, and to one process at a time. So it is enough that the
process remembers when it has announced a telecaller. What comes while it waits is in the next
batch, of which only the last state is announced.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from shared.settings import settings


class Intervals:
    """When this process has announced telecallers in the last moment."""

    def __init__(self) -> None:
        self._at_ms: dict[str, int] = {}

    def keep(self, ids: Collection[str], now_ms: int, announce: Callable[[str], None]) -> None:
        """Announce telecallers: at once those whose time has come, and then, after a wait, the
        others."""
        every_ms = settings().told_every_ms
        recent = {one: at for one, at in self._at_ms.items() if now_ms - every_ms < at <= now_ms}
        self._at_ms = recent | dict.fromkeys(ids, now_ms)
        for one in ids:
            if one not in recent:
                announce(one)
        late = [one for one in ids if one in recent]
        if not late:
            return
        wait_ms = max(recent[one] for one in late) + every_ms - now_ms
        time.sleep(wait_ms / 1000)
        self._at_ms.update(dict.fromkeys(late, now_ms + wait_ms))
        for one in late:
            announce(one)

    def forget(self) -> None:
        """Forget all, as a process that has just started."""
        self._at_ms.clear()
