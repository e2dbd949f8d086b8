"""The ids of people, bookings, channels and messages, chosen by a team's own systems or by us, and
the keys that are made of them.

DynamoDB allows keys of at least 1,024 bytes.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""

from __future__ import annotations

from typing import Annotated

import msgspec

MOST_CHARACTERS = 128

SEPARATOR = "#"
"""What stands between the parts of a key."""

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_CHARACTERS)]


def is_id(text: str) -> bool:
    """Return whether the text is a valid id."""
    return 0 < len(text) <= MOST_CHARACTERS


def compose(*parts: str) -> str:
    """Return one key for several ids.

    Two lists of the same length make the same key only if they are equal, whatever characters the
    ids have. Keys that stand side by side have different first parts if they have different
    lengths: the first part says what the key is of. The last part is in the key as it is.
    """
    *before, last = parts
    escaped = [part.replace("%", "%25").replace(SEPARATOR, "%23") for part in before]
    return SEPARATOR.join([*escaped, last])


def decompose(key: str, length: int) -> tuple[str, ...]:
    """Return the ``length`` parts of which ``compose`` has made a key.

    Raises ``ValueError`` if the key has fewer parts.
    """
    *before, last = key.split(SEPARATOR, length - 1)
    if len(before) != length - 1:
        raise ValueError(f"a key of {length} parts: {key!r}")
    return (*(part.replace("%23", SEPARATOR).replace("%25", "%") for part in before), last)
