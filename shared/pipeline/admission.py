"""Joining a namespace: who is it, may they, and then the session."""

from __future__ import annotations

from shared.errors import ConnectionRefused, InvalidToken
from shared.identity import accounts, tokens
from shared.pipeline import unauthenticated
from shared.pipeline.registry import Registry
from shared.ports import Ports
from shared.realtime import namespaces, people
from shared.realtime.connections import Connection, Session
from shared.realtime.namespaces import Login, Namespace


def authenticate(registry: Registry, ports: Ports, path: str, token: object) -> Session:
    """The session that ``token`` gives in the namespace ``path``; nobody's in an open one.

    Raises ``ConnectionRefused`` with the contract's text for that namespace.
    """
    namespace = registry.namespaces.get(path)
    if namespace is None:
        raise ConnectionRefused(namespaces.UNKNOWN_NAMESPACE)
    if namespace.login is not Login.TOKEN:
        return unauthenticated.session(ports, path)
    if token is None or token == "":
        raise ConnectionRefused(namespaces.TOKEN_REQUIRED)
    try:
        identity = tokens.verify(token, ports.secrets)
    except InvalidToken as error:
        raise ConnectionRefused(namespaces.INVALID_TOKEN) from error
    if identity.role != namespace.role:
        raise ConnectionRefused(namespaces.ACCESS_DENIED)
    account = _account(namespace, identity)
    return Session(
        namespace=path,
        sid=ports.ids.session_id(),
        person_id=identity.account_id,
        role=identity.role,
        name=account.name,
        profile=account.profile,
    )


def begin(registry: Registry, ports: Ports, connection: Connection, session: Session) -> None:
    """Make a session that its client knows of reachable; give one that is nobody's the time to
    authenticate. Any number of times."""
    if not session.authenticated:
        unauthenticated.await_authentication(ports, connection.connection_id, session)
        return
    people.join(
        connection.address(session.namespace),
        session.person_id,
        expires_at=int(connection.expires_at),
        everybody=registry.namespaces[session.namespace].everybody,
    )


def too_many(registry: Registry, path: str) -> str:
    """What a connection is told whose address has made too many."""
    namespace = registry.namespaces.get(path)
    return namespace.too_many if namespace else namespaces.UNKNOWN_NAMESPACE


def _account(namespace: Namespace, identity: tokens.Identity) -> accounts.Account:
    account = accounts.get(identity.account_id)
    if account is None:
        if namespace.approval_required:
            raise ConnectionRefused(namespaces.NOT_APPROVED)
        return accounts.Account(id=identity.account_id, role=identity.role, name=identity.name)
    if not account.active:
        raise ConnectionRefused(namespace.suspended)
    if namespace.approval_required and not account.approved:
        raise ConnectionRefused(namespaces.NOT_APPROVED)
    return account
