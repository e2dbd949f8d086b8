"""Strict JSON (RFC 8259) for the wire.

Only values that every hop can carry unchanged are accepted: a DynamoDB number has 38 digits, UTF-8
has no surrogates, and a limit on nesting keeps the recursive decoders behind this one safe.
"""

from __future__ import annotations

import json
import math
import re

import msgspec

from shared.protocol.errors import InvalidJson, UnsupportedJson

__all__ = ["MAX_DEPTH", "MAX_DIGITS", "InvalidJson", "UnsupportedJson", "dumps", "loads"]

MAX_DEPTH = 32
"""How deep arrays and objects may be nested; ``[]`` has depth 1."""

MAX_DIGITS = 38
"""How many digits an integer may have."""

# Matches one bracket or one string. The quantifiers are possessive and the closing quote is
# optional, so that no text makes the search start over: the scan stays linear.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[][{}]', re.DOTALL)

_LONG_NUMBER = re.compile(rf"[0-9]{{{MAX_DIGITS + 1}}}")

_SURROGATE = re.compile("[\ud800-\udfff]")

_ESCAPES = (("\ufffe", r"\ufffe"), ("\uffff", r"\uffff"))
"""The characters that SQS refuses and JSON writes as they are. JSON has characters beyond ASCII in
strings only, so an escape can take their place anywhere.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html"""

_decode = msgspec.json.Decoder().decode
# DynamoDB reads numbers as Decimal.
_encode = msgspec.json.Encoder(decimal_format="number").encode


def loads(text: str | bytes) -> object:
    """Parse one JSON document.

    Raises :exc:`InvalidJson` if the text is not JSON (``NaN``, ``Infinity``, trailing data and bad
    UTF-8 are not JSON either). Raises :exc:`UnsupportedJson` for JSON with numbers beyond a
    double's range, integers of more than 38 digits, lone surrogates, or nesting past
    :data:`MAX_DEPTH`.
    """
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            raise InvalidJson("not UTF-8") from error
    if _is_deep(text):
        return _loads_slowly(_flatten(text))
    if _LONG_NUMBER.search(text):
        return _loads_slowly(text)
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        # msgspec reports a lone surrogate like a syntax error. The standard library can tell the
        # two apart.
        return _loads_slowly(text)


def dumps(value: object) -> str:
    """Return compact JSON for structs, dicts, lists and scalars.

    ``NaN`` and infinities become ``null``, a ``Decimal`` becomes a number. Every character of the
    result may stand in a message of SQS, whatever text the value holds.

    Raises :exc:`TypeError` for a value that JSON cannot express, :exc:`UnicodeEncodeError` for a
    lone surrogate.
    """
    text = _encode(value).decode()
    for character, escape in _ESCAPES:
        text = text.replace(character, escape)
    return text


def _is_deep(text: str) -> bool:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    depth = 0
    for token in _TOKEN.finditer(text):
        match token[0]:
            case "[" | "{":
                depth += 1
                if depth > MAX_DEPTH:
                    return True
            case "]" | "}":
                depth -= 1
    return False


def _flatten(text: str) -> str:
    """Replace every array and object past the limit with ``[]``.

    The replaced parts are parsed on their own, innermost first. So a decoder never sees deep text,
    and the rest is valid exactly if the whole text was. The ``[]`` itself is still past the limit,
    so that :func:`_strip` finds it.
    """
    # One list of fragments for each container that is open; the outermost is the document.
    open_: list[list[str]] = [[]]
    end = 0
    for token in _TOKEN.finditer(text):
        open_[-1].append(text[end : token.start()])
        end = token.end()
        opens, closes = token[0] in "[{", token[0] in "]}"
        if opens:
            open_.append([])
        open_[-1].append(token[0])
        if closes:
            if len(open_) == 1:
                raise InvalidJson("unbalanced brackets")
            container = "".join(open_.pop())
            if len(open_) > MAX_DEPTH:
                _parse(container)
                container = "[]"
            open_[-1].append(container)
    if len(open_) > 1:
        raise InvalidJson("unbalanced brackets")
    return "".join([*open_[0], text[end:]])


def _loads_slowly(text: str) -> object:
    value = _parse(text)
    found: list[tuple[str, tuple[str | int, ...]]] = []
    value = _strip(value, (), found)
    if found:
        reason, path = found[0]
        raise UnsupportedJson(reason, path=path, value=value)
    return value


class _Refused:
    """A placeholder in a parsed document for a number that is out of range."""


def _parse_int(digits: str) -> int | _Refused:
    # int() itself raises on 4,300 digits.
    return _Refused() if len(digits.lstrip("-")) > MAX_DIGITS else int(digits)


def _parse_float(digits: str) -> float | _Refused:
    number = float(digits)
    return number if math.isfinite(number) else _Refused()


def _parse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


_lenient = json.JSONDecoder(
    parse_int=_parse_int, parse_float=_parse_float, parse_constant=_parse_constant
)


def _parse(text: str) -> object:
    try:
        return _lenient.decode(text)
    except ValueError as error:
        raise InvalidJson(str(error)) from error


def _strip(
    value: object, path: tuple[str | int, ...], found: list[tuple[str, tuple[str | int, ...]]]
) -> object:
    """Return the value without its refused parts; add the reason and path of each to ``found``."""
    reason = None
    match value:
        case _Refused():
            reason = "number out of range"
        case str() if _SURROGATE.search(value):
            reason = "text with a lone surrogate"
        case list() | dict() if len(path) >= MAX_DEPTH:
            reason = f"nested deeper than {MAX_DEPTH} levels"
        case list():
            return [_strip(item, (*path, index), found) for index, item in enumerate(value)]
        case dict():
            stripped = {}
            for key, item in value.items():
                if _SURROGATE.search(key):
                    found.append(("key with a lone surrogate", path))
                else:
                    stripped[key] = _strip(item, (*path, key), found)
            return stripped
    if reason is None:
        return value
    found.append((reason, path))
    return None
