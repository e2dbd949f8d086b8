"""What a change of an account does to the sessions of its person.

A change and a client that joins at the same time do not miss each other. The account is written
before the person's sessions are read, and a session can be reached before its account is read
again.
"""

from __future__ import annotations

import msgspec

from shared.errors import ConnectionRefused
from shared.identity import accounts
from shared.identity.accounts import Account
from shared.pipeline.registry import Registry
from shared.ports import Ports
from shared.realtime import connections, namespaces, session_store
from shared.realtime.address import Address
from shared.realtime.namespaces import Namespace
from shared.realtime.sessions import Session

_ATTEMPTS = 16
"""How often a session is written anew if other writers change it at the same time."""


def require_admitted(namespace: Namespace, account: Account) -> None:
    """Raise ``ConnectionRefused`` if an account may not join a namespace, or stay there."""
    if not account.active:
        raise ConnectionRefused(namespace.suspended)
    if namespace.approval_required and not account.approved:
        raise ConnectionRefused(namespaces.NOT_APPROVED)


def is_admitted(namespace: Namespace, account: Account) -> bool:
    """Return whether an account may join a namespace, or stay there."""
    try:
        require_admitted(namespace, account)
    except ConnectionRefused:
        return False
    return True


def updated(session: Session, account: Account) -> Session:
    """Return a session with what it keeps of its account as the account has it now.

    Permissions that the account does not list stay those of the token.
    """
    permissions = account.permissions
    return msgspec.structs.replace(
        session,
        name=account.name,
        profile=account.profile,
        permissions=session.permissions if permissions is None else frozenset(permissions),
    )


def follow(registry: Registry, ports: Ports, address: Address, account: Account) -> bool:
    """Let the session of the account's person at an address follow the account. Idempotent.

    The session is updated, or it ends if the account may not have it. Returns False if it ends.
    Raises ``RuntimeError`` if other writers have changed it in every attempt.
    """
    if not is_admitted(registry.namespaces[address.namespace], account):
        ports.tasks.expel(address.connection_id, address.namespace, account.id)
        return False
    for _ in range(_ATTEMPTS):
        connection = connections.get(address.connection_id)
        session = connection.session(address.namespace) if connection else None
        if connection is None or session is None or session.person_id != account.id:
            return True
        later = updated(session, account)
        if later == session or session_store.update_session(connection, later):
            return True
    raise RuntimeError(f"the session of {address.connection_id} has changed in every attempt")


def catch_up(
    registry: Registry, ports: Ports, address: Address, session: Session
) -> Session | None:
    """Let a session follow what has changed since it was admitted, when it has become reachable.

    Returns the session as it is then. Returns None if it ends. Idempotent.
    """
    account = accounts.get(session.person_id)
    if account is None:
        return session
    later = updated(session, account)
    admitted = is_admitted(registry.namespaces[address.namespace], account)
    if admitted and later == session:
        return session
    return later if follow(registry, ports, address, account) else None
