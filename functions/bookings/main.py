"""The Lambda entry of the booking product's native routes."""

from functions.native import handler

__all__ = ["handler"]
