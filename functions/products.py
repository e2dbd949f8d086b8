"""The products of this stack, in the order in which they get routes they share."""

from __future__ import annotations

from functions.accounts.handlers import accounts
from functions.bookings.handlers import bookings
from functions.calls.handlers import calls
from functions.chat.handlers import chat
from functions.presence.handlers import presence
from shared.pipeline.registry import Registry

REGISTRY = Registry([calls, chat, presence, bookings, accounts])
