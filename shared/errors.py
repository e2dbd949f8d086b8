"""The exceptions with which a request ends, and what the client receives for each.

::

    Refusal                 the client receives the text, which is part of the contract
    ├── InvalidRequest      wrong shape or unknown event; the text names the field
    └── ConnectionRefused   a namespace refuses a connection (CONNECT_ERROR)

    InvalidToken            the caller that verifies the token chooses the client's text
    Duplicate               the client receives nothing: the frame has been handled before

    DeclarationError        a product's declaration is wrong; raised before anything runs

Any other exception is an error of the backend. It is logged and answered with ``INTERNAL``.
"""

from __future__ import annotations

INTERNAL = "Something went wrong. Please try again."


class Refusal(Exception):
    """A request that is refused.

    message: the text for the client.
    event: the error event to send in place of the handler's own, or None.
    """

    def __init__(self, message: str, *, event: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.event = event


class DeclarationError(ValueError):
    """What a product declares cannot work. The text is one sentence that says what to change."""


class InvalidToken(Exception):
    """The token is not one that this stack accepts, or it has expired."""


class Duplicate(Exception):
    """The same frame has been handled before, so the client has its answer already."""


class InvalidRequest(Refusal):
    """The payload has the wrong shape, or the namespace has no such event."""


class ConnectionRefused(Refusal):
    """A namespace refuses this connection."""
