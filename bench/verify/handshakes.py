"""Checks of handshakes, paths, transports and headers."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from websockets import Subprotocol
from websockets.exceptions import InvalidStatus

from bench.verify.check import Outcome, judged, not_checked
from bench.verify.client import PONG, Socket, Unexpected
from bench.verify.run import Run
from tests.e2e.client_js import JavaScript, NodeDriver
from tests.e2e.client_python import Python
from tests.e2e.clients import Client, Ticket

ENGINE = "/socket.io/?EIO=4&transport=websocket"
OPEN_PACKET = '0{"sid"'
TOO_MANY = "Too many connection attempts"
EXTRA = 3
"""How many handshakes more than the limit are made: an address may have one more for each client
of its own that has lost its connection."""
ORIGIN = "https://app.example"
PREFLIGHT = (204, "*")
"""The status of the answer, and the origins that it allows."""
UPGRADE_SECONDS = 12.0
UPGRADES = 3
"""How often a client is connected at most, until it has upgraded."""


async def paths(run: Run) -> Outcome:
    """Request every kind of path of the origin, and compare the answers with those documented."""
    opened = await run.open(ENGINE)
    first = await opened.find(lambda _: True)
    await opened.close()
    answers: dict[str, tuple[int, str]] = {}
    for path in (
        "/socket.io/?EIO=4&transport=polling",
        "/socket.io/?EIO=4&transport=nothing",
        "/console",
        "/nothing",
        "/health",
    ):
        status, body = await run.get(path)
        answers[path] = status, body if isinstance(body, str) else json.dumps(body)
    starts = [
        (200, OPEN_PACKET),
        (400, '{"code": 0'),
        (200, "<!doctype html"),
        (404, '{"error"'),
        (200, '{"status": "ok"'),
    ]
    wrong = [
        f"{path}: {status} {body[:60]}"
        for (path, (status, body)), (wanted, start) in zip(answers.items(), starts, strict=True)
        if status != wanted or not body.lower().startswith(start.lower())
    ]
    if not first.text.startswith(OPEN_PACKET):
        wrong.append(f"{ENGINE}: {first.text[:60]}")
    return judged(not wrong, "; ".join(wrong) or f"{len(answers) + 1} paths answer as they should")


async def trailing_slash(run: Run) -> Outcome:
    """Open a WebSocket at the API's own URL, as a client does for which there is no edge."""
    await run.handshakes.take()
    try:
        opened = await Socket.open(f"{run.account.websocket_api}/?EIO=4&transport=websocket")
    except InvalidStatus as error:
        return judged(False, f"The handshake was answered with {error.response.status_code}")
    run.sockets.append(opened)
    first = await opened.find(lambda _: True)
    await opened.close()
    return judged(first.text.startswith(OPEN_PACKET), f"101, then {first.text[:40]}")


async def default_route(run: Run) -> Outcome:
    """Send ``2`` and ``40``, and see whether the function behind ``$default`` answers them."""
    legacy = await run.open(ENGINE.replace("EIO=4", "EIO=3"))
    await legacy.find(lambda text: text.startswith("0{"))
    await legacy.send("2")
    await legacy.find(lambda text: text == PONG)
    await legacy.close()
    modern = await run.open(ENGINE)
    await modern.join("/")
    await modern.close()
    return judged(True, "2 was answered with 3, and 40 with 40{…}")


async def subprotocols(run: Run) -> Outcome:
    """Offer two subprotocols."""
    opened = await run.open(ENGINE, subprotocols=[Subprotocol("a"), Subprotocol("b")])
    confirmed = opened.connection.subprotocol
    await opened.close()
    return judged(confirmed == "a", f"Of a and b, {confirmed} was confirmed")


async def cors(run: Run) -> Outcome:
    """Send the preflight of a page of another origin."""
    urls = [run.url] + ([run.stack.http_api] if run.stack else [])
    wrong = []
    for url in urls:
        asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
        async with run.http.options(f"{url}/health", headers=asked) as answer:
            allowed = answer.headers.get("Access-Control-Allow-Origin")
            if (answer.status, allowed) != PREFLIGHT:
                wrong.append(f"{url}: {answer.status}, {allowed}")
    return judged(not wrong, "; ".join(wrong) or f"204 and * from {len(urls)} URLs")


