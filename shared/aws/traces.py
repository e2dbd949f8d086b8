"""Subsegments of X-Ray for requests that are made without the SDK's client.

Lambda makes the segment of an invocation, and knows nothing of what the code requests. The document
of a subsegment goes to the daemon beside the function, in one datagram that nobody waits for.
https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec

TRACE = "_X_AMZN_TRACE_ID"
DAEMON = "AWS_XRAY_DAEMON_ADDRESS"
HEADER = b'{"format":"json","version":1}\n'


@contextmanager
def subsegment(name: str) -> Iterator[Counter[str]]:
    """Put the block into the invocation's trace as a subsegment, if the trace is sampled.

    Yields a counter. What the block counts becomes the annotations of the subsegment, by which
    traces can be searched.
    """
    counted: Counter[str] = Counter()
    parts = os.environ.get(TRACE, "").split(";")
    fields = dict(part.split("=", 1) for part in parts if "=" in part)
    if fields.get("Sampled") != "1" or DAEMON not in os.environ:
        yield counted
        return
    began = time.time()
    try:
        yield counted
    finally:
        document: dict[str, Any] = {
            "name": name,
            "id": secrets.token_hex(8),
            "trace_id": fields.get("Root"),
            "parent_id": fields.get("Parent"),
            "type": "subsegment",
            "namespace": "remote",
            "start_time": began,
            "end_time": time.time(),
            "annotations": counted,
        }
        _send(os.environ[DAEMON], HEADER + msgspec.json.encode(document))


def _send(address: str, datagram: bytes) -> None:
    """Send a datagram. A trace is not worth a failure."""
    host, _, port = address.rpartition(":")
    with (
        suppress(OSError, OverflowError, ValueError),
        socket.socket(type=socket.SOCK_DGRAM) as daemon,
    ):
        daemon.sendto(datagram, (host, int(port)))
