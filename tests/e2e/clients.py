"""Real clients of every supported library behind one small interface.

``js``       npm socket.io-client 4, or 3 or 2, in a Node process
``python``   python-socketio's Client
``asyncio``  python-socketio's AsyncClient
``native``   JSON over a plain WebSocket
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import queue
import socket
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import engineio  # type: ignore[import-untyped]
import socketio  # type: ignore[import-untyped]
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as open_websocket

T = TypeVar("T")

SECONDS = 20.0
"""How long to wait for what must come."""

QUIET_SECONDS = 0.4
"""How long to wait for what must not come."""

PRESENCE = "telecaller:presence-changed"
INTERNAL = "Something went wrong"


class Refused(Exception):
    """The server did not let the client in; the text is what the client was told."""


@dataclass(frozen=True)
class Ticket:
    """How somebody connects. A token of None is not sent at all."""

    url: str
    namespace: str
    token: object = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def auth(self) -> dict[str, object] | None:
        return None if self.token is None else {"token": self.token}


@dataclass(frozen=True)
class Received:
    event: str
    args: tuple[Any, ...]
    at: float = field(default_factory=time.monotonic, compare=False)


class Client(ABC):
    """One app of one person in one namespace. Connecting happens in ``__init__``, which raises
    ``Refused``; whatever arrives is kept in order."""

    kind: ClassVar[str]

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.received: list[Received] = []
        self.acknowledged: dict[int, list[tuple[Any, ...]]] = {}
        self.ended = threading.Event()
        self._asked = itertools.count()
        self._seen = 0
        self._changed = threading.Condition()

    @abstractmethod
    def send(self, event: str, args: tuple[Any, ...], ack: int | None) -> None:
        """Emit; where ``ack`` is given, its callback ends in ``on_ack(ack, …)``."""

    @abstractmethod
    def leave(self) -> None:
        """Disconnect politely."""

    @abstractmethod
    def drop(self) -> None:
        """Cut the TCP connection without a word."""

    def on_event(self, event: str, *args: Any) -> None:
        with self._changed:
            self.received.append(Received(event, args))
            self._changed.notify_all()

    def on_ack(self, ack: int, *args: Any) -> None:
        with self._changed:
            self.acknowledged.setdefault(ack, []).append(args)
            self._changed.notify_all()

    def emit(self, event: str, *args: Any) -> None:
        self.send(event, args, None)

    def ask(self, event: str, *args: Any) -> Any:
        """Emit with an acknowledgement callback; the one argument it is called with."""
        ack = next(self._asked)
        self.send(event, args, ack)
        with self._changed:
            called = self._changed.wait_for(lambda: ack in self.acknowledged, SECONDS)
            assert called, f"{event} was not acknowledged; came: {self.received}"
            (answer,) = self.acknowledged[ack]
        assert len(answer) == 1, f"{event} was acknowledged with {answer}"
        return answer[0]

    def wait(self, event: str, *, seconds: float = SECONDS, **fields: Any) -> Any:
        """The payload of the next ``event`` with these fields; presence is passed over, any other
        event that comes first is a failure."""
        end = time.monotonic() + seconds
        with self._changed:
            while True:
                while self._seen < len(self.received):
                    found = self.received[self._seen]
                    self._seen += 1
                    if found.event == event and _has(found, fields):
                        assert len(found.args) == 1, found
                        return found.args[0]
                    assert found.event == PRESENCE, f"expected {event}, came {found}"
                if not self._changed.wait(end - time.monotonic()):
                    raise AssertionError(f"no {event} {fields or ''}; came: {self.received}")

    def wait_past(self, *events: str) -> None:
        """Until all of these have come, in any order and whatever else comes between them."""

        def found() -> bool:
            return {*events} <= {one.event for one in self.received[self._seen :]}

        with self._changed:
            assert self._changed.wait_for(found, SECONDS), f"not {events}: {self.received}"
            names = [one.event for one in self.received]
            self._seen = 1 + max(names.index(event, self._seen) for event in events)

    def wait_presence(self, telecaller_id: str, presence: str, *, after: int = 0) -> None:
        """Such an announcement, behind the first ``after`` about this telecaller."""

        def found() -> bool:
            told = self.presence(telecaller_id)[after:]
            return any(payload["presence"] == presence for payload in told)

        with self._changed:
            assert self._changed.wait_for(found, SECONDS), (
                f"not {presence}: {self.presence(telecaller_id)}"
            )

    def presence(self, telecaller_id: str) -> list[Any]:
        """Every announcement about one telecaller so far."""
        told = [one.args[0] for one in self.received if one.event == PRESENCE]
        return [payload for payload in told if payload["telecallerId"] == telecaller_id]

    @property
    def names(self) -> list[str]:
        """The events so far without presence."""
        return [one.event for one in self.received if one.event != PRESENCE]

    def at(self, event: str) -> float:
        """When it came."""
        return next(one.at for one in self.received if one.event == event)

    def stays_quiet(self, seconds: float = QUIET_SECONDS) -> None:
        """Nothing is left unread, and nothing but presence comes for a while."""
        with self._changed:
            self._changed.wait_for(self._unread, seconds)
            assert not self._unread(), f"unexpected: {self._unread()}"

    def _unread(self) -> list[Received]:
        return [one for one in self.received[self._seen :] if one.event != PRESENCE]


def _has(received: Received, fields: dict[str, Any]) -> bool:
    payload = received.args[0] if received.args else None
    return not fields or (
        isinstance(payload, dict)
        and all(payload.get(name) == value for name, value in fields.items())
    )


class NodeDriver:
    """The Node process in which the JavaScript clients live."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["node", str(Path(__file__).with_name("driver.js"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "NODE_ENV": "test"},
        )
        self._numbers = itertools.count(1)
        self._listeners: dict[int, Callable[[dict[str, Any]], None]] = {}
        self._write = threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def number(self) -> int:
        return next(self._numbers)

    def listen(self, number: int, listener: Callable[[dict[str, Any]], None]) -> None:
        self._listeners[number] = listener

    def command(self, **command: Any) -> None:
        assert self._process.stdin is not None
        with self._write:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        assert self._process.wait(10) == 0
        self._reader.join(10)
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            report = json.loads(line)
            self._listeners[report["socket"]](report)