async def errors_not_cached(run: Run) -> Outcome:
    """Request a page without a token, and at once with one."""
    admin = run.people.guest("ADMIN")
    seen = []
    for _ in range(3):
        refused, _body = await run.get("/admin/stats")
        answered, _body = await run.get("/admin/stats", admin.token)
        seen.append((refused, answered))
    return judged(set(seen) == {(401, 200)}, f"three times, one after the other: {seen[0]}")


async def limit_by_address(run: Run) -> Outcome:
    """Make one handshake more than is allowed, each with another address in its headers; then one
    from another address, if this machine has IPv4 and IPv6."""
    limit = run.handshakes.limit
    if limit > run.bounds.connections:
        return not_checked(
            f"The limit is {limit}, more than this run may open: --connections {limit}"
        )
    await run.handshakes.all_free()
    families = await _families(run.url)
    run.handshakes.use_up()
    refused = [await _is_refused(run, families[0], number) for number in range(limit + EXTRA)]
    first = refused.index(True) if True in refused else None
    holds = first is not None and first >= limit and all(refused[first:])
    found = f"Of {len(refused)} handshakes with invented addresses, {sum(refused)} were refused"
    if len(families) < 2:
        return judged(holds, f"{found}. This machine has one address, so no other was tried")
    other = await _is_refused(run, families[1], 0)
    what = "was refused too" if other else "was not"
    return judged(holds and not other, f"{found}; one from another address {what}")


async def _families(url: str) -> list[socket.AddressFamily]:
    """Return the families of addresses with which this machine reaches the stack."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    reached = []
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            async with asyncio.timeout(5):
                _, writer = await asyncio.open_connection(parts.hostname, port, family=family)
        except (OSError, TimeoutError):
            continue
        writer.close()
        reached.append(family)
    return reached


async def _is_refused(run: Run, family: socket.AddressFamily, number: int) -> bool:
    """Connect without a token, and return whether that is refused as one connection too many."""
    claimed = {"X-Forwarded-For": f"192.0.2.{number % 250 + 1}"}
    opened = await Socket.open(run.websocket + ENGINE, additional_headers=claimed, family=family)
    try:
        await opened.join("/user")
    except Unexpected as refusal:
        return TOO_MANY in str(refusal)
    finally:
        await opened.close()
    return False


async def libraries(run: Run) -> Outcome:
    """Connect socket.io-client and python-socketio as they are by default."""
    for _ in range(2 * UPGRADES):
        await run.handshakes.take()
    guests = [run.people.guest("USER") for _ in range(2)]
    found = await asyncio.to_thread(_with_libraries, run.url, [guest.token for guest in guests])
    holds = all(transport == "websocket" for transport in found.values())
    seen = ", ".join(f"{name} uses {transport}" for name, transport in found.items())
    return judged(holds, f"{seen}, after both have begun by polling; their events are acknowledged")


def _with_libraries(url: str, tokens: list[str]) -> dict[str, str]:
    """Return the transport that each library uses in the end."""
    driver = NodeDriver()
    try:
        tickets = [Ticket(url, "/user", token, transports=None) for token in tokens]
        return {
            "socket.io-client": _transport(lambda: JavaScript(driver, tickets[0])),
            "python-socketio": _transport(lambda: Python(tickets[1])),
        }
    finally:
        driver.close()


def _transport(connect: Callable[[], Client]) -> str:
    """Connect, wait for the upgrade, and send an event. Returns the transport.

    An upgrade may fail, and polling goes on then. So there are several attempts.
    """
    found = ""
    for _ in range(UPGRADES):
        client = connect()
        deadline = time.monotonic() + UPGRADE_SECONDS
        while client.transport() != "websocket" and time.monotonic() < deadline:
            time.sleep(0.1)
        client.ask("call:end", {"callId": "0" * 24})
        found = client.transport()
        client.leave()
        if found == "websocket":
            break
    return found
