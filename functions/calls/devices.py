"""Devices that come while their telecaller is being called."""

from __future__ import annotations

from typing import Any

from functions.calls import rows
from functions.calls.events import Incoming, Party
from functions.calls.namespaces import TELECALLER
from functions.calls.product import calls
from functions.calls.state import Status
from shared.calling.telling import tell
from shared.pipeline.context import Context
from shared.pipeline.deployment import Access


@calls.on_connect(TELECALLER.path, access=Access({"people": "GetItem"}))
def ring_newcomer(context: Context, _auth: dict[str, Any]) -> None:
    """Ring a device that has joined since the call started.

    The event that starts a call rings on the devices that the telecaller has at that moment, and
    on no others.
    """
    call = rows.get(TELECALLER.path, context.session.person_id).current_call
    if call is None or call.status != Status.RINGING:
        return
    if context.address.member not in (call.rings_on or ()):
        peer = Party(call.peer_id, call.peer_name, call.peer_profile)
        tell(context.emit, Incoming(call.id, call.type, peer).to([context.address]))
