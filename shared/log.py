"""Structured logs with a correlation id: the request id of the invocation that began it."""

from __future__ import annotations

from aws_lambda_powertools import Logger

logger = Logger(service="switchboard", log_uncaught_exceptions=False)
