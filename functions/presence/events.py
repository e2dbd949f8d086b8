"""The events of presence."""

from __future__ import annotations

import msgspec

from shared.pipeline.payloads import Outbound


class TelecallerDetails(msgspec.Struct, frozen=True):
    id: str = msgspec.field(name="_id")
    name: str
    profile: str | None
    language: str | None
    about: str | None


class PresenceChanged(Outbound, frozen=True):
    """``presence``: ``ONLINE``, ``OFFLINE`` or ``ON_CALL``; details with ``ONLINE`` only."""

    event = "telecaller:presence-changed"
    telecaller_id: str
    presence: str
    telecaller: TelecallerDetails | None


class Counts(Outbound, frozen=True):
    """Distinct people, not connections. ``timestamp``: ISO 8601, UTC, milliseconds."""

    event = "presence:counts"
    online_users: int
    online_telecallers: int
    timestamp: str