class JavaScript(Client):
    """``app``: sockets with the same one share a page, and so a physical connection. ``version`` of
    the library: 2.x has no ``auth`` and sends its token in the query."""

    kind = "js"

    def __init__(
        self, driver: NodeDriver, ticket: Ticket, *, app: int | None = None, version: str = "4"
    ) -> None:
        super().__init__(ticket.namespace)
        self._driver = driver
        self._number = driver.number()
        self._told: queue.Queue[dict[str, Any]] = queue.Queue()
        self.app = self._number if app is None else app
        self.engine = ""
        driver.listen(self._number, self._on_report)
        options: dict[str, Any] = {"transports": ["websocket"]}
        if ticket.auth is not None:
            options["query" if version == "2" else "auth"] = ticket.auth
        if ticket.headers:
            options["extraHeaders"] = ticket.headers
        url = ticket.url + ticket.namespace
        self._do("open", app=self.app, version=version, url=url, options=options)
        self.connected()

    def connected(self) -> None:
        """Wait until the client says that it is in; raises ``Refused``."""
        try:
            report = self._told.get(timeout=SECONDS)
        except queue.Empty:
            raise AssertionError("neither connect nor connect_error") from None
        if report["type"] == "connect_error":
            self.leave()
            raise Refused(report["message"])
        self.engine = report["engine"]

    def reconnect(self) -> None:
        self._do("connect")
        self.connected()

    def send(self, event: str, args: tuple[Any, ...], ack: int | None) -> None:
        self._do("emit", event=event, args=args, ack=ack)

    def ping(self) -> None:
        """As a 2.x client does from time to time; returns when it has been answered."""
        ack = next(self._asked)
        self._do("ping", ack=ack)
        with self._changed:
            assert self._changed.wait_for(lambda: ack in self.acknowledged, SECONDS), "no pong"

    def leave(self) -> None:
        self._do("disconnect")

    def drop(self, *, reconnect: bool = False) -> None:
        self._do("drop", reconnect=reconnect)

    def _do(self, operation: str, **rest: Any) -> None:
        self._driver.command(op=operation, socket=self._number, **rest)

    def _on_report(self, report: dict[str, Any]) -> None:
        match report["type"]:
            case "event":
                self.on_event(report["event"], *report["args"])
            case "ack":
                self.on_ack(report["ack"], *report["args"])
            case "disconnect":
                self.ended.set()
            case _:
                self._told.put(report)


