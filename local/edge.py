"""The edge on a developer's machine: one origin in front of the two APIs, as CloudFront is in AWS.

``/socket.io/`` and ``/ws`` go to the WebSocket API, except long polling. The pages come from their
folder, and everything else goes to the HTTP API. API Gateway's limits for frames and bodies are
enforced here, because the emulator has none.
"""

from __future__ import annotations

import asyncio
import socket
import weakref
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import msgspec
from aiohttp import WSCloseCode, WSMsgType, web
from multidict import CIMultiDict
from yarl import URL

from local.pages import Pages
from local.settings import OWN_ORIGIN
from shared.identity.edge import ADDRESS_HEADER, KEY_HEADER

FRAME_BYTES = 32 * 1024
"""The largest frame that a client may send.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html"""

BODY_BYTES = 10 * 1024 * 1024
"""The largest body of a request to an HTTP API."""

LINE_BYTES = 64 * 1024
"""The longest request line. aiohttp's own limit is shorter than CloudFront's, and its answer is not
JSON."""

HTTP_PORT = 80
HTTP_SECONDS = 30
CLOSE_SECONDS = 2.0
SHUTDOWN_SECONDS = 3.0

HOP_BY_HOP = {
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
"""Headers that belong to one connection (RFC 9110, 7.6.1) or are written anew for the next one."""

ALLOWED_ORIGIN = "Access-Control-Allow-Origin"
FORWARDING = {"forwarded", "via", "x-real-ip"}

NO_STATUS = 1005
WITHOUT_CODE = {0, NO_STATUS}
"""What a close frame without a code has for one: in aiohttp, and in RFC 6455."""
NOT_SENDABLE = {1004, NO_STATUS, 1006, 1015}
"""Close codes that are never sent: they stand for a close without a code (RFC 6455, 7.4.1)."""


class Target(msgspec.Struct, frozen=True):
    """The addresses of the two APIs' stages.

    websocket, http: URLs without a slash at the end.
    key: the key that proves to the stack that a request comes through the edge, so that it believes
        the client's address in it.
    """

    websocket: str
    http: str
    key: str = ""


class Edge:
    """The request handler of the edge.

    port: the edge's own port, a part of its origins.
    origins: the edge's own origins, as browsers write them.
    """

    def __init__(
        self,
        target: Target,
        port: int,
        session: aiohttp.ClientSession,
        pages: Pages | None = None,
    ) -> None:
        self._pages = pages
        self._target = target
        self._session = session
        # Browsers leave out the usual port.
        own = "" if port == HTTP_PORT else f":{port}"
        self.origins = {f"http://{host}{own}" for host in ("127.0.0.1", "localhost")}
        self._clients: weakref.WeakSet[web.WebSocketResponse] = weakref.WeakSet()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request from the pages or from the stack."""
        try:
            return await self._answer(request)
        except web.HTTPRequestEntityTooLarge:
            return error(413, f"The body is larger than {BODY_BYTES} bytes")
        except TimeoutError:
            return error(504, "The stack did not answer in time")
        except aiohttp.ClientError:
            return error(502, "The stack is not running")

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.rel_url.raw_path.rstrip("/")
        if path not in {"/socket.io", "/ws"}:
            page = self._pages.answer(request) if self._pages else None
            return await self._http(request) if page is None else page
        if path == "/socket.io":
            transport = request.query.get("transport")
            if transport == "polling":
                return await self._http(request)
            if transport != "websocket":
                return engine_error(0, "Transport unknown")
        if web.WebSocketResponse().can_prepare(request):
            return await self._websocket(request)
        if path == "/socket.io":
            return engine_error(3, "Bad request")
        return error(400, "A WebSocket handshake is expected here")

    async def _http(self, request: web.Request) -> web.StreamResponse:
        url = self._target.http + request.rel_url.raw_path
        sent = self._headers(request)
        async with self._session.request(
            request.method,
            _with_query(url, request),
            headers=sent,
            data=await request.read() or None,
            allow_redirects=False,
        ) as answer:
            headers = _without(answer.headers, HOP_BY_HOP)
            if headers.get(ALLOWED_ORIGIN) == sent.get("Origin") == OWN_ORIGIN:
                headers[ALLOWED_ORIGIN] = request.headers["Origin"]
            return web.Response(
                status=answer.status,
                reason=answer.reason,
                headers=headers,
                body=await answer.read(),
            )

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        """Connect to the stack first, so that a refusal can be passed on as an HTTP status."""
        protocols = [
            name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",")
        ]
        try:
            upstream = await self._session.ws_connect(
                _with_query(self._target.websocket, request),
                headers=self._headers(request),
                protocols=[name for name in protocols if name],
                max_msg_size=0,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
            )
        except aiohttp.WSServerHandshakeError as refusal:
            return web.json_response({"message": refusal.message}, status=refusal.status)
        async with upstream:
            client = web.WebSocketResponse(
                compress=False,
                # aiohttp refuses a frame that reaches its limit, API Gateway one that exceeds it.
                max_msg_size=FRAME_BYTES + 1,
                protocols=[upstream.protocol] if upstream.protocol else (),
                timeout=CLOSE_SECONDS,
            )
            try:
                await client.prepare(request)
            except ConnectionResetError:
                return web.Response()  # the client has hung up: nobody reads it
            self._clients.add(client)
            await relay(client, upstream)
            return client

    def _headers(self, request: web.Request) -> CIMultiDict[str]:
        """Return the client's headers, with its real address in place of any that it claims."""
        dropped = HOP_BY_HOP | FORWARDING | _named_in_connection(request)
        headers = _without(request.headers, dropped)
        for name in list(headers):
            if name.lower().startswith(("x-forwarded-", "sec-websocket-", "switchboard-")):
                headers.popall(name, None)
        headers["X-Forwarded-For"] = headers[ADDRESS_HEADER] = request.remote or ""
        headers[KEY_HEADER] = self._target.key
        origin = headers.get("Origin")
        if origin in self.origins:
            headers["Origin"] = OWN_ORIGIN
        elif origin == OWN_ORIGIN:
            headers["Origin"] = "null"
        return headers

    async def close(self, _app: web.Application) -> None:
        """Close every client's connection with the code "going away"."""
        closing = (client.close(code=WSCloseCode.GOING_AWAY) for client in set(self._clients))
        await asyncio.gather(*closing, return_exceptions=True)


async def relay(client: web.WebSocketResponse, upstream: aiohttp.ClientWebSocketResponse) -> None:
    """Pass frames both ways until one side ends, then end the other in the same way."""
    up = asyncio.create_task(_up(client, upstream))
    down = asyncio.create_task(_down(upstream, client))
    try:
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (up, down):
            task.cancel()
        ends = await asyncio.gather(up, down, return_exceptions=True)
    if ends[0] == WSCloseCode.ABNORMAL_CLOSURE:
        upstream._response.close()  # the only way to end without a close frame
    code = _sendable(next((end for end in ends if isinstance(end, int)), None))
    await asyncio.gather(client.close(code=code), upstream.close(code=code))


async def _up(
    client: web.WebSocketResponse, upstream: aiohttp.ClientWebSocketResponse
) -> int | None:
    """Pass frames to the stack; return the code with which the client's side was closed.

    Either side may have closed it.
    """
    async for message in client:
        match message.type:
            case WSMsgType.TEXT:
                await upstream.send_str(message.data)
            case WSMsgType.BINARY:
                return WSCloseCode.UNSUPPORTED_DATA
            case _:  # a protocol error or a frame too large: aiohttp has closed the connection
                return getattr(message.data, "code", None)
    return client.close_code


async def _down(
    upstream: aiohttp.ClientWebSocketResponse, client: web.WebSocketResponse
) -> int | None:
    """Pass frames to the client; return the code with which the stack closed the connection."""
    async for message in upstream:
        if message.type is WSMsgType.TEXT:
            await client.send_str(message.data)
    return upstream.close_code


def _sendable(code: int | None) -> int:
    """Return a close code that may be sent.

    An end without a close frame (1006) becomes "going away", a close without a code (1005) becomes
    a normal close.
    """
    if code in WITHOUT_CODE:
        return WSCloseCode.OK
    return WSCloseCode.GOING_AWAY if code is None or code in NOT_SENDABLE else code


def _with_query(url: str, request: web.Request) -> URL:
    query = request.rel_url.raw_query_string
    return URL(f"{url}?{query}" if query else url, encoded=True)


def _without(headers: Mapping[str, str], dropped: set[str]) -> CIMultiDict[str]:
    return CIMultiDict(
        (name, value) for name, value in headers.items() if name.lower() not in dropped
    )


def _named_in_connection(request: web.Request) -> set[str]:
    named = ",".join(request.headers.getall("Connection", ()))
    return {name.strip().lower() for name in named.split(",")}


def error(status: int, message: str) -> web.Response:
    """Return an error in the contract's form for HTTP."""
    return web.json_response({"error": {"message": message}}, status=status)


def engine_error(code: int, message: str) -> web.Response:
    """Return an error in the form of an Engine.IO server that cannot serve a request."""
    return web.json_response({"code": code, "message": message}, status=400)


def listen(port: int) -> socket.socket:
    """Take the port now; clients that connect before ``serve`` wait.

    Raises ``OSError`` if the port is in use.
    """
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    return listener


@asynccontextmanager
async def serve(
    target: Target, listener: socket.socket, pages: Pages | None = None
) -> AsyncIterator[None]:
    """Serve on ``listener`` while the block runs, then close every connection."""
    port = int(listener.getsockname()[1])
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=HTTP_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
    ) as session:
        edge = Edge(target, port, session, pages)
        app = web.Application(client_max_size=BODY_BYTES)
        app.router.add_route("*", "/{path:(?s:.*)}", edge.handle)  # an id may hold a newline
        app.on_shutdown.append(edge.close)
        runner = web.AppRunner(
            app,
            access_log=None,
            shutdown_timeout=SHUTDOWN_SECONDS,
            auto_decompress=False,
            max_line_size=LINE_BYTES,
        )
        await runner.setup()
        try:
            await web.SockSite(runner, listener, backlog=1024).start()
            yield
        finally:
            await runner.cleanup()
