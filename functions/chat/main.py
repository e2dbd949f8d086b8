"""The Lambda entry of the chat product's native routes."""

from functions.native import handler

__all__ = ["handler"]
