"""What lets pages of other origins use the HTTP routes (CORS).

A page of any origin may send a request with a token. Only the stack's own origins may send the
admin cookie.

https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shared.settings import settings

PREFLIGHT_SECONDS = 7200
"""How long a browser may keep the answer to a preflight request. Chromium keeps none longer."""


def headers(request: Mapping[str, str]) -> dict[str, str]:
    """Return the headers by which the browser lets a page read an answer.

    request: the request's headers, by lower-case name.
    """
    origin = request.get("origin")
    if origin in settings().origins:
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Credentials": "true",
            "Vary": "Origin",
        }
    return {"Access-Control-Allow-Origin": "*", "Vary": "Origin"}


def preflight(request: Mapping[str, str], methods: Iterable[str]) -> dict[str, str]:
    """Return the headers of the answer to a preflight request.

    request: the request's headers, by lower-case name.
    methods: the methods of the path.
    """
    asked = request.get("access-control-request-headers", "Authorization, Content-Type")
    return headers(request) | {
        "Access-Control-Allow-Methods": ", ".join(methods),
        "Access-Control-Allow-Headers": asked,
        "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
    }
