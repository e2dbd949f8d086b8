"""Requests of long polling: errors by Engine.IO's numbers, bodies, and headers for pages."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from functions.polling.exchange import Answer, Request, answered, preflight, reply
from shared.identity import cookies
from tests.conftest import UseSettings

OWN = "https://rt.example.com"


def event(method: str = "GET", query: str = "EIO=4 transport=polling", **rest: Any) -> Any:
    return {
        "requestContext": {
            "requestId": "r",
            "timeEpoch": 5,
            "http": {"method": method, "sourceIp": "203.0.113.7"},
        },
        "queryStringParameters": dict(one.split("=") for one in query.split()),
        "headers": {},
        **rest,
    }


@pytest.fixture(autouse=True)
def settings(use_settings: UseSettings) -> None:
    use_settings(allowed_origins=OWN)


@pytest.mark.parametrize(
    ("method", "query", "code", "message"),
    [
        ("GET", "EIO=4", 0, "Transport unknown"),
        ("GET", "EIO=4 transport=webtransport", 0, "Transport unknown"),
        ("POST", "EIO=4 transport=polling", 2, "Bad handshake method"),
        ("PUT", "EIO=4 transport=polling", 2, "Bad handshake method"),
        ("PUT", "EIO=4 transport=polling sid=s", 3, "Bad request"),
        ("GET", "EIO=4 transport=websocket", 3, "Bad request"),
        ("GET", "EIO=4 transport=websocket sid=s", 3, "Bad request"),
        ("GET", "EIO=2 transport=polling", 5, "Unsupported protocol version"),
        ("GET", "transport=polling", 5, "Unsupported protocol version"),
    ],
)
def test_a_wrong_request_has_engine_io_s_error(
    method: str, query: str, code: int, message: str
) -> None:
    answer = answered(event(method, query), lambda _: pytest.fail("handled"))
    assert answer["statusCode"] == 400
    assert answer["headers"]["content-type"] == "application/json"
    assert json.loads(answer["body"]) == {"code": code, "message": message}


@pytest.mark.parametrize(
    ("origin", "allowed", "credentials"),
    [(OWN, OWN, "true"), ("https://elsewhere.example", "*", None)],
)
def test_a_page_of_any_origin_may_read_but_only_ours_may_send_cookies(
    origin: str, allowed: str, credentials: str | None
) -> None:
    answer = answered(event(headers={"Origin": origin}), lambda _: reply("ok"))
    assert answer["headers"]["Access-Control-Allow-Origin"] == allowed
    assert answer["headers"].get("Access-Control-Allow-Credentials") == credentials
    asked = {"origin": origin, "access-control-request-headers": "x-app"}
    checked = preflight(event("OPTIONS", headers=asked))
    assert checked["statusCode"] == 204
    assert checked["headers"]["Access-Control-Allow-Headers"] == "x-app"
    assert checked["headers"]["Access-Control-Allow-Methods"] == "GET, POST"
    assert checked["headers"]["Access-Control-Allow-Origin"] == allowed


def test_an_answer_is_text_that_nobody_stores() -> None:
    headers = answered(event(), lambda _: reply("ok"))["headers"]
    assert headers["content-type"] == "text/plain; charset=UTF-8"
    assert headers["cache-control"] == "no-store"


def test_bodies_and_cookies_are_read_as_api_gateway_hands_them_over() -> None:
    plain = Request.of(event("POST", body="4ü", cookies=["a=1", f"{cookies.COOKIE}=t"]))
    assert plain.body == "4ü".encode()
    assert cookies.of_request(plain.headers) == ["t"]
    encoded = base64.b64encode(b"4a").decode()
    assert Request.of(event("POST", body=encoded, isBase64Encoded=True)).body == b"4a"


def test_a_session_s_connection_id_cannot_be_one_of_api_gateway() -> None:
    def handle(request: Request) -> Answer:
        return reply(request.connection_id)

    assert answered(event(query="transport=polling sid=s"), handle)["body"] == "~s"
