"""What a Socket.IO namespace is: who may join it, and what a refused client reads.

Products declare their namespaces. ``/admin`` alone belongs to the stack: the products' admin events
meet there. ``shared/pipeline/registry.py`` has all namespaces of a stack.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from shared.errors import DeclarationError

MAIN = "/"
"""The namespace of a client that names none; a 2.x client is in it without asking."""

ADMIN_ROLE = "ADMIN"

TOKEN_REQUIRED = "Authentication token required"  # noqa: S105
INVALID_TOKEN = "Invalid or expired token"  # noqa: S105
ACCESS_DENIED = "Access denied"
NOT_APPROVED = "Account not approved"
UNKNOWN_NAMESPACE = "Invalid namespace"

_PATH = re.compile(r"/[\w/.-]*")


class Login(StrEnum):
    """How a client says who it is."""

    TOKEN = "token"  # noqa: S105
    """With the CONNECT packet or the handshake; without a valid token the client is refused."""

    LATER = "later"
    """With an event of the product's, before ``unauthenticated_seconds`` are over."""

    NONE = "none"
    """Never. The session has no person; it stays until the client leaves."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace as its product declares it.

    path: the name that clients connect to, for example ``/user``.
    role: the role that a token must have; used with ``Login.TOKEN`` only.
    login: how a client says who it is.
    suspended, too_many: what a client reads whose account is suspended, or whose address has
        opened too many connections.
    approval_required: whether only approved accounts may join.
    cookie: whether the admin cookie is accepted in place of a token.
    everybody: whether the product sends to, or lists, all sessions of the namespace.
    error_event: the event that carries an error whose handler names none.
    text_errors: whether an error's payload is the bare text instead of ``{"message": text}``.

    Raises ``DeclarationError`` if the declaration cannot work.
    """

    path: str
    role: str = ""
    login: Login = Login.TOKEN
    suspended: str = "Account suspended. Please contact support."
    too_many: str = "Too many connection attempts. Please wait."
    approval_required: bool = False
    cookie: bool = False
    everybody: bool = False
    error_event: str = "error"
    text_errors: bool = False

    def __post_init__(self) -> None:
        if not _PATH.fullmatch(self.path):
            raise DeclarationError(
                f"Namespace {self.path!r}: the path begins with / and has no spaces"
            )
        if self.login is Login.TOKEN and not self.role:
            raise DeclarationError(f"Namespace {self.path}: give it a role, or login=Login.NONE")


ADMIN = Namespace(
    "/admin",
    ADMIN_ROLE,
    suspended="Account suspended",
    too_many="Too many connection attempts",
    cookie=True,
)
