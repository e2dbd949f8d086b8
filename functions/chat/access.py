"""Who somebody is in chat, and what they may do there."""

from __future__ import annotations

import msgspec

from functions.chat import presence
from functions.chat.events import Authenticated
from functions.chat.namespaces import CHAT
from functions.chat.product import expires_at, on
from shared.errors import InvalidToken, Refusal
from shared.identity import accounts, tokens
from shared.identity.accounts import Account
from shared.pipeline.context import Context
from shared.realtime import connections, people
from shared.realtime.connections import Session
from shared.realtime.namespaces import INVALID_TOKEN
from shared.settings import settings

AUTH_ERROR = "auth:error"
SUSPENDED = "Account suspended"
SOMEBODY_ELSE = "Already authenticated as somebody else"


@on("authenticate", object, error_event=AUTH_ERROR, open_=True)
def authenticate(context: Context, token: object) -> None:
    """Make the session the token's. Again, as the same person: the same answer again."""
    session = _verified(context, token)
    mine: Session | None = context.session
    if not context.session.authenticated:
        due_at = context.now_ms // 1000 + settings().ping_period_seconds
        connection_id = context.address.connection_id
        replaced = connections.replace_session(connection_id, context.session, session, due_at)
        mine = session if replaced else _current(context)
    if mine is None or not mine.authenticated:
        return
    if mine.person_id != session.person_id:
        raise Refusal(SOMEBODY_ELSE)
    _enter(context, mine)


def _verified(context: Context, token: object) -> Session:
    """Any role may chat. Raises ``Refusal``."""
    try:
        identity = tokens.verify(token, context.ports.secrets)
    except InvalidToken as error:
        raise Refusal(INVALID_TOKEN) from error
    account = accounts.get(identity.account_id)
    if account and not account.active:
        raise Refusal(SUSPENDED)
    mine, asked = session_of(identity, account), context.session
    return msgspec.structs.replace(mine, sid=asked.sid, arrived_ms=asked.arrived_ms)


def session_of(identity: tokens.Identity, account: Account | None) -> Session:
    """Where token and account both list permissions, the account's count."""
    listed = frozenset(account.permissions) if account else frozenset[str]()
    return Session(
        namespace=CHAT.path,
        sid="",
        person_id=identity.account_id,
        role=identity.role,
        name=account.name if account else identity.name,
        profile=account.profile if account else None,
        permissions=listed or identity.permissions,
    )


def _current(context: Context) -> Session | None:
    """The session as another frame has left it: authenticated, or ended by the deadline."""
    connection = connections.get(context.address.connection_id)
    return connection.session(CHAT.path) if connection else None


def _enter(context: Context, session: Session) -> None:
    """Reachable first, then told, so that whoever has been told can be called."""
    joined = people.join(
        context.address,
        session.person_id,
        expires_at=expires_at(context.now_ms),
        everybody=CHAT.everybody,
    )
    if not joined:
        return
    answer = Authenticated(session.person_id, session.name, session.role)
    context.emit(answer.to([context.address]))
    presence.came(context, session.person_id, session.name)
