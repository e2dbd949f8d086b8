"""Native routes of the chat product."""

from functions.native import handler

__all__ = ["handler"]
