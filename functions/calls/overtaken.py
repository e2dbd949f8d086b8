"""What has overtaken an event of a call that reaches a device late.

A device that joins after the loss of another receives what that one has missed, perhaps behind the
events of later transitions.
"""

from __future__ import annotations

from typing import Any

from functions.calls import announcements, rows
from functions.calls.events import Accepted, AcceptedByTelecaller, Ended, Ringing
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.product import calls
from functions.calls.rows import PartyRow
from shared.pipeline.deployment import Access
from shared.ports import Ports
from shared.realtime.sessions import Session

_MAY_READ = Access({"people": "GetItem"})


@calls.on_missed(TELECALLER.path, Accepted.event, row=PartyRow)
@calls.on_missed(USER.path, AcceptedByTelecaller.event, row=PartyRow)
def still_lasts(person: PartyRow, event: dict[str, Any]) -> bool:
    """Return whether a person is still in the call that a lost device has heard nothing of."""
    return person.is_in(event["callId"])


@calls.on_missed(USER.path, Ringing.event, row=PartyRow)
def still_rings(user: PartyRow, ringing: dict[str, Any]) -> bool:
    """Return whether a user's call still rings of which a lost device has heard nothing."""
    return user.is_in(ringing["callId"]) and not user.call.accepted_at


@calls.overtakes(TELECALLER.path, Accepted.event, access=_MAY_READ)
@calls.overtakes(USER.path, AcceptedByTelecaller.event, access=_MAY_READ)
def over_by_now(_ports: Ports, party: Session, accepted: dict[str, Any]) -> Ended | None:
    """Return the event of the end of a call, if the party is not in it any more."""
    call_id = accepted["callId"]
    row = rows.get(party.namespace, party.person_id)
    return None if row.is_in(call_id) else Ended(call_id)


@calls.overtakes(USER.path, Ringing.event, access=_MAY_READ | Access(may="read-secret"))
def rings_no_more(
    ports: Ports, user: Session, ringing: dict[str, Any]
) -> AcceptedByTelecaller | Ended | None:
    """Return the event of the accept or the end of a call, if it does not ring any more."""
    return announcements.newest(ports, user, ringing["callId"])
