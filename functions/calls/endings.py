"""How a call ends when no client asks for it: a person leaves, the telecaller does not answer in
time, or the user of a prepaid call has no coins left."""

from __future__ import annotations

import math

from functions.calls import announcements, livekit, prepaid, rows, store
from functions.calls.events import BalanceLow
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.product import MAY_END_CALL, MAY_END_RINGING, calls
from functions.calls.rows import PartyRow, PartyRows
from functions.calls.state import Status, Trigger
from shared.aws.log import logger
from shared.calling.telling import tell
from shared.pipeline.context import Background
from shared.settings import settings

LOOK_AGAIN_SECONDS = 1


@calls.on_last_leave(TELECALLER.path, row=PartyRow, access=MAY_END_CALL)
def telecaller_gone(background: Background, telecaller: PartyRow) -> None:
    """End the telecaller's call. The user's devices receive ``call:ended`` or ``call:missed``.

    A call that rings goes on if a push can bring the telecaller back. Also announces what another
    process has decided and not announced. Idempotent.
    """
    call = telecaller.current_call
    if call and call.status == Status.RINGING and telecaller.can_be_woken:
        call = None
    ended = call and _end(background, rows.with_peer(telecaller), call.id, Trigger.GONE)
    if telecaller.marks or (call and not ended):
        announcements.rest(background, telecaller.person_id)


@calls.on_last_leave(USER.path, row=PartyRow, access=MAY_END_CALL)
def user_gone(background: Background, user: PartyRow) -> None:
    """End the user's call. The telecaller's devices receive ``call:ended`` or ``call:missed``."""
    if call := user.current_call:
        _end(background, rows.with_peer(user), call.id, Trigger.GONE)


@calls.on_ring_timeout(TELECALLER.path, row=PartyRow, access=MAY_END_RINGING)
def ring_timeout(background: Background, telecaller: PartyRow, call_id: str) -> None:
    """End a call that has not been answered in time. All devices of both receive ``call:missed``.

    If the call has ended meanwhile, announces that if the process that has ended it is dead: the
    sweep does so only while the telecaller is connected. Changes nothing if it has been answered.
    """
    if telecaller.is_in(call_id):
        _end(background, rows.with_peer(telecaller), call_id, Trigger.TIMEOUT)
    elif settings().ring_by_push:
        announcements.unanswered_end(background, telecaller, call_id)


def room_left(background: Background, telecaller: PartyRow) -> None:
    """End an answered call if nobody is in its LiveKit room.

    LiveKit itself is asked, because the report that a person has left may come after the person is
    back. If LiveKit does not answer, nothing changes: the sweep asks again.
    """
    call, values = telecaller.call, settings()
    server = livekit.configured(values, background.ports.secrets)
    try:
        empty = server.is_empty(call.id, background.now_ms, values.livekit_timeout_seconds)
    except (OSError, ValueError):
        logger.exception("LiveKit has not said who is in room %s", call.id)
        return
    if empty:
        _end(background, rows.with_peer(telecaller), call.id, Trigger.GONE)


def balance_due(background: Background, telecaller: PartyRow) -> int | None:
    """Warn the user if a prepaid call ends soon, and end it if the user cannot pay any longer.

    Returns after how many seconds to look again, or None if the call is over or not prepaid. The
    end requires that the balance is still the one that was read: coins that arrive in the last
    moment prolong the call. The warning may repeat.
    """
    call = telecaller.current_call
    if call is None or call.status != Status.ACCEPTED or not prepaid.applies(int(call.rate)):
        return None
    parties = rows.with_peer(telecaller)
    left = prepaid.left_ms(call, parties.user, background.now_ms)
    if left > 0:
        if left <= settings().low_balance_seconds * 1000:
            warning = BalanceLow(call.id, math.ceil(left / 1000))
            tell(background.emit, warning.to(parties.user.addresses))
        return prepaid.seconds_until_next(left)
    if _end(background, parties, call.id, Trigger.BALANCE):
        return None
    return LOOK_AGAIN_SECONDS  # unless the timer finds that the call is over


def _end(background: Background, parties: PartyRows, call_id: str, trigger: Trigger) -> bool:
    """End a call, and announce that to both parties.

    Returns False, and changes nothing, if ``store.finish`` does not end it.
    """
    done = store.finish(parties, call_id, trigger, background.now_ms)
    if done:
        announcements.ended(background, done)
    return done is not None
