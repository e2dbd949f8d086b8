"""An event for many: it goes through a queue, so that sending costs the sender the same however
many there are."""

from __future__ import annotations

from typing import Any

import msgspec


class Broadcast(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A message of the queue.

    ``room``: the namespace itself for everybody in it. ``shard``: only those in this part of the
    room. ``group``: broadcasts of one group arrive in the order in which they were sent.
    ``skip_person``: somebody it is not for. ``once``: broadcasts
    of one group with the same are one, within SQS's five minutes. ``own_form``: the field of the
    payload that members who keep a form of their own are sent in that. ``by_ms``: it is not for
    those who joined later.
    """

    namespace: str
    room: str
    event: str
    payload: Any
    group: str
    skip_person: str | None = None
    once: str | None = None
    own_form: str | None = None
    by_ms: int | None = None
    shard: str | None = None
