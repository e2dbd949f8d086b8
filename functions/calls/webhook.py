"""The HTTP route to which LiveKit reports who joins and leaves the rooms of calls.

The check of a report equals that of livekit-api's receiver, whose import would triple the cold
start of every HTTP route.
https://docs.livekit.io/home/server/webhooks/
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Annotated

import msgspec

from functions.calls import attendance, endings, livekit
from functions.calls.attendance import Side, Stay
from functions.calls.namespaces import TELECALLER
from functions.calls.presence import call_lists
from functions.calls.presence.call_lists import RUNNING, ListedCall
from functions.calls.product import MAY_END_CALL, calls
from functions.calls.rows import get
from shared import times
from shared.ids import is_id
from shared.pipeline.context import Background
from shared.pipeline.deployment import Access
from shared.pipeline.http import HttpError, HttpRequest
from shared.settings import settings

LEEWAY_SECONDS = 60
"""How much LiveKit's clock and ours may differ; livekit-api allows the same."""

JOINED, LEFT, FINISHED = "participant_joined", "participant_left", "room_finished"

Number = Annotated[int, msgspec.Meta(ge=0)]


class _Room(msgspec.Struct, rename="camel"):
    name: str = ""


class _Participant(msgspec.Struct, rename="camel"):
    sid: str = ""
    identity: str = ""
    joined_at: Number = 0
    joined_at_ms: Number = 0


class Report(msgspec.Struct, rename="camel"):
    """A report of LiveKit. The times are in epoch seconds, and texts in LiveKit's JSON.

    ``event``: what has happened. Other events than ``participant_joined``, ``participant_left`` and
    ``room_finished`` are ignored.
    """

    event: str
    room: _Room = msgspec.field(default_factory=_Room)
    participant: _Participant = msgspec.field(default_factory=_Participant)
    created_at: Number = 0


@calls.route(
    "POST /livekit/webhook",
    who="anybody",
    status=204,
    errors=(400, 401, 404, 503),
    access=MAY_END_CALL
    | Access(
        {"people": "GetItem UpdateItem", "calls": "Query UpdateItem", "call_lists": "GetItem"},
        may="read-secret post invoke-disconnect",
    ),
)
def webhook(request: HttpRequest) -> None:
    """Take a report of LiveKit, signed with the stack's LiveKit key. Only with the setting
    `livekit_webhooks`. A call whose room both have left ends. LiveKit repeats a report that is
    answered with 503."""
    if not settings().livekit_webhooks:
        raise HttpError(404, "Not found")
    _verify(request)
    try:
        report = msgspec.json.decode(request.body, type=Report, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise HttpError(400, "This is no report of LiveKit") from error
    call_id = report.room.name
    if report.event not in (JOINED, LEFT, FINISHED) or not is_id(call_id):
        return
    listed = call_lists.find(RUNNING, call_id) or call_lists.find(calls.name, call_id)
    if listed is None:
        if _may_be_listed_yet(call_id, request.ports.clock.now_ms()):
            raise HttpError(503, "The call is not listed yet: report this again")
        return
    side = _side(report, listed)
    if side is None and report.event != FINISHED:
        return
    goes_on = attendance.note(listed.caller_id, listed.callee_id, call_id, side, _stay(report))
    if goes_on and report.event != JOINED:
        telecaller = get(TELECALLER.path, listed.callee_id)
        background = Background.on(request.registry, request.ports)
        if telecaller.is_in(call_id) and attendance.may_be_over(telecaller.call, background.now_ms):
            endings.room_left(background, telecaller)


def _verify(request: HttpRequest) -> None:
    """Raise ``HttpError`` 401 unless the request is signed as LiveKit signs."""
    import jwt  # noqa: PLC0415 - as in livekit.py

    server = livekit.configured(settings(), request.ports.secrets)
    try:
        claims = jwt.decode(
            request.headers.get("authorization", ""),
            server.api_secret,
            algorithms=["HS256"],
            issuer=server.api_key,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp"]},
        )
        signed = base64.b64decode(str(claims.get("sha256", "")), validate=True)
    except (jwt.PyJWTError, ValueError) as error:
        raise HttpError(401, "The signature is not LiveKit's") from error
    if not hmac.compare_digest(signed, hashlib.sha256(request.body).digest()):
        raise HttpError(401, "The signature is not LiveKit's")


def _may_be_listed_yet(call_id: str, now_ms: int) -> bool:
    """Return whether a call that is in no list may have begun a moment ago.

    The lists follow the stream of people. Returns False if the text is no id of a call.
    """
    try:
        began_ms = times.of_sortable(call_id)
    except ValueError:
        return False
    return now_ms - began_ms < settings().livekit_early_seconds * 1000


def _side(report: Report, listed: ListedCall) -> Side | None:
    """Return which party a report is about. Returns None if it is about neither."""
    parties: dict[str, Side] = {listed.caller_id: "user", listed.callee_id: "telecaller"}
    return None if report.event == FINISHED else parties.get(report.participant.identity)


def _stay(report: Report) -> Stay:
    at_ms, who = report.created_at * 1000, report.participant
    joined_ms = who.joined_at_ms or who.joined_at * 1000 or at_ms
    return Stay(who.sid, joined_ms, None if report.event == JOINED else max(at_ms, joined_ms))
