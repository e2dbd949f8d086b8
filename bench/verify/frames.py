"""Checks of what arrives on a connection: when the first frame does, in which order, and which."""

from __future__ import annotations

import asyncio
import json
import re

from bench.verify import latencies
from bench.verify.check import Outcome, judged, not_checked
from bench.verify.client import Socket
from bench.verify.handshakes import ENGINE
from bench.verify.run import Run

PACKET = re.compile(r"[0-3]|6$|4[0-4]|\{")
"""How a packet of Engine.IO begins, or a frame of the native protocol."""

NATIVE_KEYS = ({"event", "data"}, {"ack", "data"}, {"ack", "error"})
LEAST_OPENED = 10
PER_CONNECTION = 250
"""How many events one connection sends in the check of the order, below the limit of a minute."""


async def postable(run: Run) -> Outcome:
    """Look at how long after its handshake each connection of the run has received its first
    frame. Opens some, if there were few."""
    while len(_opened(run)) < LEAST_OPENED:
        opened = await run.open(ENGINE)
        await opened.find(lambda _: True)
        await opened.close()
    times = _opened(run)
    most = run.settings.opening_retry_seconds
    return judged(
        max(times) < most,
        f"{len(times)} connections; the slowest was opened after {max(times):.2f} s, "
        f"and the opener gives up after {most:g} s",
        **latencies.in_ms("opened after", times),
    )


def _opened(run: Run) -> list[float]:
    return [after for one in run.sockets if (after := one.opened_after) is not None]


async def order(run: Run) -> Outcome:
    """Ask for events that are posted before their acknowledgement, which is posted when the post
    of the event has been answered."""
    admin = run.people.guest("ADMIN")
    wanted = run.bounds.posts
    sockets = [
        await run.join("/admin", admin.token) for _ in range(max(1, -(-wanted // PER_CONNECTION)))
    ]
    wrong = await asyncio.gather(*(_in_order(one, wanted // len(sockets)) for one in sockets))
    for one in sockets:
        await one.close()
    made = wanted // len(sockets) * len(sockets)
    return judged(sum(wrong) == 0, f"{sum(wrong)} of {made} pairs came in the other order")


async def _in_order(socket: Socket, times: int) -> int:
    """Return how many acknowledgements came before their event."""
    wrong = 0
    for _ in range(times):
        since = len(socket.frames)
        await socket.ask("presence:request-counts")
        wrong += not socket.events("presence:counts", since)
        await socket.event("presence:counts", since)
    return wrong


async def only_packets(run: Run) -> Outcome:
    """Look at every frame of the run: what a function returns must not be one of them."""
    frames = [frame.text for one in run.sockets for frame in one.frames]
    if not frames:
        return not_checked("No client has received a frame")
    strange = [text for text in frames if not _is_packet(text)]
    found = f"{len(frames)} frames, of which {len(strange)} are no packets"
    return judged(not strange, f"{found}: {strange[0][:80]}" if strange else found)


def _is_packet(text: str) -> bool:
    if not PACKET.match(text):
        return False
    return not text.startswith("{") or set(json.loads(text)) in NATIVE_KEYS
