"""Lists a page at a time: ``?limit=`` and ``?cursor=``, newest first."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from aws_lambda_powertools.event_handler.exceptions import BadRequestError

from shared.ids import is_id

DEFAULT_LIMIT = 20
MOST = 100

Row = TypeVar("Row")


class Page(NamedTuple):
    """``before``: the key of the last row of the page before this one."""

    limit: int
    before: str | None


def read(query: Mapping[str, str]) -> Page:
    """Raises 400, naming the field."""
    text = query.get("limit") or str(DEFAULT_LIMIT)
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST):
        raise BadRequestError(f"limit: expected a number between 1 and {MOST}")
    return Page(int(text), _key(query["cursor"]) if query.get("cursor") else None)


def answer(
    page: Page,
    rows: Sequence[Row],
    *,
    key: Callable[[Row], str],
    show: Callable[[Row], dict[str, Any]],
) -> dict[str, Any]:
    """``{"items", "cursor"}`` of rows of which one more was read than the page holds."""
    shown = rows[: page.limit]
    more = len(rows) > page.limit
    return {
        "items": [show(row) for row in shown],
        "cursor": _cursor(key(shown[-1])) if more else None,
    }


def _cursor(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _key(cursor: str) -> str:
    try:
        key = base64.b64decode(cursor, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise BadRequestError("cursor: not one of ours") from error
    if not is_id(key):
        raise BadRequestError("cursor: not one of ours")
    return key
