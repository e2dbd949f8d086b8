"""Joining a namespace: who the client is, whether it may join, and its session.

``shared.pipeline.departure`` has a table of all ways into and out of a session.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from shared.errors import ConnectionRefused, InvalidToken
from shared.identity import accounts, tokens
from shared.identity.accounts import Account
from shared.pipeline import account_changes, unauthenticated
from shared.pipeline.registry import Registry
from shared.ports import Ports
from shared.realtime import lifecycle, membership, missed, namespaces, people
from shared.realtime.connections import JOINING_SECONDS, Connection
from shared.realtime.namespaces import Login
from shared.realtime.sessions import Session
from shared.settings import settings

FindAccount = Callable[[str], Account | None]


def read_ahead(registry: Registry, path: str, token: object) -> FindAccount | None:
    """Read the account that a token names, so that ``authenticate`` need not wait for it.

    Returns what finds it. Returns None if the namespace takes no token.
    """
    namespace = registry.namespaces.get(path)
    if namespace is None or namespace.login is not Login.TOKEN:
        return None
    return accounts.read_claimed(token).of


def authenticate(
    registry: Registry,
    ports: Ports,
    path: str,
    token: object,
    find_account: FindAccount | None = None,
) -> Session:
    """Return the session that ``token`` gives in the namespace ``path``.

    In a namespace that takes no token, the session has no person: for good with ``Login.NONE``,
    until the client authenticates with ``Login.LATER``.

    find_account: returns the account of an id, if it has been read. With None, it is read here.

    Raises ``ConnectionRefused`` with the contract's text for that namespace.
    """
    namespace = registry.namespaces.get(path)
    if namespace is None:
        raise ConnectionRefused(namespaces.UNKNOWN_NAMESPACE)
    if namespace.login is not Login.TOKEN:
        return without_person(registry, ports, path)
    if token is None or token == "":
        raise ConnectionRefused(namespaces.TOKEN_REQUIRED)
    try:
        identity = tokens.verify(token, ports.secrets)
    except InvalidToken as error:
        raise ConnectionRefused(namespaces.INVALID_TOKEN) from error
    if identity.role != namespace.role:
        raise ConnectionRefused(namespaces.ACCESS_DENIED)
    session = Session(
        namespace=path,
        sid=ports.ids.session_id(),
        person_id=identity.account_id,
        role=identity.role,
        name=identity.name,
    )
    account_id = identity.account_id
    account = find_account(account_id) if find_account else accounts.get(account_id)
    if account is None:
        if namespace.approval_required:
            raise ConnectionRefused(namespaces.NOT_APPROVED)
        return session
    account_changes.require_admitted(namespace, account)
    return account_changes.updated(session, account)


def without_person(registry: Registry, ports: Ports, path: str) -> Session:
    """Return a session without a person.

    The session is anonymous for good with ``Login.NONE``, and not authenticated yet otherwise.
    """
    namespace = registry.namespaces.get(path)
    session = unauthenticated.session(ports, path)
    if namespace is not None and namespace.login is Login.NONE:
        return msgspec.structs.replace(session, anonymous=True)
    return session


def joins(registry: Registry, session: Session) -> bool:
    """Return whether ``begin_session`` makes a session reachable for other sessions."""
    if session.anonymous:
        return registry.namespaces[session.namespace].everybody
    return session.authenticated


def due_at(registry: Registry, now: int, session: Session | None) -> int:
    """Return when the sweep looks at a connection whose newest session is ``session``.

    ``begin_session`` puts it off once the session is reachable. If it does not, because its
    function has died, the sweep closes the connection, and the client comes back.

    now: the time in epoch seconds, which is also the unit of the result.
    """
    values = settings()
    if session is None or not session.settled:
        return now + values.unauthenticated_seconds
    return now + (JOINING_SECONDS if joins(registry, session) else values.ping_period_seconds)


def begin_session(
    registry: Registry, ports: Ports, connection: Connection, session: Session
) -> None:
    """Make a session reachable for other sessions, or start the time it has to authenticate.

    Called after the client has learned of the session. A session that has not authenticated yet
    becomes reachable when it authenticates. Idempotent.
    """
    if not session.settled:
        unauthenticated.await_authentication(ports, connection.connection_id, session)
        return
    if not joins(registry, session):
        return
    next_due = ports.clock.now_ms() // 1000 + settings().ping_period_seconds
    address = connection.address(session)
    if session.anonymous:
        membership.enter(address, int(connection.expires_at), next_due)
        return

    def send_missed(joined: people.Joined) -> None:
        missed.send(ports, address, session.person_id, joined, registry.missed_checks)

    people.join(
        address,
        session.person_id,
        expires_at=int(connection.expires_at),
        everybody=registry.namespaces[session.namespace].everybody,
        due_at=next_due,
        catch_up=send_missed,
    )
    account_changes.catch_up(registry, ports, address, session)


def has_failed_too_often(connection_id: str) -> bool:
    """Count an invalid token of a client. Returns whether its connection is to be closed.

    A client that guesses has to connect again, which is limited by its address.
    """
    return lifecycle.count_failure(connection_id) >= settings().limit_failed_authentications


def too_many(registry: Registry, path: str) -> str:
    """Return the text that refuses a client whose address has opened too many connections."""
    namespace = registry.namespaces.get(path)
    return namespace.too_many if namespace else namespaces.UNKNOWN_NAMESPACE
