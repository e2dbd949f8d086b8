"""The admin's cookie, which holds a token. Browsers send it with requests of any page."""

from __future__ import annotations

from collections.abc import Mapping

from shared.settings import settings

COOKIE = "authenticationToken"


def of_handshake(headers: Mapping[str, str]) -> list[str]:
    """Return the tokens in the cookies of a WebSocket handshake.

    Browsers let any page make a handshake, so the cookie counts only if ``Origin`` is one of the
    stack's origins. ``headers`` have lower-case names.
    """
    return _tokens(headers) if headers.get("origin") in settings().origins else []


def of_request(headers: Mapping[str, str]) -> list[str]:
    """Return the tokens in the cookies of an HTTP request.

    A request without ``Origin`` counts as well: browsers leave it out of a page's ``GET`` to its
    own server, and they do not show the answer to a page of another origin.
    """
    return _tokens(headers) if headers.get("origin") in {None, *settings().origins} else []


def may_set(headers: Mapping[str, str]) -> bool:
    """Return whether a request may change the cookie.

    A page of another origin must not sign a visitor in or out.
    """
    return headers.get("origin") in {None, *settings().origins}


def put(token: str, headers: Mapping[str, str]) -> str:
    """Return the ``Set-Cookie`` header for a token.

    The browser drops the cookie when it closes, and the token in it expires as any token does. The
    cookie is ``Secure`` unless ``Origin`` shows a page without TLS, as on a developer's machine.
    """
    secure = "" if headers.get("origin", "").startswith("http://") else "; Secure"
    return f"{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict{secure}"


def take_away(headers: Mapping[str, str]) -> str:
    """Return the ``Set-Cookie`` header that deletes the cookie."""
    return f"{put('', headers)}; Max-Age=0"


def _tokens(headers: Mapping[str, str]) -> list[str]:
    """Return the tokens in the ``Cookie`` header, in order.

    A browser sends several cookies of one name if they were set for different domains or paths,
    perhaps by other software. The one whose token is valid counts.

    The header is read by hand, because the standard library drops the whole header for one cookie
    that it cannot parse, such as ``prefs={"a":1}``. Other software may set such cookies for the
    same domain.

    https://www.rfc-editor.org/rfc/rfc6265#section-5.4
    """
    pairs = (cookie.strip().partition("=") for cookie in headers.get("cookie", "").split(";"))
    values = (value.strip('"') for name, _, value in pairs if name == COOKIE)
    return [value for value in values if value]
