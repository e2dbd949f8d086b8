"""Native routes of the call product."""

from functions.native import handler

__all__ = ["handler"]
