"""The namespace of the chat product."""

from __future__ import annotations

from shared.realtime.namespaces import MAIN, Login, Namespace

CHAT = Namespace(
    MAIN, login=Login.LATER, everybody=True, error_event="chat:error", text_errors=True
)
