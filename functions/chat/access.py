"""Authentication in chat, and the permissions of a session."""

from __future__ import annotations

import msgspec

from functions.chat import call_announcements, presence
from functions.chat.events import Authenticated
from functions.chat.namespaces import CHAT
from functions.chat.product import chat, expires_at, on
from shared.aws.parallel import both
from shared.errors import InvalidToken, Refusal
from shared.identity import accounts, tokens
from shared.identity.accounts import Account
from shared.pipeline import account_changes
from shared.pipeline.admission import has_failed_too_often
from shared.pipeline.context import Context
from shared.ports import Ports
from shared.realtime import connections, missed, people, session_store
from shared.realtime.namespaces import INVALID_TOKEN
from shared.realtime.people import Joined
from shared.realtime.session_store import Replaced
from shared.realtime.sessions import Session
from shared.settings import settings

AUTH_ERROR = "auth:error"
SUSPENDED = "Account suspended"
ANOTHER_PERSON = "Already authenticated as somebody else"


@on(
    "authenticate",
    object,
    error_event=AUTH_ERROR,
    open_=True,
    preload=accounts.read_claimed,
    refusals=[INVALID_TOKEN, SUSPENDED, ANOTHER_PERSON],
)
def authenticate(context: Context, token: object) -> None:
    """Authenticate the connection with a token, which is the payload itself. The client receives
    ``authenticated``, also if it authenticates again as the same user. If the user has been
    announced as offline, all authenticated users receive ``presence_updated`` and
    ``presence:update``."""
    session, joined = _session_for_token(context, token), None
    current: Session | None = context.session
    if not context.session.authenticated:
        if session.restoring:  # others reach it when it is up to date
            replaced = _replace(context, session)
        else:
            joined = _join(context, session, Replaced(context.session, session))
            replaced = joined is not None
        # If it is not replaced, another frame has authenticated it, or the deadline has ended it.
        current = session if replaced else connections.session_at(context.address)
    if current is None or not current.authenticated:
        return
    if current.person_id != session.person_id:
        raise Refusal(ANOTHER_PERSON)
    _enter(context, current, joined)


def _replace(context: Context, session: Session) -> bool:
    """Give the connection a session that others cannot reach yet. Returns False if its session has
    changed meanwhile."""
    connection_id = context.address.connection_id
    return session_store.replace_session(connection_id, context.session, session, _due_at(context))


def _join(context: Context, session: Session, replaces: Replaced | None = None) -> Joined | None:
    """Make a session reachable, as ``people.join`` does."""
    return people.join(
        context.address,
        session.person_id,
        expires_at=expires_at(context.now_ms),
        everybody=CHAT.everybody,
        due_at=_due_at(context) if replaces else None,
        replaces=replaces,
    )


def _due_at(context: Context) -> int:
    """Return when the sweep looks at the connection next, epoch seconds."""
    return context.now_ms // 1000 + settings().ping_period_seconds


def _session_for_token(context: Context, token: object) -> Session:
    """Return the session that a token gives this connection. Any role may chat.

    Raises ``Refusal`` if the token is invalid or the account is suspended.
    """
    try:
        identity = tokens.verify(token, context.ports.secrets)
    except InvalidToken as error:
        if has_failed_too_often(context.address.connection_id):
            context.disconnect(close=True)
        raise Refusal(INVALID_TOKEN) from error
    claimed: accounts.ClaimedAccount = context.preloaded
    account = claimed.of(identity.account_id)
    if account and not account.active:
        raise Refusal(SUSPENDED)
    verified, asking = session_of(identity, account), context.session
    return msgspec.structs.replace(
        verified, sid=asking.sid, arrived_ms=asking.arrived_ms, recovery=asking.recovery
    )


@chat.logs_in(CHAT.path)
def log_in(ports: Ports, token: object) -> Session | None:
    """Return a session of a token's person. Returns None if the person may not chat."""
    try:
        identity = tokens.verify(token, ports.secrets)
    except InvalidToken:
        return None
    account = accounts.get(identity.account_id)
    return session_of(identity, account) if account is None or account.active else None


def session_of(identity: tokens.Identity, account: Account | None) -> Session:
    """Return a session without a ``sid`` for a person.

    If both the account and the token list permissions, those of the account count.
    """
    session = Session(
        namespace=CHAT.path,
        sid="",
        person_id=identity.account_id,
        role=identity.role,
        name=identity.name,
        permissions=identity.permissions,
    )
    return account_changes.updated(session, account) if account else session


def _enter(context: Context, session: Session, joined: Joined | None) -> None:
    """Make the connection reachable, if it is not, and then send ``authenticated``.

    In this order, so that other people can call the client from that moment on.

    joined: how the session has become reachable. None if it has not yet.
    """
    answer = Authenticated(session.person_id, session.name, session.role)
    if session.restoring:  # others reach it when it is up to date
        context.emit(answer.to([context.address]))
        return
    joined = joined or _join(context, session)
    if not joined:
        return
    current = account_changes.catch_up(context.registry, context.ports, context.address, session)
    if current is None:
        return
    answer = Authenticated(current.person_id, current.name, current.role)
    context.emit(answer.to([context.address]))
    if joined.missed:
        checks = context.registry.missed_checks
        missed.send(context.ports, context.address, current.person_id, joined, checks)
    both(
        lambda: presence.record_arrival(context, current.person_id, current.name),
        lambda: call_announcements.ring_newcomer(context, current.person_id),
    )
