"""The ids of people, bookings, channels and messages, chosen by a team's own systems or by us.

Ids become part of keys, together with a prefix. DynamoDB allows keys of at least 1,024 bytes.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""

from __future__ import annotations

from typing import Annotated

import msgspec

MOST_CHARACTERS = 128

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_CHARACTERS)]


def is_id(text: str) -> bool:
    """Return whether the text is a valid id."""
    return 0 < len(text) <= MOST_CHARACTERS
