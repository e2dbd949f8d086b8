"""What ids may be: of people, bookings, channels and messages, whoever makes them.

They become keys, of which DynamoDB takes 1,024 bytes at least, together with what stands before
them there.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""

from __future__ import annotations

from typing import Annotated

import msgspec

MOST_CHARACTERS = 128

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_CHARACTERS)]


def is_id(text: str) -> bool:
    return 0 < len(text) <= MOST_CHARACTERS
