"""The events of presence."""

from __future__ import annotations

import msgspec

from shared.pipeline.payloads import Outbound


class TelecallerDetails(msgspec.Struct, frozen=True):
    """What users see of a telecaller."""

    id: str = msgspec.field(name="_id")
    name: str
    profile: str | None
    language: str | None
    about: str | None


class PresenceChanged(Outbound, frozen=True):
    """A telecaller's presence has changed. ``presence`` is ``ONLINE``, ``OFFLINE`` or ``ON_CALL``;
    ``telecaller`` comes with ``ONLINE`` only."""

    event = "telecaller:presence-changed"
    telecaller_id: str
    presence: str
    telecaller: TelecallerDetails | None


class Counts(Outbound, frozen=True):
    """How many persons are online. A person with several connections counts once. ``timestamp`` is
    in ISO 8601, in UTC, with milliseconds."""

    event = "presence:counts"
    online_users: int
    online_telecallers: int
    timestamp: str
