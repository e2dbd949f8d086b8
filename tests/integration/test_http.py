"""The HTTP routes on real engines."""

from __future__ import annotations

import time
from typing import Any
from unittest.mock import Mock

import jwt
import msgspec
import pytest

from functions.http import main
from functions.products import REGISTRY
from shared.pipeline.routes import ID
from tests.fakes import JWT_SECRET, Fakes
from tests.integration.booking_stage import assigned
from tests.integration.chat import Chat

ADMIN = ("root", "ADMIN")
GETS = [route for route in REGISTRY.http_routes.values() if route.method == "GET"]
TOO_LONG = "ü" * 129
FAR_TOO_LONG = "x" * 3_000
"""Longer than any key of a row may be."""


class Http:
    """Sends requests as API Gateway does, with the path decoded."""

    def __init__(self, fakes: Fakes) -> None:
        self.fakes = fakes

    def get(self, path: str, who: tuple[str, str] = ADMIN, **query: str) -> tuple[int, Any]:
        """Return the status, and the body or the text of its error."""
        account_id, role = who
        claims = {"sub": account_id, "role": role, "exp": int(time.time()) + 600}
        event = {
            "version": "2.0",
            "rawPath": path,
            "headers": {"authorization": f"Bearer {jwt.encode(claims, JWT_SECRET)}"},
            "queryStringParameters": query,
            "requestContext": {"http": {"method": "GET"}, "stage": "$default"},
        }
        answer = main.handler(event, Mock(aws_request_id="r"))
        body = msgspec.json.decode(answer["body"])
        return answer["statusCode"], body.get("error", {}).get("message", body)


@pytest.fixture
def http(tables: object, fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> Http:
    monkeypatch.setattr(main, "ports", lambda: fakes.ports)
    return Http(fakes)


@pytest.mark.parametrize("user_id", ["", TOO_LONG, FAR_TOO_LONG])
def test_an_invalid_user_id_gives_a_400(http: Http, user_id: str) -> None:
    assert http.get("/calls", userId=user_id) == (400, "userId: expected 1 to 128 characters")


def test_an_unknown_id_gives_a_404(http: Http) -> None:
    assert http.get("/accounts/unknown") == (404, "There is no such account")
    assert http.get("/bookings/unknown") == (404, "There is no such booking")
    assert http.get("/channels/unknown/messages") == (403, "Access denied")
    assert http.get("/unknown") == (404, "Not found")


@pytest.mark.parametrize("id_", [TOO_LONG, FAR_TOO_LONG])
def test_an_id_that_nothing_can_have_gives_a_400(http: Http, id_: str) -> None:
    for route in GETS:
        if ID in route.path:
            answer = http.get(route.path.replace(ID, id_))
            assert answer == (400, "id: expected 1 to 128 characters"), route.key


def test_a_parameter_may_be_left_out_but_not_empty(http: Http) -> None:
    for route in GETS:
        who = ("carla", "CUSTOMER") if route.path == "/bookings" else ADMIN
        path, name = route.path.replace(ID, "unknown"), {"name": "a"}
        for parameter in route.query:
            status, text = http.get(path, who, **name | {parameter: ""})
            assert (status, text.partition(":")[0]) == (400, parameter), route.key


def test_a_token_with_an_invalid_account_id_gives_a_401(http: Http) -> None:
    assert http.get("/calls", ("x" * 129, "USER")) == (401, "Invalid or expired token")


def test_only_its_parties_and_admins_see_a_booking(http: Http) -> None:
    assigned(http.fakes, "b", "pedro")
    for who in (("carla", "CUSTOMER"), ("pedro", "PARTNER"), ADMIN):
        status, body = http.get("/bookings/b", who)
        assert (status, body["customerId"]) == (200, "carla")
    for who in (("other", "CUSTOMER"), ("other", "PARTNER"), ("carla", "USER"), ("pedro", "USER")):
        for id_ in ("b", "unknown"):
            assert http.get(f"/bookings/{id_}", who) == (403, "Access denied")


def test_a_booking_is_shown_with_all_its_fields(http: Http) -> None:
    assigned(http.fakes, "b", "pedro")
    _, body = http.get("/bookings/b")
    names = "bookingId bookingNumber customerId partnerId service scheduledAt address amount status"
    assert list(body) == [*names.split(), "reason", "createdAt", "updatedAt"]
    assert (body["bookingId"], body["partnerId"], body["status"]) == (
        "b",
        "pedro",
        "PARTNER_ASSIGNED",
    )
    assert type(body["amount"]) in {int, float}


def test_an_admin_sees_the_numbers_of_all_products(http: Http) -> None:
    status, body = http.get("/admin/stats")
    assert status == 200
    numbers = {"onlineUsers", "onlineTelecallers", "telecallersOnCall", "connections"}
    assert body.keys() == numbers | {"calls", "bookings", "chat", "lastHour", "timestamp"}
    assert body["chat"] == {"online": 0, "messagesToday": 0, "callsToday": 0}
    assert {type(body[name]) for name in numbers} == {int}
    outcomes = {f"{name}Today" for name in ("completed", "missed", "rejected", "cancelled")}
    assert body["calls"].keys() == {"ringing", "accepted"} | outcomes
    assert body["bookings"].keys() == {"byStatus", "active", "today"}
    assert body["bookings"]["today"] == {"created": 0, "completed": 0, "cancelled": 0}
    assert body["lastHour"].pop("until") == "2026-01-19T10:30Z"
    assert {name: len(minutes) for name, minutes in body["lastHour"].items()} == {
        "completed": 60,
        "missed": 60,
        "rejected": 60,
        "cancelled": 60,
    }
    assert body["timestamp"] == "2026-01-19T10:30:00.000Z"


def test_a_person_sees_their_account_even_if_none_is_stored(http: Http) -> None:
    status, body = http.get("/accounts/me", ("anna", "USER"))
    assert (status, body["_id"], body["role"], body["coins"]) == (200, "anna", "USER", 0)
    assert {"accountStatus", "approvalStatus", "rates", "permissions"} <= body.keys()
    assert http.get("/accounts/bert", ("anna", "USER")) == (403, "Access denied")


@pytest.mark.parametrize("channel_id", ["a b", "a/b", "/", "c#", "ü", "☎", 'q"\\', "100%"])
def test_a_channel_is_found_whatever_characters_its_id_has(http: Http, channel_id: str) -> None:
    chat = Chat(http.fakes)
    chat.channel(channel_id)
    chat.tab("anna", "a1")
    chat.send("a1", "join_channel", channel_id)
    chat.send("a1", "chat:send_message", {"channelId": channel_id, "message": "Hi"})
    path = f"/channels/{channel_id.replace('%', '%25')}/messages"
    status, body = http.get(path)
    assert (status, [one["channelId"] for one in body["items"]]) == (200, [channel_id])
