"""Devices that come while their telecaller is being called."""

from __future__ import annotations

from typing import Any

from functions.calls import rows
from functions.calls.events import Cancelled, Incoming, Party
from functions.calls.namespaces import TELECALLER
from functions.calls.product import calls
from functions.calls.rows import CurrentCall
from functions.calls.state import Status
from shared.calling.telling import tell
from shared.pipeline.context import Context
from shared.pipeline.deployment import Access


@calls.on_connect(TELECALLER.path, access=Access({"people": "GetItem"}))
def ring_newcomer(context: Context, _auth: dict[str, Any]) -> None:
    """Ring a device that has joined since the call started.

    The event that starts a call rings on the devices that the telecaller has at that moment, and
    on no others. If the call has been answered or has ended meanwhile, the device stops ringing.
    """
    call = _ringing(context)
    if call is None or context.address.member in (call.rings_on or ()):
        return
    peer = Party(call.peer_id, call.peer_name, call.peer_profile)
    tell(context.emit, Incoming(call.id, call.type, peer).to([context.address]))
    now = _ringing(context)
    if now is None or now.id != call.id:
        tell(context.emit, Cancelled(call.id).to([context.address]))


def _ringing(context: Context) -> CurrentCall | None:
    """Return the call of the telecaller that rings, or None."""
    call = rows.get(TELECALLER.path, context.session.person_id).current_call
    return call if call and call.status == Status.RINGING else None
