"""What a client may be told.

::

    Refusal                 a request that is answered with a text of the contract
    ├── InvalidRequest      wrong shape or unknown event; the text names the field
    └── ConnectionRefused   a namespace refuses a connection (CONNECT_ERROR)

    InvalidToken            told in the words of whoever asked for the token
    Duplicate               not told to anybody: the frame has been handled before

    DeclarationError        a product's declaration is wrong; raised before anything runs

Anything else that is raised is ours: it is logged and answered with ``INTERNAL``.
"""

from __future__ import annotations

INTERNAL = "Something went wrong. Please try again."


class Refusal(Exception):
    """``message`` goes to the client as it is; ``event`` overrides the handler's error event."""

    def __init__(self, message: str, *, event: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.event = event


class DeclarationError(ValueError):
    """What a product declares cannot work. The text is one sentence that says what to change."""


class InvalidToken(Exception):
    """Not a token of ours, or no longer."""


class Duplicate(Exception):
    """This very frame has been handled before: the client has its answer already."""


class InvalidRequest(Refusal):
    """The payload has the wrong shape, or no such event exists in the namespace."""


class ConnectionRefused(Refusal):
    """A namespace does not let this connection in."""
