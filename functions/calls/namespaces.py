"""The namespaces of the call product."""

from __future__ import annotations

from shared.realtime.namespaces import Namespace

USER = Namespace("/user", "USER", everybody=True)
TELECALLER = Namespace(
    "/telecaller",
    "TELECALLER",
    suspended="Account suspended",
    too_many="Too many connection attempts",
    approval_required=True,
    everybody=True,
)
