"""The events of a call's transitions.

They are sent by the process that has made the transition or, if that one ends before, by the sweep
or the telecaller's departure: ``shared.realtime.untold``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from functions.calls import livekit, prepaid, rows, store
from functions.calls.events import (
    Accepted,
    AcceptedByTelecaller,
    Cancelled,
    Ended,
    Missed,
    Party,
    Rejected,
)
from functions.calls.livekit import LiveKit
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.rows import PartyRow, PartyRows
from functions.calls.state import Status, Trigger
from functions.calls.store import Finished
from shared.aws.log import logger
from shared.aws.parallel import both
from shared.aws.retry import looks
from shared.calling.telling import tell
from shared.ids import decompose
from shared.pipeline.context import Background
from shared.pipeline.payloads import Outbound
from shared.ports import Ports
from shared.realtime.address import Address
from shared.realtime.sessions import Session
from shared.realtime.untold import Mark, overtake
from shared.settings import settings

_WITHOUT_COINS = partial(Ended, reason="BALANCE")
_ENDS: dict[str, tuple[Callable[[str], Outbound], Callable[[str], Outbound]]] = {
    Status.REJECTED: (Rejected, Cancelled),
    Status.CANCELLED: (Ended, Cancelled),
    Status.MISSED: (Missed, Missed),
    Status.COMPLETED: (Ended, Ended),
    Trigger.BALANCE: (_WITHOUT_COINS, _WITHOUT_COINS),
}
"""What the user's and the telecaller's devices receive, by how the call ended, as the mark says."""


def accepted(background: Background, room: LiveKit, telecaller: PartyRow, mark: Mark) -> None:
    """Announce to both parties that the telecaller has accepted the call on the row.

    Does nothing if the call is over: what has ended it announces the end. A prepaid call whose
    timer cannot be started ends at once, and the error is raised.

    telecaller: the row after the accept. It names the device that has the call.
    mark: the mark of the accept.
    """
    call, now = telecaller.call, background.now_ms
    device = Address.of_member(TELECALLER.path, call.accepted_on)
    _overtake_older(background, telecaller, mark)
    user = store.note_answered(call)
    if user is None:
        telecaller.note_told(mark)
        return
    me, peer = telecaller.person_id, Party(call.peer_id, call.peer_name, call.peer_profile)
    mine = room.credentials(call.id, me, user.call.peer_name, now)
    theirs = room.credentials(call.id, peer.id, peer.name, now)
    error, _ = both(
        lambda: prepaid.try_watch(background, telecaller, user),
        lambda: tell(
            background.emit,
            Accepted(call.id, call.type, peer, mine).to([device]),
            AcceptedByTelecaller(call.id, theirs).to(user.addresses),
            Cancelled(call.id).to(telecaller.others(device)),
        ),
    )
    if error:
        parties = PartyRows(telecaller, user)
        if done := store.finish(parties, call.id, Trigger.STOP, background.now_ms):
            ended(background, done)
        raise error
    if not telecaller.note_told(mark) and not rows.get(USER.path, peer.id).is_in(call.id):
        # The events of the end may have arrived before these, so the end has the last word again.
        tell(background.emit, Ended(call.id).to([device, *user.addresses]))


def newest(ports: Ports, user: Session, call_id: str) -> AcceptedByTelecaller | Ended | None:
    """Return the event that has followed ``call:ringing``, for devices that may have received that
    one late. Returns None if the call still rings.

    user: a session of the call's user.
    """
    row = rows.get(USER.path, user.person_id)
    if not row.is_in(call_id):
        return Ended(call_id)
    if not row.call.accepted_at:
        return None
    room = livekit.configured(settings(), ports.secrets)
    credentials = room.credentials(call_id, user.person_id, user.name, ports.clock.now_ms())
    return AcceptedByTelecaller(call_id, credentials)


def ended(background: Background, done: Finished, but: Address | None = None) -> None:
    """Announce the end of a call to all devices of both parties.

    but: the device whose request has ended the call. It receives the acknowledgement only.
    """
    mark, telecaller = store.mark_of_end(done.record), done.parties.telecaller
    known = set(telecaller.addresses)
    _overtake_older(background, telecaller, mark)
    _announce_end(background, mark, done.parties, but)
    telecaller.note_told(mark)
    _tell_late(background, telecaller, known, _ENDS[_how(mark)][1](mark.about))


def _overtake_older(background: Background, telecaller: PartyRow, mark: Mark) -> None:
    """Wait a moment until what was decided about a call before ``mark`` has been announced."""
    older = [one for one in telecaller.marks if one.about == mark.about and one < mark]
    overtake(rows.of_key(TELECALLER.path, telecaller.person_id), older, background.now_ms)


def withdrawn(
    background: Background,
    done: Finished,
    rung: Iterable[Address],
    asker: Address,
    *,
    reached: bool,
) -> None:
    """Announce that a call is over which has just been started.

    The user's other devices have received no event of the call, but those that have loaded their
    first screen meanwhile show it. So the user's row is read once more.

    rung: the devices to which the call has been announced.
    asker: the device that has started the call. It receives the refusal only.
    reached: whether any of the rung devices may have received that. If not, all of them are gone,
        and only those that can be recovered receive both events if they come back.
    """
    telecaller, mark = done.parties.telecaller, store.mark_of_end(done.record)
    call_id, cancelled = mark.about, Cancelled(mark.about)
    user = rows.get(USER.path, done.parties.user.person_id)
    for_user, _ = _ENDS[_how(mark)]
    gone = () if reached else {one for one in rung if not one.sid}
    known = {*rung, *telecaller.addresses}
    tell(
        background.emit,
        cancelled.to(known.difference(gone)),
        for_user(call_id).to(user.others(asker)),
    )
    telecaller.note_told(mark)
    _tell_late(background, telecaller, known, cancelled)


def _tell_late(
    background: Background, telecaller: PartyRow, known: set[Address], event: Outbound
) -> None:
    """Send the event of an end to devices that are not among the known ones.

    They ring, because they have joined between the reading of the row and the end.

    telecaller: the row as it is after the end.
    known: the devices that have received the event.
    """
    tell(background.emit, event.to(telecaller.addresses), but=known)


def ended_before(background: Background, done: Finished, but: Address) -> None:
    """Announce the end of a call to all devices of both parties, unless the process that has ended
    it has done so, or does so in time.

    but: the device that asks to end the call once more.
    """
    mark, telecaller = store.mark_of_end(done.record), done.parties.telecaller
    mine = [one for one in telecaller.marks if one.about == mark.about]
    row = rows.of_key(TELECALLER.path, telecaller.person_id)
    if mark in overtake(row, mine, background.now_ms):
        _announce_end(background, mark, done.parties, but)


def again(background: Background, telecaller: PartyRow) -> None:
    """Announce the transitions that the telecaller's row marks as not announced, if the process
    that has made them is dead.

    telecaller: the row, read strongly consistently.
    """
    for mark in telecaller.marks:
        if not mark.is_fresh(background.now_ms):
            _announce_again(background, telecaller, mark)


def unanswered_end(background: Background, telecaller: PartyRow, call_id: str) -> None:
    """Wait until the end of a call that was not answered has been announced, or announce it.

    telecaller: the row, read strongly consistently.
    """
    values, marks = settings(), _of_unanswered(telecaller, call_id)
    for _ in looks(values.untold_seconds, values.untold_pause_seconds) if marks else ():
        telecaller = rows.get(TELECALLER.path, telecaller.person_id)
        marks = _of_unanswered(telecaller, call_id)
        if not marks:
            return
    for mark in marks:
        _announce_again(background, telecaller, mark)


def _of_unanswered(telecaller: PartyRow, call_id: str) -> list[Mark]:
    """Return the marks of the end of a call that was not answered."""
    marks = telecaller.marks
    return [one for one in marks if one.about == call_id and store.has_ended_unanswered(one)]


def rest(background: Background, telecaller_id: str) -> None:
    """Wait until all transitions of a telecaller have been announced, or announce them.

    For telecallers who have just left: the sweep does not see them.
    """
    values = settings()
    for _ in looks(values.untold_seconds, values.untold_pause_seconds):
        telecaller = rows.get(TELECALLER.path, telecaller_id)
        if telecaller.online or not telecaller.marks:
            return
    again(background, rows.get(TELECALLER.path, telecaller_id))


def _announce_again(background: Background, telecaller: PartyRow, mark: Mark) -> None:
    """Announce a transition. An accept is announced only if the call goes on."""
    call, status = telecaller.current_call, mark.what
    if status != Status.ACCEPTED:
        _, user_id = decompose(mark.what, 2)
        parties = PartyRows(telecaller, rows.get(USER.path, user_id))
        _announce_end(background, mark, parties)
        telecaller.note_told(mark)
    elif call and call.id == mark.about:
        room = livekit.configured(settings(), background.ports.secrets)
        accepted(background, room, telecaller, mark)
    else:
        telecaller.note_told(mark)


def _announce_end(
    background: Background, mark: Mark, parties: PartyRows, but: Address | None = None
) -> None:
    """Send the events of the end of a call, and then delete the LiveKit room of an answered one."""
    how = _how(mark)
    for_user, for_telecaller = _ENDS[how]
    tell(
        background.emit,
        for_user(mark.about).to(parties.user.addresses),
        for_telecaller(mark.about).to(parties.telecaller.addresses),
        but=[but] if but else (),
    )
    if how in (Status.COMPLETED, Trigger.BALANCE):
        _delete_room(background, mark.about)


def _how(mark: Mark) -> str:
    """Return how a call has ended, by the mark of its end."""
    return decompose(mark.what, 2)[0]


def _delete_room(background: Background, call_id: str) -> None:
    """Queue a LiveKit room for deletion. If that fails, LiveKit ends the room when it is empty."""
    try:
        background.ports.tasks.delete_livekit_room(room=call_id)
    except Exception:  # noqa: BLE001 - the call is over all the same
        logger.exception("room %s not queued for deletion", call_id)
