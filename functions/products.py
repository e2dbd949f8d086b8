"""The products of this stack. Adding a product takes one line here."""

from __future__ import annotations

from functions.accounts.handlers import accounts
from functions.admin.routes import admin
from functions.backend.routes import backend
from functions.bookings.handlers import bookings
from functions.calls.handlers import calls
from functions.chat.handlers import chat
from functions.http.health import http
from functions.push.routes import push
from shared.pipeline.registry import Registry

REGISTRY = Registry([calls, chat, bookings, accounts, admin, backend, push, http])
