"""One HTTP route, and what the routes of all products have in common."""

from __future__ import annotations

import base64
import re
from typing import Any
from unittest.mock import Mock

import msgspec
import pytest

from functions.admin import stats
from functions.http import main
from shared.identity.tokens import Identity
from shared.pipeline import authentication, paging
from shared.pipeline.http import HttpError, HttpRequest
from shared.pipeline.product import Product
from shared.pipeline.registry import Registry
from shared.pipeline.routes import HttpRoute
from tests.conftest import UseSettings
from tests.fakes import NOW_MS, Fakes

pytestmark = pytest.mark.usefixtures("fakes")


def row(path: str) -> HttpRoute:
    return HttpRoute("GET", path, lambda request: None, "shop")


@pytest.mark.parametrize(
    ("path", "id_"),
    [
        ("/things/a/parts", "a"),
        ("/things/a/b/parts", "a/b"),
        ("/things///parts", "/"),
        ("/things/parts/parts", "parts"),
        ("/things/100%25/parts", "100%"),
        ("/things/a%2Fb/parts", "a%2Fb"),
        ('/things/ü☎ q"\\/parts', 'ü☎ q"\\'),
        ("/things/a\nb\n/parts", "a\nb\n"),
    ],
)
def test_an_id_in_a_path_may_be_anything(path: str, id_: str) -> None:
    route = row("/things/{id}/parts")
    assert route.serves(path)
    assert route.id_in(path) == id_


@pytest.mark.parametrize(
    "path",
    ["/things//parts", "/things/a", "/things/a/parts/b", "/things/a/parts\n", "/x/a/parts"],
)
def test_another_path_is_not_served(path: str) -> None:
    assert not row("/things/{id}/parts").serves(path)


def test_a_path_without_an_id_has_none() -> None:
    assert row("/things").serves("/things")
    assert not row("/things").serves("/things/a")
    assert row("/things").id_in("/things") == ""


def test_a_public_route_has_no_identity(fakes: Fakes) -> None:
    request = HttpRequest(fakes.ports, Registry([]), None, "", {}, {}, b"")
    with pytest.raises(RuntimeError):
        _ = request.identity


def served(method: str, path: str, body: str | None = None, **more: Any) -> tuple[int, Any, Any]:
    """Return status, headers, and the body, which is None if there is none."""
    event = {
        "version": "2.0",
        "rawPath": path,
        "headers": {},
        "body": body,
        "requestContext": {"http": {"method": method}, "stage": "$default"},
        **more,
    }
    answer = main.handler(event, Mock(aws_request_id="r"))
    text = answer["body"]
    assert answer["headers"]["Cache-Control"] == "no-store"
    assert answer["headers"]["X-Content-Type-Options"] == "nosniff"
    return answer["statusCode"], answer["headers"], msgspec.json.decode(text) if text else None


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch, use_settings: UseSettings) -> Fakes:
    use_settings()
    fakes = Fakes()
    monkeypatch.setattr(main, "ports", lambda: fakes.ports)
    return fakes


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/health", "GET, HEAD"),
        ("GET", "/session", "POST, DELETE"),
        ("GET", "/events", "POST"),
        ("PUT", "/channels/a/b/messages", "GET, HEAD"),
        ("GET", "/accounts/a/suspend", "POST"),
        ("GET", f"/accounts/{'a' * 200}/suspend", "POST"),
    ],
)
def test_another_method_of_a_known_path_gives_a_405(method: str, path: str, allow: str) -> None:
    status, headers, body = served(method, path)
    assert (status, headers["Allow"]) == (405, allow)
    assert headers["Content-Type"] == "application/json"
    assert body == {"error": {"message": "Method not allowed"}}


def test_head_is_answered_as_get_without_the_body() -> None:
    status, headers, _ = served("GET", "/health")
    assert served("HEAD", "/health") == (status, headers, None)
    assert served("HEAD", "/events")[0] == 405
    assert served("HEAD", "/nowhere")[0] == 404


OWN = "https://own.example"


@pytest.mark.parametrize("path", ["/health", "/calls", "/nowhere"])
def test_a_page_of_any_origin_may_read_every_answer(fakes: Fakes, path: str) -> None:
    _, headers, _ = served("GET", path, headers={"Origin": "https://page.example"})
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in headers


def test_a_page_of_an_own_origin_may_send_its_cookie(use_settings: UseSettings) -> None:
    use_settings(allowed_origins=OWN)
    _, headers, _ = served("GET", "/health", headers={"Origin": OWN})
    assert headers["Access-Control-Allow-Origin"] == OWN
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert headers["Vary"] == "Origin"


def test_a_preflight_request_is_answered() -> None:
    asked = {"Origin": OWN, "Access-Control-Request-Headers": "authorization"}
    status, headers, body = served("OPTIONS", "/session", headers=asked)
    assert (status, body) == (204, None)
    assert headers["Access-Control-Allow-Methods"] == "POST, DELETE"
    assert headers["Access-Control-Allow-Headers"] == "authorization"
    assert int(headers["Access-Control-Max-Age"]) > 0
    assert served("OPTIONS", "/nowhere")[0] == 404


