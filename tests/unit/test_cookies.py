"""The admin's cookie, and the pages from which it is accepted."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from shared.identity.cookies import of_handshake, of_request
from tests.conftest import UseSettings

OURS, THEIRS = "https://ours.example", "https://theirs.example"
Reader = Callable[[Mapping[str, str]], list[str]]


@pytest.fixture(autouse=True)
def origins(use_settings: UseSettings) -> None:
    use_settings(allowed_origins=f"{OURS},https://also.example")


@pytest.mark.parametrize("read", [of_handshake, of_request])
def test_the_cookie_is_accepted_from_an_allowed_origin(read: Reader) -> None:
    headers = {"origin": OURS, "cookie": "a=b; authenticationToken=abc.def.ghi; c=d"}
    assert read(headers) == ["abc.def.ghi"]


@pytest.mark.parametrize("read", [of_handshake, of_request])
@pytest.mark.parametrize("origin", [THEIRS, "null", "", OURS.upper(), f"{OURS}/", f"{OURS}:443"])
def test_the_cookie_is_ignored_from_another_origin(read: Reader, origin: str) -> None:
    assert read({"origin": origin, "cookie": "authenticationToken=abc"}) == []


def test_without_an_origin_a_request_may_use_the_cookie_and_a_handshake_may_not() -> None:
    headers = {"cookie": "authenticationToken=abc"}
    assert of_request(headers) == ["abc"]
    assert of_handshake(headers) == []


@pytest.mark.parametrize("read", [of_handshake, of_request])
@pytest.mark.parametrize(
    "cookie", [None, "", "other=abc", "authenticationtoken=abc", ";;;", "=", "\x00", "a=b\x00c"]
)
def test_a_request_without_the_cookie_has_no_token(read: Reader, cookie: str | None) -> None:
    headers = {"origin": OURS} | ({} if cookie is None else {"cookie": cookie})
    assert read(headers) == []


@pytest.mark.parametrize("read", [of_handshake, of_request])
@pytest.mark.parametrize(
    "other", ['prefs={"a":1,"b":[2]}', "a/b=1", "a(b)=c", 'x="', "no value", "=", "ü=ü", "", " "]
)
def test_other_cookies_do_not_hide_the_token(read: Reader, other: str) -> None:
    for cookie in (f"{other}; authenticationToken=abc", f"authenticationToken=abc; {other}"):
        assert read({"origin": OURS, "cookie": cookie}) == ["abc"]


@pytest.mark.parametrize("read", [of_handshake, of_request])
def test_quotes_around_the_token_are_not_part_of_it(read: Reader) -> None:
    assert read({"origin": OURS, "cookie": 'authenticationToken="abc"'}) == ["abc"]


@pytest.mark.parametrize("read", [of_handshake, of_request])
def test_all_cookies_of_the_name_are_read(read: Reader) -> None:
    cookie = "authenticationToken=old; a=b; authenticationToken=; authenticationToken=new"
    assert read({"origin": OURS, "cookie": cookie}) == ["old", "new"]
