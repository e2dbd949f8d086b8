"""Takes apart msgspec's text for a wrong value. Only this module knows the form of that text."""

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

    what: the error in msgspec's words.
    path: the place of the error, for example ``tags[0].name``. Empty for the whole value.
    missing: the name of the field that is missing at ``path``. None if no field is missing.
    """

    what: str
    path: str
    missing: str | None

    @property
    def field(self) -> str:
        """The path of the field that is wrong or missing."""
        return f"{self.path}.{self.missing or ''}".strip(".")

    def in_list(self, names: Sequence[str]) -> WrongValue:
        """Return the same error with names in place of the numbers of a list's items."""
        if not self.path and (few := _TOO_FEW.fullmatch(self.what)):
            return self._replace(missing=names[int(few["got"])])
        if found := _PLACE.match(self.path):
            path = f"{names[int(found['number'])]}{self.path[found.end() :]}"
            return self._replace(path=path)
        return self


def read(error: msgspec.ValidationError) -> WrongValue:
    """Take the text of an error apart, and return its parts."""
    what, _, path = str(error).partition(_AT)
    missing = _MISSING.fullmatch(what)
    return WrongValue(what, path.strip(".`"), missing["field"] if missing else None)


def worded(what: str, field: str) -> ValueError:
    """Return the error that a struct's own check of a field raises.

    what: what is wrong with the field, in the form of msgspec's texts.
    field: the field's name, which ``read`` finds in the error.
    """
    return ValueError(f"{what}{_AT}.{field}`")
