"""msgspec's text for a value of the wrong shape, taken apart: the one place that knows its form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

_MISSING = re.compile(r"Object missing required field `(?P<field>\w+)`")
_TOO_FEW = re.compile(r"Expected `array` of at least length \d+, got (?P<got>\d+)")
_PLACE = re.compile(r"\[(?P<number>\d+)\]")
_AT = " - at `$"


class WrongValue(NamedTuple):
    """What is wrong with a value.

    what: msgspec's words.
    path: where, as in ``tags[0].name``, empty for the whole value.
    missing: the name of the field that ``path`` lacks, None if another thing is wrong.
    """

    what: str
    path: str
    missing: str | None

    @property
    def field(self) -> str:
        """The path of the field that is wrong or missing."""
        return f"{self.path}.{self.missing or ''}".strip(".")

    def in_list(self, names: Sequence[str]) -> WrongValue:
        """Return the same with names in place of the numbers of a list's items."""
        if not self.path and (few := _TOO_FEW.fullmatch(self.what)):
            return self._replace(missing=names[int(few["got"])])
        if found := _PLACE.match(self.path):
            path = f"{names[int(found['number'])]}{self.path[found.end() :]}"
            return self._replace(path=path)
        return self


def read(error: msgspec.ValidationError) -> WrongValue:
    """Take the text of an error apart."""
    what, _, path = str(error).partition(_AT)
    missing = _MISSING.fullmatch(what)
    return WrongValue(what, path.strip(".`"), missing["field"] if missing else None)


def worded(what: str, field: str) -> ValueError:
    """Return what a struct's own check of a field raises, so that ``read`` finds the field."""
    return ValueError(f"{what}{_AT}.{field}`")
