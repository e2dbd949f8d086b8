"""From decoded JSON to the payload a handler declares, or to the text the client reads."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from shared.errors import InvalidRequest
from shared.pipeline.payloads import ANY_ARGUMENTS, are_several
from shared.pipeline.product import EventHandler

_MISSING = re.compile(r"Object missing required field `(?P<field>\w+)`")
_TOO_FEW = re.compile(r"Expected `array` of at least length \d+, got (?P<got>\d+)")
_ARGUMENT = re.compile(r"\[(?P<number>\d+)\]")
_ABSENT = ("got `null`", "Expected `str` of length >= 1")


def payload_of(row: EventHandler, value: object) -> Any:
    """Return ``value`` as ``row.payload``; the value of several arguments is their list. Raises
    ``InvalidRequest`` with the contract's text if it has one, else with one that names the field.
    """
    if row.payload is None:
        return None
    kind = list[Any] if row.payload is ANY_ARGUMENTS else row.payload
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        message = _with_names(kind, str(error))
        raise InvalidRequest(_text(row, message), event=row.error_event) from error


def struct_of(kind: Any, value: object, where: str) -> Any:
    """``value`` as ``kind``; raises ``InvalidRequest`` with a text that names the field below
    ``where``: ``data.bookingId is required``."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        what, path, missing = _read(str(error))
        path = f"{where}.{path}".rstrip(".")
        raise InvalidRequest(f"{path} is required" if missing else _wrong(path, what)) from error


def _with_names(payload: Any, message: str) -> str:
    """Return msgspec's message with the names of arguments in place of their numbers."""
    if not are_several(payload):
        return message
    names = [field.encode_name for field in msgspec.structs.fields(payload)]
    if few := _TOO_FEW.fullmatch(message):
        return f"Object missing required field `{names[int(few['got'])]}`"
    what, at, path = message.partition(" - at `$")
    if found := _ARGUMENT.match(path):
        path = f".{names[int(found['number'])]}{path[found.end() :]}"
    return what + at + path


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
