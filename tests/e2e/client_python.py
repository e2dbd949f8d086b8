"""Clients with the two client classes of python-socketio."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import engineio  # type: ignore[import-untyped]
import socketio  # type: ignore[import-untyped]

from tests.e2e.clients import SECONDS, Client, Refused, Ticket

T = TypeVar("T")


def _options(ticket: Ticket) -> dict[str, Any]:
    return {
        "headers": dict(ticket.headers),
        "auth": ticket.auth,
        **ticket.options,
        "namespaces": [ticket.namespace],
        "wait_timeout": SECONDS,
    }


def _reason(reports: list[Any]) -> str:
    """Return the text of a CONNECT_ERROR from the reports of python-socketio."""
    report = reports[-1] if reports else "no connect_error"
    return str(report["message"] if isinstance(report, dict) else report)


class _InOrder(engineio.Client):  # type: ignore[misc]
    """A client that handles messages in order. The library starts a thread for each of them."""

    def _trigger_event(self, event: str, *args: Any, **options: Any) -> Any:
        return super()._trigger_event(event, *args, **options | {"run_async": False})


class _PythonIO(socketio.Client):  # type: ignore[misc]
    def _engineio_client_class(self) -> type[engineio.Client]:
        return _InOrder


class Python(Client):
    """A client with ``socketio.Client``."""

    kind = "python"

    def __init__(self, ticket: Ticket) -> None:
        super().__init__(ticket.namespace)
        self._io = _PythonIO(request_timeout=SECONDS)
        refusals: list[Any] = []
        self._io.on("*", self.on_event, namespace=ticket.namespace)
        self._io.on("connect_error", refusals.append, namespace=ticket.namespace)
        self._io.on("disconnect", lambda _reason: self.ended.set(), namespace=ticket.namespace)
        try:
            self._io.connect(ticket.url, **_options(ticket))
        except socketio.exceptions.ConnectionError as error:
            raise Refused(_reason(refusals)) from error

    def send(self, event: str, args: tuple[Any, ...], ack: int | None) -> None:
        callback = None if ack is None else (lambda *answer: self.on_ack(ack, *answer))
        self._io.emit(event, args or None, namespace=self.namespace, callback=callback)

    def transport(self) -> str:
        return str(self._io.transport())

    def leave(self) -> None:
        self._io.shutdown()
        self._io.eio.wait()

    def drop(self) -> None:
        self._io.eio.handle_sigint = False
        self._io.reconnection = False
        self._io.eio.ws.sock.shutdown(socket.SHUT_RDWR)


class Loop:
    """An event loop in a thread, for the asyncio clients."""

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
    """A client with ``socketio.AsyncClient``."""

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
            await self._io.connect(ticket.url, **_options(ticket))
        except socketio.exceptions.ConnectionError as error:
            await self._close_session()
            raise Refused(_reason(refusals)) from error

    def send(self, event: str, args: tuple[Any, ...], ack: int | None) -> None:
        callback = None if ack is None else (lambda *answer: self.on_ack(ack, *answer))
        self._loop.run(
            self._io.emit(event, args or None, namespace=self.namespace, callback=callback)
        )

    def transport(self) -> str:
        return str(self._io.transport())

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
