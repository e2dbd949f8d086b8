"""How a call ends when no client asks for it: a person leaves, or the telecaller does not answer in
time."""

from __future__ import annotations

from functions.calls import announcements, rows, store
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.product import MAY_END_CALL, MAY_END_RINGING, calls
from functions.calls.rows import PartyRow, PartyRows
from functions.calls.state import Trigger
from shared.pipeline.context import Background


@calls.on_last_leave(TELECALLER.path, row=PartyRow, access=MAY_END_CALL)
def telecaller_gone(background: Background, telecaller: PartyRow) -> None:
    """End the telecaller's call. The user's devices receive ``call:ended`` or ``call:missed``.

    Also announces what another process has decided and not announced. Idempotent.
    """
    call = telecaller.current_call
    done = None
    if call:
        parties = PartyRows(telecaller, rows.get(USER.path, call.peer_id))
        done = store.finish(parties, call.id, Trigger.GONE, background.now_ms)
    if done:
        announcements.ended(background, done)
    if telecaller.marks or (call and not done):
        announcements.rest(background, telecaller.person_id)


@calls.on_last_leave(USER.path, row=PartyRow, access=MAY_END_CALL)
def user_gone(background: Background, user: PartyRow) -> None:
    """End the user's call. The telecaller's devices receive ``call:ended`` or ``call:missed``."""
    call = user.current_call
    if call is None:
        return
    parties = PartyRows(rows.get(TELECALLER.path, call.peer_id), user)
    if done := store.finish(parties, call.id, Trigger.GONE, background.now_ms):
        announcements.ended(background, done)


@calls.on_ring_timeout(TELECALLER.path, row=PartyRow, access=MAY_END_RINGING)
def ring_timeout(background: Background, telecaller: PartyRow, call_id: str) -> None:
    """End a call that has not been answered in time. All devices of both receive ``call:missed``.

    Changes nothing if the call has been answered or has ended meanwhile.
    """
    call = telecaller.current_call
    if call is None:
        return
    parties = PartyRows(telecaller, rows.get(USER.path, call.peer_id))
    if done := store.finish(parties, call_id, Trigger.TIMEOUT, background.now_ms):
        announcements.ended(background, done)
