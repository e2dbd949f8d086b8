"""Native routes of the booking product."""

from functions.native import handler

__all__ = ["handler"]
