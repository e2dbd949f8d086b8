"""The arguments of an event or an acknowledgement: usually one; Socket.IO allows any number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec


class Arguments(msgspec.Struct, frozen=True):
    """Any number of arguments.

    If a handler returns it, the acknowledgement carries these values. As the payload of a
    ``Delivery``, it makes an event with these arguments.

    values: the arguments in order, each anything that JSON can express.
    """

    values: Sequence[Any]


def are_several(type_: Any) -> bool:
    """Return whether values of a type stand for several arguments.

    ``Arguments`` does, and so does a struct with ``array_like=True``, one argument for each field.
    """
    if not isinstance(type_, type) or not issubclass(type_, msgspec.Struct):
        return False
    return type_ is Arguments or bool(type_.__struct_config__.array_like)


def of(payload: object) -> Sequence[object]:
    """Return the arguments that a payload stands for: several, or the payload alone."""
    if isinstance(payload, Arguments):
        return payload.values
    if isinstance(payload, msgspec.Struct) and are_several(type(payload)):
        return msgspec.structs.astuple(payload)
    return (payload,)


def as_data(payload: object) -> object:
    """Return a payload as ``data`` of a native frame: several arguments are a list."""
    return list(of(payload)) if are_several(type(payload)) else payload
