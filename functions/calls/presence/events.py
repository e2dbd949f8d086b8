"""The events about which users and telecallers are online."""

from __future__ import annotations

from typing import Annotated

import msgspec

from shared.pipeline.payloads import Outbound, one_of


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
    """The new presence of a telecaller, for all users.

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
