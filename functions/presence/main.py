"""The Lambda function of the native routes of presence."""

from functions.native import handler

__all__ = ["handler"]
