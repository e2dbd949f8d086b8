"""Requests to a DynamoDB engine without the SDK, which takes ten times as long as the engine."""

from __future__ import annotations

import socket
import threading
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import msgspec
from botocore.exceptions import ClientError

HEAD = (
    "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.0\r\n"
    "Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/"
    "aws4_request, SignedHeaders=host, Signature=none\r\nX-Amz-Date: 20260101T000000Z\r\n"
    "X-Amz-Target: DynamoDB_20120810.{}\r\nContent-Length: {}\r\n\r\n"
)


class Direct:
    """An engine. Every thread has a connection of its own to it."""

    def __init__(self, url: str) -> None:
        host = urlsplit(url)
        self._address = host.hostname or "", host.port or 80
        self._mine = threading.local()

    def call(self, operation: str, params: dict[str, Any]) -> Any:
        """Make a request. Raises ``ClientError`` as the SDK does, or ``OSError``."""
        body = msgspec.json.encode(params)
        request = HEAD.format(operation, len(body)).encode() + body
        used = hasattr(self._mine, "socket")
        try:
            status, text = self._exchange(request)
        except OSError:
            self._mine.__dict__.clear()
            if not used:
                raise
            status, text = self._exchange(request)  # the engine had closed an idle connection
        answer = msgspec.json.decode(text or b"{}")
        if status == 200:
            return answer
        code = answer.get("__type", "InternalServerError").rpartition("#")[2]
        message = answer.get("message") or answer.get("Message") or ""
        raise ClientError(answer | {"Error": {"Code": code, "Message": message}}, operation)

    def _exchange(self, request: bytes) -> tuple[int, bytes]:
        """Send a request. Returns the status and the body of the answer."""
        if not hasattr(self._mine, "socket"):
            self._mine.socket = socket.create_connection(self._address)
            self._mine.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._mine.answers = self._mine.socket.makefile("rb")
        self._mine.socket.sendall(request)
        return _read(self._mine.answers)


def _read(answers: BinaryIO) -> tuple[int, bytes]:
    first = answers.readline()
    if not first:
        raise ConnectionResetError
    status, length = int(first.split()[1]), 0
    while line := answers.readline().strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return status, answers.read(length)
