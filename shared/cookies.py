"""The admin's cookie, which browsers send along with whatever any page asks for."""

from __future__ import annotations

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

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


def _token(headers: Mapping[str, str]) -> str | None:
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return cookie.value if cookie else None
