"""The edge against real servers and clients on the loopback interface."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import yarl
from aiohttp import WSCloseCode, WSMsgType, web

from local import edge
from local.settings import OWN_ORIGIN
from shared.identity.edge import ADDRESS_HEADER


class Upstream:
    """Both APIs in one: echoes frames, records handshakes, refuses with ``?refuse=<status>``."""

    def __init__(self) -> None:
        self.handshakes: list[web.Request] = []
        self.closed: asyncio.Queue[int | None] = asyncio.Queue()
        self.shaken = asyncio.Event()
        self.pause: asyncio.Event | None = None

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        self.handshakes.append(request)
        if "refuse" in request.query:
            return web.Response(status=int(request.query["refuse"]))
        self.shaken.set()
        if self.pause:
            await self.pause.wait()
        socket = web.WebSocketResponse(protocols=("chat",), max_msg_size=0)
        await socket.prepare(request)
        async for message in socket:
            if message.data.startswith("close "):
                await socket.close(code=int(message.data.split()[1]))
            else:
                await socket.send_str(message.data)
        await self.closed.put(socket.close_code)
        return socket

    async def http(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "method": request.method,
                "path": request.raw_path,
                "headers": {name.lower(): value for name, value in request.headers.items()},
                "body": (await request.read()).decode(),
            },
            status=418,
            headers={
                "X-Answer": "yes",
                "Access-Control-Allow-Origin": request.headers.get("Origin", "*"),
            },
        )


class Stack:
    """An edge in front of an ``Upstream``, and a client session."""

    def __init__(self, upstream: Upstream, session: aiohttp.ClientSession, port: int) -> None:
        self.upstream = upstream
        self.session = session
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def connect(self, path: str = "/ws", **options: Any) -> Any:
        return self.session.ws_connect(self.url + path, **options)


@asynccontextmanager
async def site(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, auto_decompress=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    upstream = Upstream()
    app = web.Application(client_max_size=2 * edge.BODY_BYTES)
    app.router.add_get("/ws/live", upstream.websocket)
    app.router.add_route("*", "/http/{path:(?s:.*)}", upstream.http)
    listener = edge.listen(0)
    async with site(app) as host, aiohttp.ClientSession() as session:
        target = edge.Target(websocket=f"ws://{host}/ws/live", http=f"http://{host}/http")
        async with edge.serve(target, listener):
            yield Stack(upstream, session, listener.getsockname()[1])


@pytest.mark.parametrize("path", ["/ws", "/ws/", "/socket.io/?EIO=4&transport=websocket"])
async def test_frames_go_both_ways(stack: Stack, path: str) -> None:
    async with stack.connect(path) as client:
        for text in ("hello", "", "Grüße 🙂", "x" * edge.FRAME_BYTES):
            await client.send_str(text)
            assert await client.receive_str() == text


async def test_the_handshake_is_passed_on(stack: Stack) -> None:
    headers = {
        "Authorization": "Bearer t",
        "Cookie": "authenticationToken=c",
        "Origin": "https://app.example",
        "User-Agent": "app/1",
    }
    async with stack.connect("/ws?namespace=/user&token=a%2Bb&x=", headers=headers):
        (seen,) = stack.upstream.handshakes
    assert seen.raw_path.endswith("?namespace=/user&token=a%2Bb&x=")
    assert {name: seen.headers[name] for name in headers} == headers
    assert "Sec-WebSocket-Extensions" not in seen.headers


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_the_edge_s_own_origin_becomes_the_one_that_the_stack_allows(
    stack: Stack, host: str
) -> None:
    own = {"Origin": f"http://{host}:{stack.port}"}
    async with stack.connect(headers=own):
        assert stack.upstream.handshakes[0].headers["Origin"] == OWN_ORIGIN


@pytest.mark.parametrize(
    "origin",
    ["http://localhost", "http://127.0.0.1", "http://localhost:1", "https://localhost", OWN_ORIGIN],
)
async def test_another_origin_never_becomes_the_edge_s_own(stack: Stack, origin: str) -> None:
    async with stack.connect(headers={"Origin": origin}):
        assert stack.upstream.handshakes[0].headers["Origin"] != OWN_ORIGIN


@pytest.mark.parametrize("port", [80, 8000])
async def test_browsers_leave_out_the_usual_port_of_an_origin(port: int) -> None:
    async with aiohttp.ClientSession() as session:
        one = edge.Edge(edge.Target("", ""), port, session)
    assert ("http://localhost" in one.origins) == (port == 80)
    assert (f"http://localhost:{port}" in one.origins) == (port != 80)


async def test_the_subprotocol_is_negotiated_with_the_stack(stack: Stack) -> None:
    async with stack.connect(protocols=("other", "chat")) as client:
        assert client.protocol == "chat"


async def test_a_forged_address_is_dropped(stack: Stack) -> None:
    forged = {
        "X-Forwarded-For": "1.2.3.4",
        "Forwarded": "for=1.2.3.4",
        "X-Real-IP": "1.2.3.4",
        ADDRESS_HEADER: "1.2.3.4",
        "X-Forwarded-Host": "evil",
    }
    async with stack.connect(headers=forged):
        seen = stack.upstream.handshakes[0].headers
    assert seen.getall("X-Forwarded-For") == ["127.0.0.1"]
    assert "1.2.3.4" not in str(seen)
    assert "evil" not in str(seen)
    async with stack.session.get(stack.url + "/health", headers=forged) as response:
        headers = (await response.json(content_type=None))["headers"]
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert "1.2.3.4" not in str(headers)


@pytest.mark.parametrize("status", [401, 403, 500])
async def test_a_refused_handshake_gives_its_http_status(stack: Stack, status: int) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await stack.connect(f"/ws?refuse={status}")
    assert refused.value.status == status


async def test_binary_frames_are_refused(stack: Stack) -> None:
    async with stack.connect() as client:
        await client.send_bytes(b"4")
        assert (await client.receive()).type is WSMsgType.CLOSE
        assert client.close_code == WSCloseCode.UNSUPPORTED_DATA
    assert await stack.upstream.closed.get() == WSCloseCode.UNSUPPORTED_DATA


async def test_frames_over_the_limit_are_refused(stack: Stack) -> None:
    async with stack.connect() as client:
        await client.send_str("x" * (edge.FRAME_BYTES + 1))
        assert (await client.receive()).type is WSMsgType.CLOSE
        assert client.close_code == WSCloseCode.MESSAGE_TOO_BIG
    assert await stack.upstream.closed.get() == WSCloseCode.MESSAGE_TOO_BIG


@pytest.mark.parametrize("code", [1000, 1001, 1008, 4000])
async def test_a_close_keeps_its_code_in_both_directions(stack: Stack, code: int) -> None:
    async with stack.connect() as client:
        await client.send_str(f"close {code}")
        assert (await client.receive()).type is WSMsgType.CLOSE
        assert client.close_code == code
    async with stack.connect() as client:
        await stack.upstream.closed.get()
        await client.close(code=code)
    assert await stack.upstream.closed.get() == code


async def test_a_close_without_a_code_is_a_normal_one(stack: Stack) -> None:
    async with stack.connect() as client:
        await client._writer.send_frame(b"", WSMsgType.CLOSE)
        assert await stack.upstream.closed.get() == WSCloseCode.OK


async def test_a_torn_connection_is_torn_on_the_side_of_the_stack_too(stack: Stack) -> None:
    client = await stack.connect()
    client._response.connection.transport.abort()
    assert await stack.upstream.closed.get() == WSCloseCode.ABNORMAL_CLOSURE


async def test_a_client_that_is_gone_during_the_handshake_leaves_no_error(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    stack.upstream.pause = asyncio.Event()
    reader, writer = await asyncio.open_connection("127.0.0.1", stack.port)
    writer.write(
        b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    await stack.upstream.shaken.wait()
    writer.transport.abort()
    await asyncio.sleep(0.1)
    stack.upstream.pause.set()
    assert await stack.upstream.closed.get() is not None
    await asyncio.sleep(0.1)  # the edge writes what went wrong after it has closed the connection
    assert not caplog.records
    assert reader.at_eof() or reader.exception() is not None


@pytest.mark.parametrize("query", ["?EIO=4&transport=other", "?EIO=4", ""])
async def test_another_transport_is_answered_as_by_socket_io(stack: Stack, query: str) -> None:
    for method in ("GET", "POST"):
        async with stack.session.request(method, stack.url + "/socket.io/" + query) as response:
            assert response.status == 400
            assert await response.json() == {"code": 0, "message": "Transport unknown"}


async def test_a_plain_request_for_a_websocket_is_refused(stack: Stack) -> None:
    async with stack.session.get(stack.url + "/socket.io/?transport=websocket") as response:
        assert (response.status, (await response.json())["code"]) == (400, 3)
    async with stack.session.get(stack.url + "/ws") as response:
        assert (response.status, "error" in await response.json()) == (400, True)


async def test_an_http_request_is_passed_on_unchanged(stack: Stack) -> None:
    async with stack.session.post(
        stack.url + "/events%2Fx?cursor=a%3D&limit=2",
        data=json.dumps({"type": "t"}),
        headers={
            "Authorization": "Bearer t",
            "Connection": "keep-alive, x-secret",
            "X-Secret": "s",
        },
    ) as response:
        assert response.status == 418
        assert response.headers["X-Answer"] == "yes"
        seen = await response.json()
    assert seen["method"] == "POST"
    assert seen["path"] == "/http/events%2Fx?cursor=a%3D&limit=2"
    assert seen["body"] == '{"type": "t"}'
    assert seen["headers"]["authorization"] == "Bearer t"
    assert "x-secret" not in seen["headers"]


async def test_a_path_may_hold_any_character(stack: Stack) -> None:
    url = yarl.URL(f"{stack.url}/bookings/a%0A%0Db", encoded=True)
    async with stack.session.get(url) as response:
        assert (await response.json())["path"] == "/http/bookings/a%0A%0Db"


async def test_a_compressed_body_is_passed_on_as_it_is(stack: Stack) -> None:
    for encoding in ("gzip", "deflate", "br", "wrong"):
        async with stack.session.post(
            stack.url + "/events",
            data=b"not compressed",
            headers={"Content-Encoding": encoding},
            skip_auto_headers=("Content-Type",),
        ) as response:
            assert response.status == 418


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_long_polling_goes_to_the_http_api(stack: Stack, method: str) -> None:
    url = stack.url + "/socket.io/?EIO=4&transport=polling&sid=x"
    async with stack.session.request(method, url, data=b"40") as response:
        seen = await response.json()
    assert (seen["method"], seen["body"]) == (method, "40")
    assert seen["path"] == "/http/socket.io/?EIO=4&transport=polling&sid=x"


@pytest.mark.parametrize("origin", ["http://localhost:{}", "https://app.example"])
async def test_a_page_reads_that_its_own_origin_is_allowed(stack: Stack, origin: str) -> None:
    headers = {"Origin": origin.format(stack.port)}
    async with stack.session.get(stack.url + "/health", headers=headers) as response:
        assert response.headers["Access-Control-Allow-Origin"] == headers["Origin"]


async def test_a_body_over_the_limit_is_refused(stack: Stack) -> None:
    async with stack.session.post(
        stack.url + "/events", data=io.BytesIO(bytes(edge.BODY_BYTES + 1))
    ) as response:
        assert response.status == 413
        assert "error" in await response.json()


async def test_without_a_stack_the_edge_answers_with_an_error() -> None:
    nowhere = edge.listen(0)
    port = nowhere.getsockname()[1]
    nowhere.close()
    target = edge.Target(websocket=f"ws://127.0.0.1:{port}", http=f"http://127.0.0.1:{port}")
    listener = edge.listen(0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with edge.serve(target, listener), aiohttp.ClientSession() as session:
        async with session.get(url + "/health") as response:
            assert response.status == 502
            assert await response.json() == {"error": {"message": "The stack is not running"}}
        with pytest.raises(aiohttp.WSServerHandshakeError, match="502"):
            await session.ws_connect(url + "/ws")


def test_a_port_in_use_cannot_be_used_again() -> None:
    listener = edge.listen(0)
    try:
        with pytest.raises(OSError, match="in use"):
            edge.listen(listener.getsockname()[1])
    finally:
        listener.close()
