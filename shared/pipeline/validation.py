"""From decoded JSON to the payload a handler declares, or to the text the client reads."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from shared.errors import InvalidRequest
from shared.pipeline.product import EventHandler

_MISSING = re.compile(r"Object missing required field `(?P<field>\w+)`")
_ABSENT = ("got `null`", "Expected `str` of length >= 1")


def payload_of(row: EventHandler, value: object) -> Any:
    """``value`` as ``row.payload``; raises ``InvalidRequest`` with the contract's text where it has
    one, else with one that names the field."""
    if row.payload is None:
        return None
    try:
        return msgspec.convert(value, row.payload)
    except msgspec.ValidationError as error:
        raise InvalidRequest(_text(row, str(error)), event=row.error_event) from error


def struct_of(kind: Any, value: object, where: str) -> Any:
    """``value`` as ``kind``; raises ``InvalidRequest`` with a text that names the field below
    ``where``: ``data.bookingId is required``."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        what, path, missing = _read(str(error))
        path = f"{where}.{path}".rstrip(".")
        raise InvalidRequest(f"{path} is required" if missing else _wrong(path, what)) from error


def _read(message: str) -> tuple[str, str, bool]:
    """What msgspec found wrong, the path of the field, and whether that is missing."""
    what, _, path = message.partition(" - at `$")
    path = path.strip(".`")
    missing = _MISSING.fullmatch(what)
    if missing:
        path = f"{path}.{missing['field']}".lstrip(".")
    return what, path, bool(missing)


def _wrong(path: str, what: str) -> str:
    return f"{path}: {what[:1].lower()}{what[1:].replace('`', '')}"


def _text(row: EventHandler, message: str) -> str:
    what, path, missing = _read(message)
    if row.missing and (missing or not path or any(text in what for text in _ABSENT)):
        return row.missing
    if path in row.texts:
        return row.texts[path]
    if missing:
        return f"{path} is required"
    return _wrong(path or "payload", what)
