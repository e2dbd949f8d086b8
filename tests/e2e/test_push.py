"""Phones that are woken: what is pushed to them, and calls that wait until their app is back."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from shared.identity.accounts import Account
from tests.e2e.calls import ring
from tests.e2e.chat import make_channel, tab, unique
from tests.e2e.clients import Client
from tests.e2e.conftest import APPLICATIONS
from tests.e2e.people import token
from tests.e2e.waiting import until
from tests.e2e.world import World

PLATFORMS = ("APNS", "APNS_VOIP", "FCM")


class Phone:
    """The devices of one person, and what has been pushed to them."""

    def __init__(self, world: World, account: Account) -> None:
        self._world, self.account = world, account
        self.tokens = {platform: f"{platform}-{uuid.uuid4().hex}" for platform in PLATFORMS}

    def ask(self, method: str, path: str = "", body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {token(self.account)}"}
        given = None if body is None else json.dumps(body).encode()
        return self._world.stack.request(method, f"/devices{path}", headers, given)

    def register(self, *platforms: str) -> list[str]:
        """Register devices. Returns their ids."""
        found = []
        for platform in platforms:
            answer = self.ask("POST", body={"platform": platform, "token": self.tokens[platform]})
            assert answer.status == 201, answer
            found.append(answer.body["deviceId"])
        return found

    def pushed(self) -> list[dict[str, Any]]:
        """Return what has been pushed to the devices so far, in order."""
        lines = (self._world.stack.work / "pushes.log").read_text().splitlines()
        found = [json.loads(line) for line in lines]
        return [one for one in found if one["token"] in self.tokens.values()]

    def wait(self, count: int) -> dict[str, tuple[dict[str, Any], dict[str, str]]]:
        """Wait for so many pushes in total. Returns the last one of each platform: the payload,
        and the attributes of SNS, without the time to live."""
        until(lambda: len(self.pushed()) >= count, f"{count} pushes")
        platforms = {one: platform for platform, one in self.tokens.items()}
        return {platforms[one["token"]]: read(one) for one in self.pushed()[:count]}


def read(push: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the payload and the attributes of a push. The time to live differs from run to run."""
    ((platform, text),) = (one for one in push["message"].items() if one[0] != "default")
    payload, attributes = json.loads(text), push["attributes"]
    name = "FCM" if platform == "GCM" else platform
    seconds = int(attributes.pop(f"AWS.SNS.MOBILE.{name}.TTL"))
    assert seconds > 0
    if platform == "GCM":
        assert payload["fcmV1Message"]["message"]["android"].pop("ttl") == f"{seconds}s"
    return payload, {
        one.removeprefix("AWS.SNS.MOBILE."): value for one, value in attributes.items()
    }


def google(call_id: str, **data: str) -> tuple[dict[str, Any], dict[str, str]]:
    android = {"priority": "high", "collapse_key": call_id}
    return {"fcmV1Message": {"message": {"data": data, "android": android}}}, {}


def headers(call_id: str, kind: str) -> dict[str, str]:
    return {"APNS.PUSH_TYPE": kind, "APNS.PRIORITY": "10", "APNS.COLLAPSE_ID": call_id}


def falls_asleep(world: World, account: Account, app: Client) -> None:
    """Cut the connection of an app, and wait until the stack no longer expects it back."""
    app.drop()
    world.stack.wait_connections("/telecaller", account.id, 0)


def asleep(world: World, *platforms: str) -> Phone:
    """Return the phone of a telecaller whose app has been connected and fell asleep."""
    account, app = world.telecaller("python")
    phone = Phone(world, account)
    phone.register(*platforms)
    falls_asleep(world, account, app)
    return phone


def calls(user: Client, phone: Phone) -> str:
    answer = user.ask("call:initiate", {"telecallerId": phone.account.id, "callType": "VIDEO"})
    assert answer.keys() == {"callId"}, answer
    user.wait("call:ringing", callId=answer["callId"])
    return str(answer["callId"])


@pytest.mark.usefixtures("long_rings")
def test_a_call_waits_until_the_app_is_back(world: World) -> None:
    caller, user = world.user()
    phone = asleep(world, *PLATFORMS)
    call_id = calls(user, phone)
    seen = [one["presence"] for one in user.presence(phone.account.id)]
    assert set(seen) == {"ONLINE"}
    ringing = {"callId": call_id, "callType": "VIDEO", "callerId": caller.id}
    ringing["callerName"] = caller.name
    if caller.profile:
        ringing["callerProfile"] = caller.profile
    assert phone.wait(2) == {
        "APNS_VOIP": ({"aps": {}, "type": "call.ringing", **ringing}, headers(call_id, "voip")),
        "FCM": google(
            call_id, type="call.ringing", title=caller.name, body="Video call", **ringing
        ),
    }
    app = world.join("js", phone.account)
    assert app.wait("call:incoming")["callId"] == call_id
    assert app.ask("call:accept", {"callId": call_id}) is None
    assert app.wait("call:accepted")["callId"] == user.wait("call:accepted")["callId"] == call_id
    over = {"type": "call.over", "callId": call_id, "reason": "ANSWERED"}
    assert phone.wait(4) == {
        "APNS_VOIP": ({"aps": {}, **over}, headers(call_id, "voip")),
        "FCM": google(call_id, title=caller.name, body="", **over),
    }


def test_a_missed_call_is_shown(world: World) -> None:
    phone = asleep(world, "APNS", "FCM")
    caller, user = world.user()
    call_id = calls(user, phone)
    assert set(phone.wait(2)) == {"APNS", "FCM"}
    user.wait("call:missed", callId=call_id)
    payload, attributes = phone.wait(4)["APNS"]
    alert = {"title": caller.name, "body": "Missed call"}
    assert payload["aps"] == {
        "alert": alert,
        "sound": "default",
        "mutable-content": 1,
        "interruption-level": "active",
    }
    assert payload["callId"] == call_id
    assert attributes == headers(call_id, "alert")


