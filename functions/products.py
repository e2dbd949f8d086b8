"""The products of this stack: a line each."""

from __future__ import annotations

from functions.accounts.handlers import accounts
from functions.bookings.handlers import bookings
from functions.calls.handlers import calls
from functions.chat.handlers import chat
from shared.pipeline.registry import Registry

REGISTRY = Registry([calls, chat, bookings, accounts])
