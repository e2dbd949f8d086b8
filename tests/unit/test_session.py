"""Signing in to the admin's pages: which bodies are accepted, and the cookie that is set."""

from __future__ import annotations

import pytest

from functions.admin import session
from shared.identity import cookies
from shared.pipeline.http import HttpError
from tests.conftest import UseSettings

OURS = "https://ours.example"


@pytest.fixture(autouse=True)
def origins(use_settings: UseSettings) -> None:
    use_settings(allowed_origins=f"{OURS},http://localhost")


@pytest.mark.parametrize("given", ["a.b.c", "Bearer a.b.c"])
def test_the_token_is_read_from_the_body(given: str) -> None:
    assert session.token(f'{{"token": "{given}", "more": 1}}'.encode()) == "a.b.c"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "The body is not JSON"),
        ("{", "The body is not JSON"),
        ("[]", "token: Expected `object`, got `array`"),
        ("{}", "token: Object missing required field `token`"),
        ('{"token": 1}', "token: Expected `str`, got `int`"),
        (f'{{"token": "{"x" * 3801}"}}', "token: Expected `str` of length <= 3800"),
    ],
)
def test_any_other_body_is_refused(body: str, message: str) -> None:
    with pytest.raises(HttpError) as refused:
        session.token(body.encode())
    assert (refused.value.status, refused.value.message) == (400, message)


def test_a_body_that_is_not_text_is_refused() -> None:
    for body in (b"\xff\xfe", b'{"token": "a.b.c", "more": "\xff"}'):
        with pytest.raises(HttpError, match="The body is not JSON"):
            session.token(body)


def test_scripts_cannot_read_the_cookie_and_other_sites_do_not_send_it() -> None:
    cookie = cookies.put("a.b.c", {"origin": OURS})
    assert cookie == "authenticationToken=a.b.c; Path=/; HttpOnly; SameSite=Strict; Secure"
    assert cookies.put("a.b.c", {}) == cookie


def test_without_tls_the_cookie_is_not_marked_secure() -> None:
    cookie = cookies.put("a.b.c", {"origin": "http://localhost"})
    assert cookie == "authenticationToken=a.b.c; Path=/; HttpOnly; SameSite=Strict"


def test_signing_out_removes_the_cookie() -> None:
    assert cookies.take_away({}).startswith("authenticationToken=; ")
    assert cookies.take_away({}).endswith("; Max-Age=0")


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"origin": OURS}, True),
        ({"origin": "https://theirs.example"}, False),
        ({"origin": "null"}, False),
    ],
)
def test_only_pages_of_an_allowed_origin_may_set_the_cookie(
    headers: dict[str, str], allowed: bool
) -> None:
    assert cookies.may_set(headers) is allowed
