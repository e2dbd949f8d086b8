"""The Lambda function that serves the HTTP routes that the products declare.

Errors are ``{"error": {"message": …}}`` with a status of 4xx. No request of a caller leads to 5xx.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, cast

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from functions.products import REGISTRY
from shared.aws.adapters import ports
from shared.aws.lambda_entry import Event, entry
from shared.ids import is_id
from shared.pipeline import authentication, cors
from shared.pipeline.http import NO_ID, HttpError, HttpRequest, Reply
from shared.pipeline.routes import ID, HttpRoute
from shared.protocol import json

IDENTITY = "identity"
"""The content coding of a body that is not compressed."""

app = APIGatewayHttpResolver()


def served(route: HttpRoute) -> Callable[[], Response[str]]:
    """Return the function that powertools calls for a route."""

    def serve() -> Response[str]:
        if route not in REGISTRY.routes_of(app.current_event.path):
            return not_served()
        result = route.handle(request_for(route))
        reply = result if isinstance(result, Reply) else Reply(result, {})
        return answer(route.status, reply.body, reply.headers)

    return serve


for row in REGISTRY.http_routes.values():
    app.route(row.rule, method=row.method)(served(row))


def request_for(route: HttpRoute) -> HttpRequest:
    """Return the request that the route's handler receives.

    Raises ``HttpError`` 401 or 403 if the account that asks may not use the route, and 400 if the
    path has an id that nothing can have.
    """
    event, headers = app.current_event, request_headers()
    outside = ports()
    asker, id_ = authentication.asker(route.who, headers, outside.secrets), route.id_in(event.path)
    if ID in route.path and not is_id(id_):
        raise HttpError(HTTPStatus.BAD_REQUEST, f"id: {NO_ID}")
    return HttpRequest(
        ports=outside,
        registry=REGISTRY,
        asker=asker,
        id=id_,
        query=event.query_string_parameters,
        headers=headers,
        body=request_body(),
    )


def request_headers() -> dict[str, str]:
    """Return the headers, including the cookies, by their names in lower case."""
    headers = {name.lower(): value for name, value in app.current_event.headers.items()}
    if app.current_event.cookies:  # API Gateway's own list; other gateways leave the header
        headers["cookie"] = "; ".join(app.current_event.cookies)
    return headers


def request_body() -> bytes:
    """Return the body's bytes.

    A lone surrogate becomes bytes that are not UTF-8, so that the route refuses the body. Raises
    ``HttpError`` 400 if the body is compressed.
    """
    encoding = request_headers().get("content-encoding", IDENTITY)
    if app.current_event.body and encoding.lower() != IDENTITY:
        raise HttpError(HTTPStatus.BAD_REQUEST, f"Content-Encoding {encoding} is not supported")
    body = (app.current_event.body or "").encode(errors="surrogatepass")
    return base64.b64decode(body) if app.current_event.is_base64_encoded else body


@app.exception_handler(HttpError)  # type: ignore[untyped-decorator]
def refused(error: HttpError) -> Response[str]:
    """Answer a request that a handler has refused, or that the account may not make."""
    return refusal(error.status, error.message)


@app.not_found
def unmatched(_: NotFoundError) -> Response[str]:
    """Answer a request that no route matches."""
    return not_served()


def not_served() -> Response[str]:
    """Answer a request for a path that does not exist (404), or for one with other methods
    (405). Answer a browser's preflight request (204)."""
    path = app.current_event.path
    methods = methods_of(path)
    if not methods:
        return refusal(HTTPStatus.NOT_FOUND, "Not found")
    if app.current_event.http_method == "OPTIONS":
        return answer(HTTPStatus.NO_CONTENT, None, cors.preflight(request_headers(), methods))
    allow = {"Allow": ", ".join(methods)}
    return refusal(HTTPStatus.METHOD_NOT_ALLOWED, "Method not allowed", allow)


def methods_of(path: str) -> list[str]:
    """Return the methods of a path. Returns an empty list if no row serves it."""
    rows = [route.method for route in REGISTRY.routes_of(path)]
    return [*rows, "HEAD"] if "GET" in rows else rows


def refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response[str]:
    """Return an error in the API's form."""
    return answer(status, {"error": {"message": message}}, headers or {})


def answer(status: int, body: object, headers: Mapping[str, str]) -> Response[str]:
    """Return an answer in JSON. Its text is empty if the body is None.

    Most answers are personal, so no cache may keep any.
    """
    text = "" if body is None else json.dumps(body)
    sent = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **headers}
    return Response(status, content_types.APPLICATION_JSON, text, sent)


@entry
def handler(event: Event) -> dict[str, Any]:
    """Answer one HTTP request. HEAD is answered as GET is, without the body."""
    http = event["requestContext"]["http"]
    head = http["method"] == "HEAD"
    if head:
        context = {**event["requestContext"], "http": {**http, "method": "GET"}}
        event = {**event, "requestContext": context}
    result = app.resolve(event, cast("Any", None))
    result["headers"] = cors.headers(request_headers()) | result["headers"]
    return result | {"body": ""} if head else result
