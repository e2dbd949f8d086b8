"""All scenarios, by name."""

from __future__ import annotations

from tests.simulation import bookings, calls, chat, console, polls, visits, waking
from tests.simulation.stage import SCENARIOS

__all__ = ["SCENARIOS", "bookings", "calls", "chat", "console", "polls", "visits", "waking"]
