"""Lists in HTTP answers, a page at a time: ``?limit=`` and ``?cursor=``, newest rows first."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Generic, TypeVar

import msgspec

from shared.pipeline.http import HttpError
from shared.pipeline.routes import Parameter

DEFAULT_LIMIT = 20
"""How many rows a page has if the query has no ``limit``."""

MOST = 100
"""The most rows that a page may have."""

NOT_OURS = "cursor: not one of ours"

LONGEST = 2_000
"""The longest cursor. It is a key of at most 1,000 bytes; DynamoDB allows 1,024."""

_NEXT = "[89ab][0-9a-f]"
"""A byte of a character in UTF-8 that is not its first one, in hexadecimal digits."""

CHARACTER = (
    "("
    "[0-7][0-9a-f]"
    f"|(c[2-9a-f]|d[0-9a-f]){_NEXT}"
    f"|(e0[ab][0-9a-f]|e[1-9abcef]{_NEXT}|ed[89][0-9a-f]){_NEXT}"
    f"|(f0[9ab][0-9a-f]|f[1-3]{_NEXT}|f48[0-9a-f]){_NEXT}{_NEXT}"
    ")"
)
"""A character of a key in a cursor, as a regular expression. A cursor is a key's UTF-8 in
hexadecimal digits. So the documents describe exactly the cursors that are taken.
https://www.rfc-editor.org/rfc/rfc3629#section-4"""

KEY = f"^{CHARACTER}+$"

QUERY = {
    "limit": Parameter(
        f"How many at most: 1 to {MOST}, {DEFAULT_LIMIT} if left out",
        Annotated[int, msgspec.Meta(ge=1, le=MOST)],
    ),
    "cursor": Parameter(
        "`cursor` of the page before",
        Annotated[str, msgspec.Meta(max_length=LONGEST, pattern=KEY)],
    ),
}
"""The ``query`` that a route of pages declares."""

Row = TypeVar("Row")


class Page(msgspec.Struct, frozen=True):
    """The page that a client asks for.

    limit: the most rows that the page has.
    before: the key of the last row of the page before this one. None for the first page.
    """

    limit: int
    before: str | None

    @property
    def rows(self) -> int:
        """How many rows to read. One row more than the page holds shows that a page follows."""
        return self.limit + 1


class Items(msgspec.Struct, Generic[Row], frozen=True):
    """Base of answers with a page of items."""

    items: list[Row]
    cursor: Annotated[
        str | None,
        msgspec.Meta(description="The cursor of the next page, or null if this is the last page"),
    ]


def read(query: Mapping[str, str]) -> Page:
    """Return the page that a query asks for.

    Raises ``HttpError`` 400 with a text that names the wrong field.
    """
    text = query.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST):
        raise HttpError(400, f"limit: expected a number between 1 and {MOST}")
    return Page(int(text), _key(query["cursor"]) if "cursor" in query else None)


def cut(page: Page, rows: Sequence[Row], key: Callable[[Row], str]) -> tuple[list[Row], str | None]:
    """Return the rows of the page, and the cursor of the next page. It is None if no page follows.

    rows: ``page.rows`` rows, or all rows if there are fewer.
    key: returns a row's key.
    """
    held = list(rows[: page.limit])
    return held, cursor(key(held[-1])) if len(rows) > page.limit else None


def cursor(key: str) -> str:
    """Return the cursor of the page that begins after the row with this key."""
    return key.encode().hex()


def _key(text: str) -> str:
    if len(text) > LONGEST or not re.fullmatch(f"{CHARACTER}+", text):
        raise HttpError(400, NOT_OURS)
    return bytes.fromhex(text).decode()
