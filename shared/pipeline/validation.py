"""Makes the payload that a handler declares of decoded JSON, or the text that the client reads."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from shared import wrong_values
from shared.errors import InvalidRequest
from shared.pipeline.declarations import EventHandler
from shared.pipeline.payloads import ANY_ARGUMENTS, are_several
from shared.wrong_values import WrongValue

_ABSENT = ("got `null`", "Expected `str` of length >= 1")
_NO_INTEGER = re.compile("`int.*got `float`")


def payload_of(row: EventHandler, value: object) -> Any:
    """Return ``value`` as ``row.payload``. The value of several arguments is their list.

    Raises ``InvalidRequest`` with the contract's text if the contract has one, and else with a text
    that names the wrong field.
    """
    if row.payload is None:
        return None
    kind: Any = list[Any] if row.payload is ANY_ARGUMENTS else row.payload
    try:
        return _convert(value, kind)
    except msgspec.ValidationError as error:
        wrong = wrong_values.read(error)
        if are_several(kind):
            wrong = wrong.in_list([field.encode_name for field in msgspec.structs.fields(kind)])
        raise InvalidRequest(_text(row, wrong), event=row.error_event) from error


def struct_of(kind: Any, value: object, where: str) -> Any:
    """Return ``value`` as ``kind``.

    Raises ``InvalidRequest`` with a text that names the wrong field below ``where``:
    ``data.bookingId is required``.
    """
    try:
        return _convert(value, kind)
    except msgspec.ValidationError as error:
        wrong = wrong_values.read(error)
        raise InvalidRequest(_named(wrong, f"{where}.{wrong.field}".rstrip("."))) from error


def _convert(value: object, kind: Any) -> Any:
    """Return ``value`` as ``kind``. In JSON, ``1.0`` is an integer, too.

    Raises ``msgspec.ValidationError``.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        if not _NO_INTEGER.search(str(error)):
            raise
    return msgspec.convert(_with_integers(value), kind)


def _with_integers(value: object) -> object:
    """Return a decoded JSON value in which every whole number is an ``int``."""
    if isinstance(value, dict):
        return {name: _with_integers(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_with_integers(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _named(wrong: WrongValue, field: str) -> str:
    if wrong.missing:
        return f"{field} is required"
    return f"{field}: {wrong.what[:1].lower()}{wrong.what[1:].replace('`', '')}"


def _text(row: EventHandler, wrong: WrongValue) -> str:
    absent = wrong.missing or not wrong.field or any(text in wrong.what for text in _ABSENT)
    if row.missing and absent:
        return row.missing
    return row.texts.get(wrong.field) or _named(wrong, wrong.field or "payload")
