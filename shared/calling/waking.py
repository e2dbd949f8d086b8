"""The pushes about a call: it rings, it no longer rings, it was missed.

A call rings by push while it rings and the person who is called has no connection. The device that
wakes connects, and finds the call on the person's row.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from shared.ids import decompose
from shared.ports import Push
from shared.settings import settings

RINGING, OVER, MISSED = "call.ringing", "call.over", "call.missed"
MISSED_STATUS = "MISSED"
"""The status of a call that was missed, in all products."""

LOOK = "call.look"
"""Not a push: the ring timer of a call that rings by push should have ended it by now."""

_BACK_SECONDS = 2
"""How long after its grace a lost connection may still be on its person's row."""

_OVER_SECONDS = 180
"""How long the end of a ring is pushed. A push whose process has died is delivered again sooner."""

_WAYS = {"AUDIO": "Audio call", "VIDEO": "Video call"}


class Ring(msgspec.Struct, frozen=True):
    """A call that rings, or has rung.

    row: the key of the row on which it rings.
    person: the key of the row of the person who is called.
    type: the type of the call.
    started_ms: when it began to ring, epoch ms.
    caller: what the callee's app knows of the caller: ``callerId`` and ``callerName``, perhaps
        ``callerProfile``.
    """

    id: str
    row: str
    person: str
    type: str
    started_ms: int
    caller: dict[str, str]


def rings(ring: Ring) -> list[Push]:
    """Return what is sent when a call begins to ring by push.

    Nobody else may see that its ring timer is lost: the sweep looks after people who are connected.
    """
    values = settings()
    until_ms = ring.started_ms + values.ring_timeout_seconds * 1000
    look_after = values.ring_timeout_seconds + values.ring_timer_grace_seconds
    return [
        _push(ring, RINGING, _WAYS.get(ring.type.upper(), "Call"), until_ms),
        _push(ring, LOOK, "", until_ms, after_seconds=look_after),
    ]


def ended(ring: Ring, how: str, now_ms: int, *, connected: bool) -> Iterator[Push]:
    """Yield the pushes about a call that no longer rings.

    The devices on which it rings stop. A person without a connection who has missed it learns that.

    how: ``ANSWERED``, or how the call has ended.
    connected: whether the row of the person has connections. They may be lost, so the push about a
        missed call waits until they would be off the row.
    """
    values, is_missed = settings(), how == MISSED_STATUS
    if values.ring_by_push and (connected or not is_missed):
        data = {"callId": ring.id, "reason": how}
        yield _push(ring, OVER, "", now_ms + _OVER_SECONDS * 1000, data=data)
    if is_missed:
        wait = values.reconnect_grace_seconds + _BACK_SECONDS if connected else 0
        until_ms = now_ms + values.push_kept_seconds * 1000
        yield _push(ring, MISSED, "Missed call", until_ms, after_seconds=wait)


def _push(
    ring: Ring,
    kind: str,
    body: str,
    until_ms: int,
    *,
    data: dict[str, str] | None = None,
    after_seconds: int = 0,
) -> Push:
    return Push(
        person_id=decompose(ring.person, 2)[1],
        kind=kind,
        about=ring.id,
        title=ring.caller["callerName"],
        body=body,
        data=data or {"callId": ring.id, "callType": ring.type, **ring.caller},
        until_ms=until_ms,
        row=ring.row,
        person=ring.person,
        after_seconds=after_seconds,
    )
