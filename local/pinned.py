"""Checks that ministack is the one that is pinned, before its private parts are replaced."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


class AnotherMinistack(RuntimeError):
    """Ministack's private parts are not as expected."""

    def __init__(self) -> None:
        super().__init__("This is another ministack than the one that is pinned: make setup")


def expect(function: Callable[..., Any], *parameters: str, more: bool = False) -> None:
    """Raise ``AnotherMinistack`` if a function has other parameters.

    more: whether other parameters may follow these.
    """
    names = tuple(inspect.signature(function).parameters)
    if (names[: len(parameters)] if more else names) != parameters:
        raise AnotherMinistack
