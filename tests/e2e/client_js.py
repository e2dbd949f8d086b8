"""Clients with npm socket.io-client. One Node process runs all of them."""

from __future__ import annotations

import itertools
import json
import os
import queue
import re
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.clients import SECONDS, Client, Refused, Ticket


class NodeDriver:
    """The Node process that runs the JavaScript clients."""

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
        """Return a new number for a client."""
        return next(self._numbers)

    def listen(self, number: int, listener: Callable[[dict[str, Any]], None]) -> None:
        """Call ``listener`` with every report about a client."""
        self._listeners[number] = listener

    def command(self, **command: Any) -> None:
        """Send a command to the process. ``driver.js`` describes the commands."""
        assert self._process.stdin is not None
        with self._write:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()

    def close(self) -> None:
        """Stop the process."""
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
    """A socket of socket.io-client.

    app: sockets with the same number share a page, and thus a physical connection.
    sid: the id of the socket's session, ``pid``: with what it asks for the session again.
    recovered: whether it has had its session back when it connected last.
    version: the major version of the library. 2.x has no ``auth`` and sends its token in the query.
    """

    kind = "js"

    @classmethod
    def of_snippet(
        cls, driver: NodeDriver, url: str, snippet: str, token: str, namespace: str
    ) -> JavaScript:
        """Connect a client with code that makes a ``socket`` with ``io``.

        Only the port and the token in the code are replaced.
        """
        code = re.sub(r"http://localhost:\d+", url.replace("127.0.0.1", "localhost"), snippet)
        code = re.sub(r"(token: )('.*?'|accessToken)", rf"\1{json.dumps(token)}", code)
        return cls(driver, Ticket(url, namespace), code=code)

    def __init__(
        self,
        driver: NodeDriver,
        ticket: Ticket,
        *,
        app: int | None = None,
        version: str = "4",
        code: str = "",
    ) -> None:
        super().__init__(ticket.namespace)
        self._driver = driver
        self._number = driver.number()
        self._reports: queue.Queue[dict[str, Any]] = queue.Queue()
        self.app = self._number if app is None else app
        self.engine = self.sid = self.pid = ""
        self.recovered = False
        driver.listen(self._number, self._on_report)
        options = ticket.options
        if ticket.auth is not None:
            options["query" if version == "2" else "auth"] = ticket.auth
        if ticket.headers:
            options["extraHeaders"] = ticket.headers
        url = ticket.url + ticket.namespace
        self._do("open", app=self.app, version=version, url=url, options=options, code=code)
        self.connected()

    def connected(self) -> None:
        """Wait until the client is connected. Raises ``Refused`` if the server refuses it."""
        try:
            report = self._reports.get(timeout=SECONDS)
        except queue.Empty:
            raise AssertionError("neither connect nor connect_error") from None
        if report["type"] == "connect_error":
            self.leave()
            raise Refused(report["message"])
        self.engine, self.sid = report["engine"], report["sid"]
        self.pid, self.recovered = report["pid"], report["recovered"]

    def reconnect(self) -> None:
        """Connect the same socket again."""
        self.ended.clear()
        self._do("connect")
        self.connected()

    def send(self, event: str, args: tuple[Any, ...], ack: int | None) -> None:
        self._do("emit", event=event, args=args, ack=ack)

    def ping(self) -> None:
        """Send a ping, as a 2.x client does from time to time, and wait for the answer."""
        ack = next(self._asked)
        self._do("ping", ack=ack)
        with self.changed:
            assert self.changed.wait_for(lambda: ack in self.acknowledged, SECONDS), "no pong"

    def transport(self) -> str:
        ack = next(self._asked)
        self._do("transport", ack=ack)
        with self.changed:
            assert self.changed.wait_for(lambda: ack in self.acknowledged, SECONDS)
            return str(self.acknowledged[ack][0][0])

    def leave(self) -> None:
        self._do("disconnect")

    def returns(self) -> None:
        """Let the client reconnect by itself from now on."""
        self._do("returns")

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
                self._reports.put(report)
