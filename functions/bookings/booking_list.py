"""The bookings of a customer or a partner, newest first.

Two indexes have only the keys of the bookings, so that a change of a booking's status costs nothing
there. The bookings themselves are read by their keys.
"""

from __future__ import annotations

from itertools import islice
from typing import Annotated, NamedTuple

import msgspec

from functions.bookings.namespaces import CUSTOMER
from functions.bookings.rows import Booking
from shared.ids import MOST_CHARACTERS, is_id
from shared.pipeline import paging
from shared.pipeline.routes import Parameter

_DIGITS = 15
"""The most digits of a time in epoch milliseconds."""


CURSOR = Parameter(
    paging.QUERY["cursor"].about,
    Annotated[
        str,
        msgspec.Meta(
            pattern=f"^(3[0-9]){{1,{_DIGITS}}}20{paging.CHARACTER}{{1,{MOST_CHARACTERS}}}$"
        ),
    ],
)
"""The parameter with a cursor: the digits of a time, a space and an id, in hexadecimal digits."""


class Key(NamedTuple):
    """Where a booking is in a list.

    created_at: when it was created, epoch milliseconds.
    """

    created_at: int
    booking_id: str

    @classmethod
    def of(cls, text: str) -> Key | None:
        """Read a key from its ``text``. Returns None if it is no such text."""
        created_at, _, booking_id = text.partition(" ")
        is_time = created_at.isascii() and created_at.isdigit() and len(created_at) <= _DIGITS
        return cls(int(created_at), booking_id) if is_time and is_id(booking_id) else None

    @property
    def text(self) -> str:
        """The key as a text, for a cursor."""
        return f"{self.created_at} {self.booking_id}"


def keys(namespace: str, person_id: str, limit: int, before: Key | None) -> list[Key]:
    """Return the keys of the bookings of a person, newest first.

    They are read through an index, which may be some milliseconds behind.

    namespace: ``/customer`` or ``/partner``: the side on which the person is.
    limit: the most keys to return.
    before: only bookings after this one in the list are returned. With None, all are.
    """
    of_customer = namespace == CUSTOMER.path
    owner = "customerId" if of_customer else "partnerId"
    index = Booking.by_customer if of_customer else Booking.by_partner
    start = before and {
        owner: {"S": person_id},
        "createdAt": {"N": str(before.created_at)},
        "bookingId": {"S": before.booking_id},
    }
    rows = index.query(person_id, scan_index_forward=False, limit=limit, last_evaluated_key=start)
    return [Key(int(row.created_at), row.booking_id) for row in islice(rows, limit)]


def bookings(namespace: str, person_id: str, some: list[Key]) -> dict[Key, Booking]:
    """Return the bookings with these keys that the person has now, by key."""
    rows = {row.booking_id: row for row in Booking.batch_get([key.booking_id for key in some])}
    return {
        key: rows[key.booking_id]
        for key in some
        if key.booking_id in rows and rows[key.booking_id].is_party(namespace, person_id)
    }
