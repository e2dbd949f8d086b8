"""A request of long polling and its answer, as API Gateway's HTTP API hands them over.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from enum import IntEnum
from http import HTTPStatus
from typing import Any

import msgspec

from shared.aws.lambda_entry import Event
from shared.aws.mailboxes import PREFIX
from shared.pipeline import cors
from shared.protocol import json

METHODS = ("GET", "POST")
TEXT = "text/plain; charset=UTF-8"
Answer = dict[str, Any]


class Code(IntEnum):
    """What is wrong with a request, by the numbers of Engine.IO's own server."""

    TRANSPORT_UNKNOWN = 0
    SESSION_UNKNOWN = 1
    BAD_METHOD = 2
    BAD_REQUEST = 3
    UNSUPPORTED_PROTOCOL = 5


_TEXTS = {
    Code.TRANSPORT_UNKNOWN: "Transport unknown",
    Code.SESSION_UNKNOWN: "Session ID unknown",
    Code.BAD_METHOD: "Bad handshake method",
    Code.BAD_REQUEST: "Bad request",
    Code.UNSUPPORTED_PROTOCOL: "Unsupported protocol version",
}


class EngineError(Exception):
    """A request that is refused. ``code`` says why."""

    def __init__(self, code: Code) -> None:
        super().__init__(_TEXTS[code])
        self.code = code


class Request(msgspec.Struct, frozen=True):
    """A request of a client that polls.

    id: API Gateway's id of the request.
    ms: when it arrived, epoch milliseconds.
    address: the address of the peer.
    headers: the headers by lower-case name, the cookies among them.
    """

    id: str
    ms: int
    method: str
    address: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def of(cls, event: Event) -> Request:
        """Read the request from an event of the HTTP API (payload format 2.0)."""
        context, body = event["requestContext"], event.get("body") or ""
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        if event.get("cookies"):
            headers["cookie"] = "; ".join(event["cookies"])
        return cls(
            id=context["requestId"],
            ms=context["timeEpoch"],
            method=context["http"]["method"],
            address=context["http"]["sourceIp"],
            query=event.get("queryStringParameters") or {},
            headers=headers,
            body=base64.b64decode(body)
            if event.get("isBase64Encoded")
            else body.encode(errors="surrogatepass"),
        )

    @property
    def sid(self) -> str:
        """The Engine.IO session id. Empty if the request opens a session."""
        return self.query.get("sid", "")

    @property
    def connection_id(self) -> str:
        """The connection id of the client."""
        return PREFIX + self.sid

    def check(self) -> None:
        """Raise ``EngineError`` if the request is wrong, whatever the session's state is."""
        transport = self.query.get("transport")
        if transport not in {"polling", "websocket"}:
            raise EngineError(Code.TRANSPORT_UNKNOWN)
        if not self.sid and self.method != "GET":
            raise EngineError(Code.BAD_METHOD)
        if transport == "websocket" or self.method not in METHODS:
            raise EngineError(Code.BAD_REQUEST)
        if not self.sid and self.query.get("EIO") not in {"3", "4"}:
            raise EngineError(Code.UNSUPPORTED_PROTOCOL)


def answered(event: Event, handle: Callable[[Request], Answer]) -> Answer:
    """Return what ``handle`` answers to a request, with the headers that pages need."""
    request = Request.of(event)
    try:
        request.check()
        answer = handle(request)
    except EngineError as error:
        body = json.dumps({"code": error.code, "message": str(error)})
        answer = reply(body, "application/json", HTTPStatus.BAD_REQUEST)
    answer["headers"] |= cors.headers(request.headers)
    return answer


def reply(body: str, kind: str = TEXT, status: int = HTTPStatus.OK) -> Answer:
    """Return an answer with a body of a content type."""
    headers = {"content-type": kind, "cache-control": "no-store"}
    return {"statusCode": int(status), "headers": headers, "body": body}


def preflight(event: Event) -> Answer:
    """Return the answer that lets a page make its requests."""
    headers = cors.preflight(Request.of(event).headers, METHODS)
    return {"statusCode": int(HTTPStatus.NO_CONTENT), "headers": headers, "body": ""}
