"""Tests of the HTTP routes."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.chat import get, make_channel
from tests.e2e.people import sign, token
from tests.e2e.stack import FRONTEND, Stack
from tests.e2e.world import World

REQUIRED = {"error": {"message": "Authentication token required"}}
INVALID = {"error": {"message": "Invalid or expired token"}}
DENIED = {"error": {"message": "Access denied"}}


def test_health_is_open_to_all(stack: Stack) -> None:
    answer = stack.get("/health")
    assert answer.status == 200
    assert isinstance(answer.body, dict)
    assert stack.get("/health", Authorization="Bearer garbage").status == 200


@pytest.mark.parametrize("path", ["/nowhere", "/admin", "/health/x", "/%00", "/a%2Fb", "/%D0%BA"])
def test_an_unknown_path_is_answered_with_404_in_json(stack: Stack, path: str) -> None:
    answer = stack.get(path)
    assert answer.status == 404
    assert answer.headers.get_content_type() == "application/json"
    assert answer.body.keys() == {"error"}
    assert answer.body["error"].keys() == {"message"}


@pytest.mark.parametrize("channel_id", ["a/b", "/", "c# d", "ü☎", 'q"\\', "100%"])
def test_an_id_in_a_path_may_be_anything(world: World, channel_id: str) -> None:
    make_channel(world, channel_id, private=True, members=["somebody"])
    answer = get(world, f"/channels/{quote(channel_id, safe='')}/messages", "stranger")
    assert (answer.status, answer.body["error"]["message"]) == (403, "Access denied")


@pytest.mark.parametrize(
    ("path", "allow"),
    [("/health", "GET, HEAD"), ("/bookings/a%2Fb", "GET, HEAD"), ("/session", "POST, DELETE")],
)
def test_a_method_that_a_path_does_not_have_is_answered_with_405(
    stack: Stack, path: str, allow: str
) -> None:
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH"}.difference(allow.split(", ")):
        answer = stack.request(method, path, {}, None if method == "GET" else b"{}")
        assert (answer.status, answer.headers["Allow"]) == (405, allow)
        assert answer.body == {"error": {"message": "Method not allowed"}}


def test_head_goes_wherever_get_goes(stack: Stack) -> None:
    assert stack.request("HEAD", "/health", {}).status == 200
    assert stack.request("HEAD", "/calls", {}).status == 401
    assert stack.request("HEAD", "/session", {}).status == 405


def test_a_page_of_another_origin_may_use_the_routes(stack: Stack) -> None:
    origin = {"Origin": "https://page.example"}
    asked = {"Access-Control-Request-Headers": "authorization"}
    preflight = stack.request("OPTIONS", "/calls", origin | asked)
    assert preflight.status == 204
    assert preflight.headers["Access-Control-Allow-Methods"] == "GET, HEAD"
    assert preflight.headers["Access-Control-Allow-Headers"] == "authorization"
    for answer in (preflight, stack.get("/health", **origin), stack.get("/calls", **origin)):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "wrong"])
def test_a_compressed_body_is_refused(stack: Stack, encoding: str) -> None:
    given = sign({"sub": "an admin", "role": "ADMIN"})
    headers = {"Authorization": f"bEARER {given}", "Content-Encoding": encoding}
    answer = stack.request("POST", "/events", headers, b"{}")
    assert (answer.status, answer.body["error"]["message"]) == (
        400,
        f"Content-Encoding {encoding} is not supported",
    )


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, REQUIRED),
        ({"Authorization": ""}, REQUIRED),
        ({"Authorization": "Bearer garbage"}, INVALID),
        ({"Authorization": "Bearer a.b.c"}, INVALID),
        ({"Authorization": "Basic YTpi"}, INVALID),
        ({"Cookie": "authenticationToken=garbage"}, INVALID),
        ({"Cookie": "authenticationToken="}, REQUIRED),
        ({"Cookie": "other=1"}, REQUIRED),
    ],
)
def test_stats_need_a_token(stack: Stack, headers: dict[str, str], body: Any) -> None:
    answer = stack.get("/admin/stats", **headers)
    assert (answer.status, answer.body) == (401, body)


def test_an_expired_token_is_refused(world: World) -> None:
    given = sign({"sub": "a", "role": "ADMIN", "exp": 1})
    answer = world.stack.get("/admin/stats", Authorization=f"Bearer {given}")
    assert (answer.status, answer.body) == (401, INVALID)


@pytest.mark.parametrize("group", ["USER", "TELECALLER"])
def test_stats_are_for_admins(world: World, group: str) -> None:
    given = token(world.people.take(group))
    answer = world.stack.get("/admin/stats", Authorization=f"Bearer {given}")
    assert (answer.status, answer.body) == (403, DENIED)


def test_a_suspended_admin_sees_no_stats(world: World) -> None:
    given = token(world.people.take("SUSPENDED_ADMIN"))
    answer = world.stack.get("/admin/stats", Authorization=f"Bearer {given}")
    assert answer.status == 403


@pytest.mark.parametrize("origin", [None, FRONTEND, "own"])
def test_an_admin_sees_stats_by_cookie(world: World, origin: str | None) -> None:
    headers = {"Cookie": f"a=b; authenticationToken={token(world.people.take('ADMIN'))}"}
    if origin:
        headers["Origin"] = world.stack.url if origin == "own" else origin
    assert world.stack.get("/admin/stats", **headers).status == 200


def test_a_foreign_page_sees_no_stats_by_cookie(world: World) -> None:
    cookie = f"authenticationToken={token(world.people.take('ADMIN'))}"
    answer = world.stack.get("/admin/stats", Cookie=cookie, Origin="https://evil.example.com")
    assert (answer.status, answer.body) == (401, REQUIRED)


def test_stats_are_numbers(world: World) -> None:
    given = token(world.people.take("ADMIN"))
    answer = world.stack.get("/admin/stats", Authorization=f"Bearer {given}")
    assert answer.status == 200
    assert answer.headers.get_content_type() == "application/json"
    body = answer.body
    names = ("onlineUsers", "onlineTelecallers", "telecallersOnCall", "connections")
    numbers = [*(body[name] for name in names), *body["calls"].values()]
    assert all(type(number) is int and number >= 0 for number in numbers), body
    assert {"ringing", "accepted", "completedToday", "missedToday"} <= body["calls"].keys()
