"""The HTTP route that gives a party of a call new credentials for the LiveKit room.

The event ``call:accepted`` carries credentials once. An app that has been loaded anew during the
call has lost them.
"""

from __future__ import annotations

from functions.calls import livekit, rows
from functions.calls.console import NO_CALL
from functions.calls.livekit import Credentials
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.product import calls
from functions.calls.state import Status
from shared.identity.tokens import Identity
from shared.pipeline.deployment import Access
from shared.pipeline.http import HttpError, HttpRequest
from shared.settings import settings


@calls.route(
    "POST /calls/{id}/credentials",
    errors=(404,),
    access=Access({"people": "GetItem"}, may="read-secret"),
)
def credentials(request: HttpRequest) -> Credentials:
    """Return new credentials for the LiveKit room of one's own call that has been answered and goes
    on, for an app that has lost those of `call:accepted`. LiveKit lets one device of a person be in
    the room: the last one that joins."""
    asker = request.identity
    name = _name_in_call(asker, request.id)
    if name is None:
        raise HttpError(404, NO_CALL)
    room = livekit.configured(settings(), request.ports.secrets)
    return room.credentials(request.id, asker.account_id, name, request.ports.clock.now_ms())


def _name_in_call(person: Identity, call_id: str) -> str | None:
    """Return the name under which the other party sees a person, as in ``call:accepted``.

    Returns None if the person is in no such call, or it has not been answered.
    """
    if person.role not in (USER.role, TELECALLER.role):
        return None
    namespace, others = (
        (USER.path, TELECALLER.path) if person.role == USER.role else (TELECALLER.path, USER.path)
    )
    mine = rows.get(namespace, person.account_id)
    if not mine.is_in(call_id):
        return None
    theirs = rows.get(others, mine.call.peer_id)
    if not theirs.is_in(call_id):
        return None
    status = mine.call.status or theirs.call.status  # only the telecaller's row has it
    name: str = theirs.call.peer_name
    return name if status == Status.ACCEPTED else None
