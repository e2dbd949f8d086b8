"""Lists in HTTP answers, a page at a time: ``?limit=`` and ``?cursor=``, newest rows first."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Generic, NamedTuple, TypeVar
from urllib.parse import quote, unquote

import msgspec

from shared.pipeline.http import HttpError
from shared.pipeline.routes import Parameter

DEFAULT_LIMIT = 20
"""How many rows a page has if the query has no ``limit``."""

MOST = 100
"""The most rows that a page may have."""

NOT_OURS = "cursor: not one of ours"

LONGEST_KEY = 1_000
"""The longest key in a cursor, in bytes. DynamoDB allows 1,024."""

HEX = "([2-6][0-9a-f]|7[0-9a-e])"
"""A character of a key in a cursor, as a regular expression. A key is percent-encoded, so that it
is ASCII, and then written as hexadecimal digits. So this describes the cursors that are taken."""

QUERY = {
    "limit": Parameter(
        f"How many at most: 1 to {MOST}, {DEFAULT_LIMIT} if left out",
        Annotated[int, msgspec.Meta(ge=1, le=MOST)],
    ),
    "cursor": Parameter(
        "`cursor` of the page before",
        Annotated[str, msgspec.Meta(pattern=f"^{HEX}+$")],
    ),
}
"""The ``query`` that a route of pages declares."""

Row = TypeVar("Row")


class Page(NamedTuple):
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
    return quote(key, safe=" #/").encode().hex()


def _key(text: str) -> str:
    if not re.fullmatch(f"{HEX}+", text):
        raise HttpError(400, NOT_OURS)
    key = unquote(bytes.fromhex(text).decode())
    if not 0 < len(key.encode()) <= LONGEST_KEY:
        raise HttpError(400, NOT_OURS)
    return key
