"""The Lambda function of the call product's native routes."""

from functions.native import handler

__all__ = ["handler"]
