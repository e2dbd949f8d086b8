"""The admin's cookie, which browsers send along with whatever any page asks for."""

from __future__ import annotations

from collections.abc import Mapping

from shared.settings import settings

COOKIE = "authenticationToken"


def of_handshake(headers: Mapping[str, str]) -> str | None:
    """The token in the cookie of a WebSocket handshake, which browsers let any page make: it counts
    only where ``Origin`` says that the page is one of ours. ``headers`` by lower-case name."""
    return _token(headers) if headers.get("origin") in settings().origins else None


def of_request(headers: Mapping[str, str]) -> str | None:
    """The token in the cookie of an HTTP request. Browsers leave ``Origin`` out of a page's ``GET``
    to its own server, and show no other page the answer."""
    return _token(headers) if headers.get("origin") in {None, *settings().origins} else None


def may_set(headers: Mapping[str, str]) -> bool:
    """Whether a request may change the cookie: no other page may sign a visitor in or out."""
    return headers.get("origin") in {None, *settings().origins}


def put(token: str, headers: Mapping[str, str]) -> str:
    """``Set-Cookie`` for a token. It goes when the browser closes, and counts as long as the token
    does. Browsers say in ``Origin`` that a page came without TLS, which only happens locally."""
    secure = "" if headers.get("origin", "").startswith("http://") else "; Secure"
    return f"{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict{secure}"


def take_away(headers: Mapping[str, str]) -> str:
    return f"{put('', headers)}; Max-Age=0"


def _token(headers: Mapping[str, str]) -> str | None:
    """Read by hand: the standard library gives up on the whole header for one cookie that it does
    not like, as ``prefs={"a":1}``, and a page has no say in what else its domain sets.

    https://www.rfc-editor.org/rfc/rfc6265#section-5.4
    """
    for cookie in headers.get("cookie", "").split(";"):
        name, _, value = cookie.strip().partition("=")
        if name == COOKIE:
            return value.strip('"') or None
    return None
