"""The namespaces of the contract: whose they are and what a refused connection is told."""

from __future__ import annotations

from dataclasses import dataclass

TOKEN_REQUIRED = "Authentication token required"  # noqa: S105
INVALID_TOKEN = "Invalid or expired token"  # noqa: S105
ACCESS_DENIED = "Access denied"
NOT_APPROVED = "Account not approved"
UNKNOWN_NAMESPACE = "Invalid namespace"


@dataclass(frozen=True, slots=True)
class Namespace:
    """``everybody``: whether all of the namespace are sent to or looked through, so that its
    members are a room. ``open``: connecting takes no token; the session is nobody's until it has
    authenticated. ``error_event`` is sent where an event has none of its own, with an object, or
    with the bare text where ``text_errors``."""

    path: str
    role: str
    suspended: str = "Account suspended. Please contact support."
    too_many: str = "Too many connection attempts. Please wait."
    approval_required: bool = False
    cookie: bool = False
    everybody: bool = False
    open: bool = False
    error_event: str = "error"
    text_errors: bool = False


USER = Namespace("/user", "USER", everybody=True)
TELECALLER = Namespace(
    "/telecaller",
    "TELECALLER",
    suspended="Account suspended",
    too_many="Too many connection attempts",
    approval_required=True,
    everybody=True,
)
ADMIN = Namespace(
    "/admin",
    "ADMIN",
    suspended="Account suspended",
    too_many="Too many connection attempts",
    cookie=True,
)

CHAT = Namespace(
    "/", role="", everybody=True, open=True, error_event="chat:error", text_errors=True
)

CUSTOMER = Namespace("/customer", "CUSTOMER")
PARTNER = Namespace("/partner", "PARTNER")

NAMESPACES = {
    namespace.path: namespace for namespace in (USER, TELECALLER, ADMIN, CHAT, CUSTOMER, PARTNER)
}
