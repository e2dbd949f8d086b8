"""The events about which users and telecallers are online."""

from __future__ import annotations

from typing import Annotated

import msgspec

from shared.pipeline.payloads import Outbound, one_of
from shared.settings import settings

WATCHERS = "telecallers"
"""The room of the connections that watch the telecallers."""


def audience() -> str:
    """Return the room in which users hear of the presence of telecallers: that of all, or that of
    those who watch."""
    return WATCHERS if settings().presence_audience == "watchers" else ""


class TelecallerDetails(msgspec.Struct, frozen=True):
    """A telecaller as users see them.

    ``_id``: the telecaller's account id.
    ``profile``, ``language``, ``about``: from the telecaller's account, or null.
    """

    id: str = msgspec.field(name="_id")
    name: str
    profile: str | None
    language: str | None
    about: str | None


class PresenceChanged(Outbound, frozen=True):
    """The new presence of a telecaller, for all users, or for those who watch.

    ``presence``: ``ONLINE``, ``OFFLINE`` or ``ON_CALL``.
    ``telecaller``: the details of the telecaller if ``presence`` is ``ONLINE``, else null.
    """

    event = "telecaller:presence-changed"
    telecaller_id: str
    presence: Annotated[str, one_of("ONLINE", "OFFLINE", "ON_CALL")]
    telecaller: TelecallerDetails | None


class Counts(Outbound, frozen=True):
    """How many people are online, for admins. Each person counts once, not each connection.

    ``timestamp``: ISO 8601, UTC, with milliseconds.
    """

    event = "presence:counts"
    online_users: int
    online_telecallers: int
    timestamp: str
