"""What is pushed: by which changes of a telecaller's row, and in which form to which platform."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.calls import pushes
from functions.push import payloads
from shared.aws import clients, mobile_push
from shared.aws.mobile_push import EndpointGone, TokenRefused
from shared.ids import compose
from shared.ports import Push
from shared.realtime.untold import Mark
from tests.conftest import UseSettings
from tests.fakes import NOW_MS

APPLICATIONS = {
    "APNS": "arn:aws:sns:us-east-1:000000000000:app/APNS/phones",
    "APNS_VOIP": "arn:aws:sns:us-east-1:000000000000:app/APNS_VOIP_SANDBOX/phones",
    "FCM": "arn:aws:sns:us-east-1:000000000000:app/GCM/phones",
}
CALL = "0" * 24


@pytest.fixture(autouse=True)
def _set(use_settings: UseSettings) -> None:
    use_settings(push_fcm_arn=APPLICATIONS["FCM"], ring_by_push="true")


def push(kind: str) -> Push:
    data = {"callId": CALL, "callType": "VIDEO", "callerId": "u", "callerName": "Ulla"}
    if kind == "chat.message":
        data = {"channelId": "7", "messageId": CALL, "messageType": "text", "userId": "u"}
        return Push("tina", kind, CALL, "Ulla", "Hello", data, NOW_MS + 86_400_000)
    return Push("tina", kind, CALL, "Ulla", "Video call", data, NOW_MS + 29_500, row="r")


RECORDED: dict[tuple[str, str], tuple[dict[str, str], dict[str, str]]] = {
    ("call.ringing", "APNS_VOIP"): (
        {
            "default": "Video call",
            "APNS_VOIP_SANDBOX": '{"aps":{},"type":"call.ringing",'
            '"callId":"000000000000000000000000","callType":"VIDEO","callerId":"u",'
            '"callerName":"Ulla"}',
        },
        {
            "AWS.SNS.MOBILE.APNS.PUSH_TYPE": "voip",
            "AWS.SNS.MOBILE.APNS.PRIORITY": "10",
            "AWS.SNS.MOBILE.APNS.COLLAPSE_ID": CALL,
            "AWS.SNS.MOBILE.APNS_VOIP_SANDBOX.TTL": "30",
        },
    ),
    ("call.ringing", "APNS"): (
        {
            "default": "Video call",
            "APNS": '{"aps":{"alert":{"title":"Ulla","body":"Video call"},"sound":"default",'
            '"mutable-content":1,"interruption-level":"time-sensitive"},"type":"call.ringing",'
            '"callId":"000000000000000000000000","callType":"VIDEO","callerId":"u",'
            '"callerName":"Ulla"}',
        },
        {
            "AWS.SNS.MOBILE.APNS.PUSH_TYPE": "alert",
            "AWS.SNS.MOBILE.APNS.PRIORITY": "10",
            "AWS.SNS.MOBILE.APNS.COLLAPSE_ID": CALL,
            "AWS.SNS.MOBILE.APNS.TTL": "30",
        },
    ),
    ("call.over", "APNS"): (
        {
            "default": "Video call",
            "APNS": '{"aps":{"content-available":1},"type":"call.over",'
            '"callId":"000000000000000000000000","callType":"VIDEO","callerId":"u",'
            '"callerName":"Ulla"}',
        },
        {
            "AWS.SNS.MOBILE.APNS.PUSH_TYPE": "background",
            "AWS.SNS.MOBILE.APNS.PRIORITY": "5",
            "AWS.SNS.MOBILE.APNS.TTL": "30",
        },
    ),
    ("call.missed", "FCM"): (
        {
            "default": "Video call",
            "GCM": '{"fcmV1Message":{"message":{"data":{"type":"call.missed","title":"Ulla",'
            '"body":"Video call","callId":"000000000000000000000000","callType":"VIDEO",'
            '"callerId":"u","callerName":"Ulla"},"android":{"priority":"high","ttl":"30s",'
            '"collapse_key":"000000000000000000000000"}}}}',
        },
        {"AWS.SNS.MOBILE.FCM.TTL": "30"},
    ),
    ("chat.message", "FCM"): (
        {
            "default": "Hello",
            "GCM": '{"fcmV1Message":{"message":{"data":{"type":"chat.message","title":"Ulla",'
            '"body":"Hello","channelId":"7","messageId":"000000000000000000000000",'
            '"messageType":"text","userId":"u"},"android":{"priority":"high","ttl":"86400s"}}}}',
        },
        {"AWS.SNS.MOBILE.FCM.TTL": "86400"},
    ),
}


@pytest.mark.parametrize(("kind", "platform"), RECORDED)
def test_a_platform_receives_exactly_this(kind: str, platform: str) -> None:
    made = payloads.payload(push(kind), platform, APPLICATIONS[platform], NOW_MS)
    assert (json.loads(made.message), made.attributes) == RECORDED[kind, platform]


Row = dict[str, Any]


def row(
    status: str | None = None,
    *,
    connected: bool = False,
    devices: bool = True,
    awaited: bool = True,
    mark: str = "",
    call_id: str = CALL,
    namespace: str = "/telecaller",
) -> Row:
    found: Row = {"person": {"S": compose(namespace, "tina")}}
    if status:
        call = {"id": call_id, "type": "AUDIO", "status": status, "peerId": "u", "peerName": "Ulla"}
        texts = {name: {"S": value} for name, value in call.items()}
        found["call"] = {"M": texts | {"startedAt": {"N": str(NOW_MS)}}}
    if connected:
        found["connections"] = {"SS": ["s:c1"]}
    if devices:
        found["devices"] = {"SS": ["d1"]}
    if awaited:
        found["awaited"] = {"BOOL": True}
    if mark:
        found["untold"] = {"SS": [Mark(NOW_MS, CALL, compose(mark, "u")).text]}
    return found


RINGING, ACCEPTED = "RINGING", "ACCEPTED"
CHANGES: dict[str, tuple[Row | None, Row | None, list[str]]] = {
    "a call begins": (row(), row(RINGING), ["call.ringing", "call.look"]),
    "at a row that is new": (None, row(RINGING), ["call.ringing", "call.look"]),
    "it rings on": (row(RINGING), row(RINGING, mark="x"), []),
    "an app rings": (row(connected=True), row(RINGING, connected=True), []),
    "the app is lost": (
        row(RINGING, connected=True),
        row(RINGING),
        ["call.ringing", "call.look"],
    ),
    "the app comes": (row(RINGING), row(RINGING, connected=True), []),
    "without a device": (row(devices=False), row(RINGING, devices=False), []),
    "by themselves": (row(awaited=False), row(RINGING, awaited=False), []),
    "answered": (row(RINGING), row(ACCEPTED, connected=True), ["call.over ANSWERED"]),
    "cancelled": (row(RINGING), row(mark="CANCELLED"), ["call.over CANCELLED"]),
    "taken back": (row(RINGING), row(), ["call.over ENDED"]),
    "missed": (row(RINGING), row(mark="MISSED"), ["call.missed"]),
    "missed by an app": (
        row(RINGING, connected=True),
        row(connected=True, mark="MISSED"),
        ["call.over MISSED", "call.missed"],
    ),
    "another one rings": (
        row(RINGING),
        row(RINGING, call_id="1" * 24, mark="CANCELLED"),
        ["call.ringing", "call.look", "call.over CANCELLED"],
    ),
    "an answered one ends": (row(ACCEPTED, connected=True), row(mark="COMPLETED"), []),
    "a user": (row(namespace="/user"), row(RINGING, namespace="/user"), []),
    "gone": (row(RINGING), None, []),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_change_pushes(name: str) -> None:
    before, after, expected = CHANGES[name]
    found = list(pushes.of_change(before, after, NOW_MS))
    texts = [f"{one.kind} {one.data.get('reason', '')}".strip() for one in found]
    assert texts == expected
    assert {one.person_id for one in found} <= {"tina"}


def test_without_ring_by_push_only_missed_calls_are_pushed(use_settings: UseSettings) -> None:
    use_settings(ring_by_push="false")
    kinds = {
        one.kind
        for before, after, _ in CHANGES.values()
        for one in pushes.of_change(before, after, NOW_MS)
    }
    assert kinds == {"call.missed"}


def test_a_missed_push_waits_until_lost_connections_are_off_the_row() -> None:
    waits = []
    for connected in (False, True):
        before, after = row(RINGING), row(connected=connected, mark="MISSED")
        found = list(pushes.of_change(before, after, NOW_MS))
        waits.append(found[-1].after_seconds)
    assert waits == [0, 7]


class Sns:
    """A client of SNS that refuses what it is told to refuse."""

    def __init__(self, code: str = "", text: str = "") -> None:
        self.error = ClientError({"Error": {"Code": code, "Message": text}}, "Any")
        self.fails = bool(code)
        self.enabled: list[str] = []

    def publish(self, **_: Any) -> None:
        if self.fails:
            raise self.error

    def create_platform_endpoint(self, **_: Any) -> dict[str, str]:
        if self.fails:
            raise self.error
        return {"EndpointArn": "arn:new"}

    def set_endpoint_attributes(self, **request: Any) -> None:
        self.enabled.append(request["EndpointArn"])


@pytest.fixture
def sns(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Sns]:
    def use(*error: str) -> Sns:
        found = Sns(*error)
        monkeypatch.setattr(clients, "client", {"sns": found}.__getitem__)
        return found

    return use


@pytest.mark.parametrize(
    ("code", "text", "gone"),
    [
        ("EndpointDisabled", "Endpoint is disabled", True),
        ("NotFound", "Endpoint does not exist", True),
        ("InvalidParameter", "Invalid parameter: TargetArn Reason: No endpoint found", True),
        ("InvalidParameter", "Invalid parameter: Message too long", False),
        ("Throttled", "Rate exceeded", False),
    ],
)
def test_an_endpoint_is_gone_only_if_sns_says_so(
    sns: Callable[..., Sns], code: str, text: str, gone: bool
) -> None:
    sns(code, text)
    with pytest.raises(EndpointGone if gone else ClientError):
        mobile_push.publish("arn:e", "{}", {})


def test_an_endpoint_that_exists_is_enabled_again(sns: Callable[..., Sns]) -> None:
    text = "Invalid parameter: Token Reason: Endpoint arn:old already exists with the same Token"
    known = sns("InvalidParameter", text)
    assert mobile_push.create_endpoint("arn:app", "t") == "arn:old"
    fresh = sns()
    assert mobile_push.create_endpoint("arn:app", "t") == "arn:new"
    assert (known.enabled, fresh.enabled) == (["arn:old"], ["arn:new"])
    sns("InvalidParameter", "Invalid parameter: Token Reason: iOS device tokens are 64 hex digits")
    with pytest.raises(TokenRefused):
        mobile_push.create_endpoint("arn:app", "t")
