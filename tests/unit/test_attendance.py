"""LiveKit's reports: the check of the signature, and what follows from them in any order."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jwt
import pytest
from livekit.api import AccessToken, TokenVerifier, WebhookReceiver

from functions.calls import webhook
from functions.calls.attendance import Attendance, Seat, Stay, all_left, follow
from functions.calls.presence import call_lists
from functions.calls.webhook import webhook as route
from shared import times
from shared.pipeline.http import HttpError, HttpRequest
from shared.pipeline.registry import Registry
from tests.conftest import UseSettings
from tests.fakes import LIVEKIT_SECRET, NOW_MS, Fakes

BODY = json.dumps({"event": "track_published", "createdAt": "1"}).encode()
DIGEST = base64.b64encode(hashlib.sha256(BODY).digest()).decode()


def signed(
    secret: str = LIVEKIT_SECRET,
    algorithm: str = "HS256",
    seconds: int | None = 300,
    since: int = 0,
    **claims: Any,
) -> str:
    """Return a signature that is valid from now + ``since`` to now + ``seconds``."""
    now = int(time.time())
    good = {"iss": "key", "sha256": DIGEST, "nbf": now + since} | claims
    good |= {} if seconds is None else {"exp": now + seconds}
    given = {name: one for name, one in good.items() if one is not None}
    return jwt.encode(given, secret, algorithm=algorithm)


TOKENS: dict[str, Callable[[], str]] = {
    "livekit's own": AccessToken("key", LIVEKIT_SECRET).with_sha256(DIGEST).to_jwt,
    "ours": signed,
    "another secret": partial(signed, "x" * 40),
    "another algorithm": partial(signed, "x" * 64, algorithm="HS512"),
    "another issuer": partial(signed, iss="other"),
    "without an issuer": partial(signed, iss=None),
    "without an end": partial(signed, seconds=None),
    "just over": partial(signed, seconds=-30),
    "over": partial(signed, seconds=-90),
    "not yet valid": partial(signed, since=90),
    "of another body": partial(signed, sha256=base64.b64encode(b"x" * 32).decode()),
    "without a digest": partial(signed, sha256=None),
    "with a wrong digest": partial(signed, sha256="%"),
    "no token": lambda: "nonsense",
    "nothing": lambda: "",
}


def request(token: str, body: bytes = BODY) -> HttpRequest:
    headers = {"authorization": token}
    return HttpRequest(Fakes().ports, Registry([]), None, "", {}, headers, body)


def accepted(token: str) -> bool:
    try:
        route(request(token))
    except HttpError as error:
        return error.status != 401
    return True


@pytest.mark.parametrize("name", TOKENS)
def test_a_signature_is_checked_as_livekit_s_receiver_does(
    use_settings: UseSettings, name: str
) -> None:
    use_settings(livekit_webhooks=True)
    receiver, token = WebhookReceiver(TokenVerifier("key", LIVEKIT_SECRET)), TOKENS[name]()
    try:
        receiver.receive(BODY.decode(), token)
        theirs = True
    except Exception:  # noqa: BLE001 - the receiver raises whatever it finds
        theirs = False
    assert accepted(token) is theirs
    assert theirs is (name in ("livekit's own", "ours", "just over"))


def test_a_report_is_refused_while_webhooks_are_off(use_settings: UseSettings) -> None:
    use_settings()
    with pytest.raises(HttpError) as refused:
        route(request(signed()))
    assert refused.value.status == 404


@pytest.mark.parametrize(("room", "again"), [("young", True), ("old", False), ("no id", False)])
def test_a_report_that_comes_before_its_call_is_listed_must_be_repeated(
    use_settings: UseSettings, monkeypatch: pytest.MonkeyPatch, room: str, again: bool
) -> None:
    use_settings(livekit_webhooks=True, livekit_early_seconds=60)
    monkeypatch.setattr(call_lists, "find", lambda *_: None)
    ages_ms = {"young": 59_000, "old": 60_000}
    name = times.sortable(NOW_MS - ages_ms[room]) + "0" * 13 if room in ages_ms else room
    body = json.dumps({"event": webhook.JOINED, "room": {"name": name}}).encode()
    token = signed(sha256=base64.b64encode(hashlib.sha256(body).digest()).decode())
    if not again:
        assert route(request(token, body)) is None
        return
    with pytest.raises(HttpError) as refused:
        route(request(token, body))
    assert refused.value.status == 503


REPORTS = (
    Stay("a", 1_000),
    Stay("a", 1_000, 2_000),
    Stay("b", 2_500),
    Stay("b", 2_500, 4_000),
)


def test_reports_lead_to_the_same_in_any_order_and_twice() -> None:
    for order in itertools.permutations(REPORTS):
        seat: Seat | None = None
        for report in (*order, *order):
            seat = follow(seat, report)
        assert seat == Seat(1_000, Stay("b", 2_500, 4_000)), order


def test_a_room_that_is_closed_ends_earlier_stays_only() -> None:
    early, late = Seat(1_000, Stay("a", 1_000)), Seat(1_000, Stay("b", 5_000))
    after = all_left(Attendance(early, late), 3_000)
    assert after == Attendance(Seat(1_000, Stay("a", 1_000, 3_000)), late)


def test_the_fields_of_a_report_are_livekit_s() -> None:
    from livekit.protocol.models import ParticipantInfo
    from livekit.protocol.webhook import WebhookEvent

    theirs = {one.json_name for one in WebhookEvent.DESCRIPTOR.fields}
    assert set(webhook.Report.__struct_encode_fields__) <= theirs
    theirs = {one.json_name for one in ParticipantInfo.DESCRIPTOR.fields}
    assert set(webhook._Participant.__struct_encode_fields__) <= theirs