def test_who_leaves_by_themselves_is_offline(world: World) -> None:
    account, app = world.telecaller()
    phone = Phone(world, account)
    phone.register("FCM")
    app.leave()
    world.stack.wait_connections("/telecaller", account.id, 0)
    _, user = world.user()
    asked = {"telecallerId": account.id, "callType": "AUDIO"}
    assert "is currently offline" in user.ask("call:initiate", asked)["error"]["message"]


def test_a_device_follows_its_account_and_is_forgotten_at_the_logout(world: World) -> None:
    first, second = (Phone(world, world.people.take("TELECALLER")) for _ in range(2))
    second.tokens = first.tokens
    (id_,) = first.register("FCM")
    assert first.register("FCM") == [id_]
    assert [one["deviceId"] for one in first.ask("GET").body["items"]] == [id_]
    second.register("FCM")
    assert first.ask("GET").body == {"items": []}
    assert first.ask("DELETE", f"/{id_}").status == 404
    assert second.ask("DELETE", f"/{id_}").status == 204
    assert second.ask("GET").body == {"items": []}
    wrong = {
        "platform": {"platform": "WNS", "token": "t"},
        "token": {"platform": "FCM", "token": ""},
    }
    for field, body in wrong.items():
        refused = first.ask("POST", body=body)
        assert refused.status == 400
        assert refused.body["error"]["message"].startswith(field)


@pytest.mark.usefixtures("long_rings")
def test_a_token_that_is_disabled_is_forgotten_and_holds_up_no_other(world: World) -> None:
    phone = asleep(world, "FCM", "APNS")
    sns = world.stack.client("sns")
    made = sns.create_platform_endpoint(
        PlatformApplicationArn=APPLICATIONS["PUSH_APNS_ARN"], Token=phone.tokens["APNS"]
    )
    disabled = {"Enabled": "false"}
    sns.set_endpoint_attributes(EndpointArn=made["EndpointArn"], Attributes=disabled)
    _, user = world.user()
    call_id = calls(user, phone)
    assert set(phone.wait(1)) == {"FCM"}
    until(lambda: len(phone.ask("GET").body["items"]) == 1, "the device is forgotten")
    app = world.join("js", phone.account)
    assert app.ask("call:reject", {"callId": call_id}) is None
    assert phone.wait(2)["FCM"][0]["fcmV1Message"]["message"]["data"]["reason"] == "REJECTED"


@pytest.mark.usefixtures("long_rings")
def test_an_app_that_falls_asleep_while_it_rings_is_woken(world: World) -> None:
    account, app = world.telecaller("python")
    phone = Phone(world, account)
    phone.register("FCM")
    _, user = world.user()
    call_id = ring(user, app, account)
    falls_asleep(world, account, app)
    assert set(phone.wait(1)) == {"FCM"}
    assert user.ask("call:cancel", {"callId": call_id}) is None
    data = phone.wait(2)["FCM"][0]["fcmV1Message"]["message"]["data"]
    assert (data["type"], data["reason"]) == ("call.over", "CANCELLED")


def test_a_message_wakes_members_of_a_private_channel_who_are_not_there(world: World) -> None:
    room, author = unique("room"), unique("anna")
    away = Phone(world, Account(id=unique("bert"), role="AGENT", name="Bert"))
    away.register("APNS", "FCM")
    make_channel(world, room, private=True, members=[author, away.account.id])
    writer = tab(world, author, joins=room)
    said = {"channelId": room, "message": "Hello", "messageType": "text"}
    writer.client.emit("chat:send_message", said)
    message = writer.take("chat:new_message")
    data = {"channelId": room, "messageId": message["id"], "messageType": "text", "userId": author}
    found = away.wait(2)
    payload, attributes = found["APNS"]
    assert payload["aps"]["alert"] == {"title": message["userDisplayName"], "body": "Hello"}
    assert {name: payload[name] for name in data} == data
    assert attributes == headers(message["id"], "alert")
    google_data = found["FCM"][0]["fcmV1Message"]["message"]["data"]
    title = {"title": message["userDisplayName"], "body": "Hello"}
    assert google_data == {"type": "chat.message", **title, **data}


@pytest.mark.usefixtures("long_rings")
def test_a_chat_call_waits_until_the_tab_is_back(world: World) -> None:
    callee, caller = unique("carl"), unique("dora")
    phone = Phone(world, Account(id=callee, role="AGENT", name="Carl"))
    phone.register("FCM")
    asleep_tab = tab(world, callee, "python")
    world.stack.wait_connections("/", callee)
    asleep_tab.client.drop()
    world.stack.wait_connections("/", callee, 0)
    dora = tab(world, caller)
    invite = {"targetUserId": callee, "callType": "audio", "offer": {"sdp": "o"}}
    call_id = dora.ask("call:invite", invite)["callId"]
    data = phone.wait(1)["FCM"][0]["fcmV1Message"]["message"]["data"]
    assert (data["type"], data["callId"], data["callerId"]) == ("call.ringing", call_id, caller)
    carl = tab(world, callee)
    assert carl.take("call:incoming")["callId"] == call_id
    assert carl.ask("call:accept", {"callId": call_id, "answer": {"sdp": "a"}}) is None
    assert dora.take("call:accepted")["callId"] == call_id
    data = phone.wait(2)["FCM"][0]["fcmV1Message"]["message"]["data"]
    assert (data["type"], data["reason"]) == ("call.over", "ANSWERED")
