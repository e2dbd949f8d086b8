"""Socket.IO namespaces: who may join a namespace, and what a client reads that may not.

Products declare their namespaces. Only ``/admin`` belongs to the stack, because it has the admin
events of all products. ``shared/pipeline/registry.py`` has all namespaces of a stack.
"""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

from shared.errors import DeclarationError

MAIN = "/"
"""The namespace of a client that gives no namespace. A 2.x client is in it without asking."""

ADMIN_ROLE = "ADMIN"

TOKEN_REQUIRED = "Authentication token required"  # noqa: S105
INVALID_TOKEN = "Invalid or expired token"  # noqa: S105
ACCESS_DENIED = "Access denied"
NOT_APPROVED = "Account not approved"
UNKNOWN_NAMESPACE = "Invalid namespace"

_PATH = re.compile(r"/[\w/.-]*")


class Login(StrEnum):
    """How the clients of a namespace authenticate."""

    TOKEN = "token"  # noqa: S105
    """With a token in the CONNECT packet or the handshake, or the client is refused.
    """

    LATER = "later"
    """With an event of the product, within ``unauthenticated_seconds``."""

    NONE = "none"
    """Never. The session has no person, and stays until the client leaves."""


class Namespace(msgspec.Struct, frozen=True):
    """A namespace as its product declares it.

    path: the name that clients connect to, for example ``/user``.
    role: the role that a token must have. It is used with ``Login.TOKEN`` only.
    login: how clients authenticate.
    suspended: what a client reads if its account is suspended.
    too_many: what a client reads if its address has opened too many connections.
    approval_required: whether only approved accounts may join.
    cookie: whether the admin cookie is accepted in place of a token.
    everybody: whether the product sends to, or lists, all sessions of the namespace.
    error_event: the event that carries an error for which no other event is declared.
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