def _reason(reports: list[Any]) -> str:
    """The text of a CONNECT_ERROR as python-socketio hands it over."""
    report = reports[-1] if reports else "no connect_error"
    return str(report["message"] if isinstance(report, dict) else report)


class _InOrder(engineio.Client):  # type: ignore[misc]
    """Hands messages over as they come; the library starts a thread for each."""

    def _trigger_event(self, event: str, *args: Any, **options: Any) -> Any:
        return super()._trigger_event(event, *args, **options | {"run_async": False})


class _PythonIO(socketio.Client):  # type: ignore[misc]
    def _engineio_client_class(self) -> type[engineio.Client]:
        return _InOrder


class Python(Client):
    kind = "python"

    def __init__(self, ticket: Ticket) -> None:
        super().__init__(ticket.namespace)
        self._io = _PythonIO(request_timeout=SECONDS)
        refusals: list[Any] = []
        self._io.on("*", self.on_event, namespace=ticket.namespace)
        self._io.on("connect_error", refusals.append, namespace=ticket.namespace)
        self._io.on("disconnect", lambda _reason: self.ended.set(), namespace=ticket.namespace)
        try:
            self._io.connect(
                ticket.url,
                headers=dict(ticket.headers),
                auth=ticket.auth,
                transports=["websocket"],
                namespaces=[ticket.namespace],
                wait_timeout=SECONDS,
            )
        except socketio.exceptions.ConnectionError as error:
            raise Refused(_reason(refusals)) from error

    def send(self, event: str, args: tuple[Any, ...], ack: int | None) -> None:
        callback = None if ack is None else (lambda *answer: self.on_ack(ack, *answer))
        self._io.emit(event, args or None, namespace=self.namespace, callback=callback)

    def leave(self) -> None:
        self._io.shutdown()
        self._io.eio.wait()

    def drop(self) -> None:
        self._io.eio.handle_sigint = False
        self._io.reconnection = False
        self._io.eio.ws.sock.shutdown(socket.SHUT_RDWR)


