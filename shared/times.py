"""Times as text: as clients receive them, and as keys sort by them."""

from __future__ import annotations

from datetime import UTC, datetime

_DIGITS = 11
"""How many hex digits a time has in a key: enough until the year 2527."""


def iso(epoch_ms: float) -> str:
    """Return the UTC time as JavaScript's ``toISOString`` does: ``2026-01-19T10:30:00.000Z``."""
    moment = datetime.fromtimestamp(epoch_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def minute(epoch_ms: float) -> str:
    """Return the UTC minute: ``2026-01-19T10:30Z``."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%MZ")


def day(epoch_ms: float) -> str:
    """Return the UTC date: ``2026-01-19``."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).date().isoformat()


def sortable(epoch_ms: int) -> str:
    """Return the time as 11 hex digits, so that texts that begin with it sort by time."""
    return f"{epoch_ms:0{_DIGITS}x}"


def of_sortable(text: str) -> int:
    """Return the time with which ``sortable`` has begun a text, epoch ms."""
    return int(text[:_DIGITS], 16)
