"""Native routes of presence."""

from functions.native import handler

__all__ = ["handler"]