class Loop:
    """An event loop in a thread, for the clients that need one."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(2 * SECONDS)

    def close(self) -> None:
        self.run(self._cancel())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _cancel(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Asyncio(Client):
    kind = "asyncio"

    def __init__(self, loop: Loop, ticket: Ticket) -> None:
        super().__init__(ticket.namespace)
        self._loop = loop
        self._io: Any = None
        loop.run(self._connect(ticket))

    async def _connect(self, ticket: Ticket) -> None:
        self._io = socketio.AsyncClient(request_timeout=SECONDS)
        refusals: list[Any] = []
        self._io.on("*", self.on_event, namespace=ticket.namespace)
        self._io.on("connect_error", refusals.append, namespace=ticket.namespace)
        self._io.on("disconnect", lambda _reason: self.ended.set(), namespace=ticket.namespace)
        try:
            await self._io.connect(
                ticket.url,
                headers=dict(ticket.headers),
                auth=ticket.auth,
                transports=["websocket"],
                namespaces=[ticket.namespace],
                wait_timeout=SECONDS,
            )
        except socketio.exceptions.ConnectionError as error:
            await self._close_session()
            raise Refused(_reason(refusals)) from error

    def send(self, event: str, args: tuple[Any, ...], ack: int | None) -> None:
        callback = None if ack is None else (lambda *answer: self.on_ack(ack, *answer))
        self._loop.run(
            self._io.emit(event, args or None, namespace=self.namespace, callback=callback)
        )

    def leave(self) -> None:
        self._loop.run(self._leave())

    async def _leave(self) -> None:
        await self._io.shutdown()
        await self._close_session()

    def drop(self) -> None:
        self._io.reconnection = False
        self._loop.run(self._abort())

    async def _abort(self) -> None:
        self._io.eio.ws.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    async def _close_session(self) -> None:
        if self._io.eio.http is not None and not self._io.eio.http.closed:
            await self._io.eio.http.close()


class Native(Client):
    """An id is a string and a number by turns."""

    kind = "native"

    def __init__(self, ticket: Ticket, *, in_query: bool = False) -> None:
        super().__init__(ticket.namespace)
        self._ids: dict[Any, int] = {}
        self._socket = Raw.native(ticket, in_query=in_query)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def send(self, event: str, args: tuple[Any, ...], ack: int | None) -> None:
        frame: dict[str, Any] = {"action": event.replace(":", ".")}
        if args:
            (frame["data"],) = args
        if ack is not None:
            frame["id"] = ack if ack % 2 else f"ask-{ack}"
            self._ids[frame["id"]] = ack
        self.send_text(json.dumps(frame))

    def send_text(self, text: str) -> None:
        self._socket.send(text)

    def leave(self) -> None:
        self._socket.close()
        self._reader.join(SECONDS)

    def drop(self) -> None:
        self._socket.socket.socket.shutdown(socket.SHUT_RDWR)

    def _read(self) -> None:
        with suppress(ConnectionClosed):
            for text in self._socket.socket:
                self._on_frame(json.loads(text))
        self.ended.set()

    def _on_frame(self, frame: dict[str, Any]) -> None:
        if "event" in frame:
            assert frame.keys() == {"event", "data"}, frame
            self.on_event(frame["event"], frame["data"])
            return
        error = {"error": frame["error"]} if "error" in frame else None
        assert frame.keys() == {"ack", "error" if error else "data"}, frame
        self.on_ack(self._ids[frame["ack"]], error or frame["data"])


class Raw:
    """A WebSocket without any library on top, for frames that no library sends. Raises ``Refused``
    with the HTTP status of the handshake."""

    def __init__(
        self,
        url: str,
        path: str = "/socket.io/?EIO=4&transport=websocket",
        headers: dict[str, str] | None = None,
    ) -> None:
        self._open = ExitStack()
        try:
            self.socket: ClientConnection = self._open.enter_context(
                open_websocket(
                    url.replace("http", "ws", 1) + path,
                    additional_headers=headers,
                    proxy=None,
                    open_timeout=SECONDS,
                    compression=None,
                )
            )
        except InvalidStatus as error:
            raise Refused(str(error.response.status_code)) from error

    @classmethod
    def native(cls, ticket: Ticket, *, in_query: bool = False) -> Raw:
        headers = dict(ticket.headers)
        path = f"/ws?namespace={ticket.namespace}"
        if ticket.token is not None and in_query:
            path += f"&token={ticket.token}"
        elif ticket.token is not None:
            headers["Authorization"] = f"Bearer {ticket.token}"
        return cls(ticket.url, path, headers)

    def send(self, frame: str | bytes) -> None:
        self.socket.send(frame)

    def receive(self, seconds: float = SECONDS) -> str:
        frame = self.socket.recv(seconds)
        assert isinstance(frame, str), frame
        return frame

    def closed(self) -> tuple[int, list[str]]:
        """The code the server closes with, and the frames that came before."""
        frames: list[str] = []
        try:
            while True:
                frames.append(self.receive())
        except ConnectionClosed:
            code = self.socket.close_code
            assert code is not None
            return code, frames

    def close(self) -> None:
        self._open.close()
