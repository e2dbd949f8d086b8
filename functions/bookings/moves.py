"""Transitions of bookings: to be made, made, and not announced yet."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from functions.bookings.rows import Booking
from functions.bookings.state import Status, Trigger
from shared.protocol import json


class Move(NamedTuple):
    """A transition to make. Times are epoch milliseconds.

    at_ms: now.
    by: the id of the frame or report that asks for it; if it is empty, ``move`` makes a unique one.
    partner_id: the partner of an assignment; None for any other transition.
    happened_at_ms: when the backend says that it happened; None if the backend did not report it.
    attempt: as in ``Booking.moved_in``. ``move`` makes it.
    """

    trigger: Trigger
    status: Status
    at_ms: int
    by: str = ""
    partner_id: str | None = None
    reason: str | None = None
    happened_at_ms: int | None = None
    attempt: str = ""


class Unannounced(NamedTuple):
    """A transition whose events may not have been sent.

    before, partner_before: the booking's status and partner before it.
    only: the connections that have missed the events, if the others have received them; empty if it
        is not known who has received them.
    """

    move: Move
    before: Status
    partner_before: str | None = None
    only: tuple[str, ...] = ()

    @classmethod
    def of(cls, text: str) -> Unannounced:
        """Read it from its ``text``."""
        return msgspec.json.decode(text, type=cls)

    @property
    def text(self) -> str:
        """The transition as JSON, as the booking's row has it."""
        return json.dumps(self)


class Moved(msgspec.Struct, frozen=True):
    """A transition that has been made.

    booking: the booking as it was before.
    left_to_another: whether the process that announces an earlier transition announces this one.
    overdue: earlier transitions whose process has ended before it has announced them.
    """

    booking: Booking
    move: Move
    left_to_another: bool = False
    overdue: tuple[Unannounced, ...] = ()

    @property
    def unannounced(self) -> Unannounced:
        """The record that its events may not have been sent."""
        return Unannounced(self.move, self.booking.state, self.booking.partner_id)


def unannounced(booking: Booking) -> list[Unannounced]:
    """Return the transitions whose events may not have been sent, in the order they were made."""
    recorded = map(Unannounced.of, booking.unannounced or ())
    order = {by: number for number, by in enumerate(booking.moved_by)}
    return sorted(recorded, key=lambda one: (order.get(one.move.by, -1), one.move.at_ms))
