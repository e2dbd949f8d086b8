"""The pause before something that others want too is tried again."""

from __future__ import annotations

import secrets
import time

_RANDOM = secrets.SystemRandom()
"""The system's: functions that start from one snapshot have one state of ``random``."""


def pause(attempt: int, *, first: float, longest: float) -> None:
    """Up to ``first`` seconds before the second attempt (``attempt`` is 1), twice as long each
    time. With jitter, so that those who met do not meet again."""
    time.sleep(_RANDOM.uniform(0, min(longest, first * 2 ** (attempt - 1))))
