"""Times in the form in which clients receive them."""

from __future__ import annotations

from datetime import UTC, datetime


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
