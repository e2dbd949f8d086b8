"""A connection in one namespace, and what stays of it when it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from shared.ids import compose
from shared.realtime.namespaces import ADMIN_ROLE


class Recovery(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """How a session is recovered after the unexpected end of its connection.

    root: the connection with which the session began. Its id is the first part of the ``pid``.
    digest: the digest of the ``pid``, which only the client knows.
    since: the offset before the session's first event.
    former: the connections that the session had before, the last one last.
    moving: those of them under which other sessions still know the session.
    offset: the last event that the client has received. Empty unless the session is restoring.
    restoring: whether the session has a new connection, and its events of the meantime are still
        to be sent.
    """

    root: str
    digest: str
    since: str
    former: tuple[str, ...] = ()
    moving: tuple[str, ...] = ()
    offset: str = ""
    restoring: bool = False


class Session(msgspec.Struct, frozen=True, rename="camel"):
    """A connection in one namespace, with the person it belongs to.

    A session that begins without a person, in a namespace with ``Login.LATER``, is given a person
    once. Apart from this, it changes only as its person's account does.

    namespace: the namespace.
    sid: the session's id, which a Socket.IO client receives.
    person_id: the person's id. Empty if the session has no person.
    role: the role of the person's account.
    name, profile, permissions: these fields of the account; the token's name and permissions if
        there is no account, or if it lists no permissions.
    arrived_ms: when the frame that asked for the session arrived, epoch ms. 0 if the session came
        with the handshake.
    anonymous: whether the session never has a person, in a namespace with ``Login.NONE``.
    recovery: how the session is recovered. It is absent if the client has not asked for that.
    """

    namespace: str
    sid: str
    person_id: str
    role: str
    name: str
    profile: str | None = None
    permissions: frozenset[str] = frozenset()
    arrived_ms: int = 0
    anonymous: bool = False
    recovery: Recovery | msgspec.UnsetType = msgspec.UNSET

    @property
    def restoring(self) -> bool:
        """Whether the session has come back, and is not up to date yet."""
        return isinstance(self.recovery, Recovery) and self.recovery.restoring

    @property
    def authenticated(self) -> bool:
        """Whether the session has a person."""
        return bool(self.person_id)

    @property
    def settled(self) -> bool:
        """Whether the session may stay: it has a person, or needs none."""
        return self.authenticated or self.anonymous

    def room_entry(self, room: str = "") -> str:
        """Return the entry of a room in the ``rooms`` of the connection's row.

        Without a room, return how all entries of this session begin.
        """
        return compose(self.namespace, self.sid, room)

    def data_key(self, name: str = "") -> str:
        """Return the key of a value in the ``data`` of the connection's row.

        Without a name, return how all keys of this session begin.
        """
        return compose(self.sid, name)

    def own_data(self, data: Mapping[str, str]) -> dict[str, str]:
        """Return the values of this session in the ``data`` of a row, by key, each as JSON."""
        begin = self.data_key()
        return {key: text for key, text in data.items() if key.startswith(begin)}

    def may(self, permission: str) -> bool:
        """Return whether the session has a permission. An admin's session has all permissions."""
        return self.role == ADMIN_ROLE or permission in self.permissions


class Ended(NamedTuple):
    """A session that has ended.

    session: the session.
    left_ms: when the client's goodbye arrived, epoch ms; 0 if the backend has ended the session.
    """

    session: Session
    left_ms: int

    @classmethod
    def of(cls, text: str) -> Ended:
        """Read it from its ``text``."""
        left_ms, brace, rest = text.partition("{")
        return cls(session_of(brace + rest), int(left_ms or 0))


def session_of(text: str) -> Session:
    """Return a session from the JSON in a row."""
    return msgspec.json.decode(text, type=Session)
