"""The same calls served from memory: a usual server with python-socketio on aiohttp.

``python -m bench.memory_server`` prints its port. ``GET /cpu`` answers with the processor seconds
that it has used.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from typing import Any

import socketio  # type: ignore[import-untyped]
from aiohttp import web

server = socketio.AsyncServer(async_mode="aiohttp")
people: dict[str, str] = {}
calls: dict[str, dict[str, str]] = {}


async def connect(sid: str, _environ: Any, auth: dict[str, str]) -> None:
    people[auth["id"]] = sid


async def initiate(sid: str, data: dict[str, str]) -> None:
    id_ = secrets.token_hex(12)
    calls[id_] = {"user": sid, "telecaller": people[data["telecallerId"]], "status": "RINGING"}
    incoming = {"callId": id_, "callType": data["callType"], "caller": {"_id": "u1", "name": "U"}}
    ringing = {"callId": id_, "telecaller": {"_id": "t1", "name": "T"}}
    await server.emit(
        "call:incoming", incoming, to=calls[id_]["telecaller"], namespace="/telecaller"
    )
    await server.emit("call:ringing", ringing, to=sid, namespace="/user")


async def accept(_sid: str, data: dict[str, str]) -> None:
    call = calls[data["callId"]]
    call["status"] = "ACCEPTED"
    accepted = {"callId": data["callId"], "livekit": {"token": "t" * 300, "url": "ws://l"}}
    await server.emit("call:accepted", accepted, to=call["telecaller"], namespace="/telecaller")
    await server.emit("call:accepted", accepted, to=call["user"], namespace="/user")


async def end(_sid: str, data: dict[str, str]) -> None:
    call = calls.pop(data["callId"])
    await server.emit("call:ended", data, to=call["telecaller"], namespace="/telecaller")


async def cpu(_request: web.Request) -> web.Response:
    return web.json_response(time.process_time())


async def main() -> None:
    for namespace in ("/user", "/telecaller"):
        server.on("connect", connect, namespace=namespace)
    server.on("call:initiate", initiate, namespace="/user")
    server.on("call:accept", accept, namespace="/telecaller")
    server.on("call:end", end, namespace="/user")
    app = web.Application()
    server.attach(app)
    app.router.add_get("/cpu", cpu)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