def test_a_compressed_body_is_refused(fakes: Fakes) -> None:
    for encoding in ("gzip", "br", "wrong"):
        status, _, body = served("POST", "/session", "{}", headers={"Content-Encoding": encoding})
        assert (status, body["error"]["message"]) == (
            400,
            f"Content-Encoding {encoding} is not supported",
        )
    assert served("POST", "/session", "{}", headers={"Content-Encoding": "Identity"})[0] == 400


@pytest.mark.parametrize("path", ["/", "/channels/a", "/account", "/healthy"])
def test_an_unknown_path_gives_a_404_with_every_method(path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        status, headers, body = served(method, path)
        assert (status, body) == (404, {"error": {"message": "Not found"}})
        assert "Allow" not in headers


@pytest.mark.parametrize("path", ["/calls", "/admin/stats", "/accounts/me"])
def test_a_protected_route_without_a_token_gives_a_401(fakes: Fakes, path: str) -> None:
    status, _, body = served("GET", path)
    assert (status, body) == (401, {"error": {"message": "Authentication token required"}})


@pytest.mark.parametrize("key", ["POST /devices", "GET /devices", "DELETE /devices/a"])
def test_a_stack_that_does_not_push_has_no_devices(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """Without rights to a table of devices, which it does not have either."""
    tina = Identity("tina", "TELECALLER", "Tina", frozenset())
    monkeypatch.setattr(authentication, "asker", lambda *_: tina)
    method, path = key.split(" ")
    status, _, body = served(method, path, '{"platform": "FCM", "token": "t"}')
    assert (status, body) == (404, {"error": {"message": "Not found"}})


def test_public_routes_need_no_token(fakes: Fakes) -> None:
    status, headers, body = served("GET", "/health")
    assert (status, body) == (200, {"status": "ok"})
    assert headers["Content-Type"] == "application/json"
    status, headers, body = served("DELETE", "/session")
    assert (status, body) == (204, None)
    assert headers["Set-Cookie"].startswith("authenticationToken=;")
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("body", "more"),
    [
        (None, {}),
        ("\ud800", {}),
        (base64.b64encode(b"\xff\xfe").decode(), {"isBase64Encoded": True}),
    ],
)
def test_a_body_that_is_not_text_gives_a_400(
    fakes: Fakes, body: str | None, more: dict[str, Any]
) -> None:
    status, _, answer = served("POST", "/session", body, **more)
    assert (status, answer) == (400, {"error": {"message": "The body is not JSON"}})


def test_a_page_holds_one_row_fewer_than_is_read() -> None:
    page = paging.read({"limit": "2"})
    assert (page.rows, page.before) == (3, None)
    rows, cursor = paging.cut(page, ["c", "b", "a"], str)
    assert (list(rows), paging.read({"cursor": cursor or ""}).before) == (["c", "b"], "b")
    assert paging.cut(page, ["b", "a"], str) == (["b", "a"], None)
    assert paging.cut(page, [], str) == ([], None)


@pytest.mark.parametrize("key", ["\0", "a b", "é", "\uffff", "𝄞", "x" * 1_000])
def test_the_documents_describe_every_cursor(key: str) -> None:
    made = paging.cursor(key)
    assert re.search(paging.KEY, made)
    assert len(made) <= paging.LONGEST
    assert paging.read({"cursor": made}).before == key


@pytest.mark.parametrize(
    "cursor", ["", "6", "6G", "FF", "c080", "eda080", "f4908080", "61" * 1_001]
)
def test_another_cursor_is_refused(cursor: str) -> None:
    assert len(cursor) > paging.LONGEST or not re.search(paging.KEY, cursor)
    with pytest.raises(HttpError, match=paging.NOT_OURS):
        paging.read({"cursor": cursor})


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}])
def test_a_page_with_a_wrong_limit_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(HttpError) as refused:
        paging.read(query)
    assert (refused.value.status, refused.value.message) == (
        400,
        "limit: expected a number between 1 and 100",
    )


class Sold(msgspec.Struct, rename="camel"):
    sold_today: int


class Bought(msgspec.Struct, rename="camel"):
    bought: list[int]


def sold(now_ms: int) -> Sold:
    return Sold(now_ms - NOW_MS)


def bought(now_ms: int) -> Bought:
    return Bought([now_ms - NOW_MS])


def test_the_stats_hold_the_numbers_of_all_products_and_the_time(use_settings: UseSettings) -> None:
    use_settings()
    shop, market = Product("shop"), Product("market")
    shop.counters()(sold)
    market.counters()(bought)
    found = stats.read(Registry([shop, market]), NOW_MS + 5)
    assert msgspec.to_builtins(found) == {
        "soldToday": 5,
        "bought": [5],
        "timestamp": "2026-01-19T10:30:00.005Z",
    }


def test_two_products_cannot_count_under_the_same_name() -> None:
    shop, market = Product("shop"), Product("market")
    shop.counters()(sold)
    market.counters()(sold)
    with pytest.raises(ValueError, match="sold_today is counted twice"):
        stats.answer(Registry([shop, market]))
