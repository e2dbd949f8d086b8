"""Apps that poll: one GET waits for packets, and one POST at a time sends some.

They do what Engine.IO's own client does. A request that fails ends the connection without a word.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from shared.aws.mailboxes import PREFIX
from shared.pipeline.context import Arrival
from shared.protocol.engineio import PacketType
from shared.protocol.polling import SEPARATOR
from shared.settings import settings
from tests.simulation.clients import App
from tests.simulation.gateway import State
from tests.simulation.screens import Asked

if TYPE_CHECKING:
    from tests.simulation.invocation import Done, Invocation

HANDLED_MS = 2_000
"""How much later than ``upgrade_wait_ms`` the first packets have been handled."""


class PollingApp(App):
    """One device or tab of a person that polls.

    It counts as joined when the backend has handled its first packets. Until then its session is
    not reachable, because the client might upgrade.
    """

    def _connect(self) -> str:
        self._out: list[tuple[str, Asked | None]] = []
        self._posting = False
        self._opened_ms = float("inf")
        self._address = self.world.gateway.next_address()
        self._request("GET", "", self._open)
        return ""  # the backend chooses the id

    def emit(self, event: str, payload: Any = None) -> Asked:
        """Send an event, and ask for its acknowledgement."""
        self._acks += 1
        asked = Asked(event, payload, "", int(self.world.now_ms))
        self._waiting[self._acks] = asked
        self._out.append((self._frame(event, payload, self._acks), asked))
        self._flush()
        return asked

    def send(self, frame: str) -> None:
        """Send a frame as it is."""
        self._out.append((frame, None))
        self._flush()

    def close(self) -> None:
        """Say goodbye, behind what waits to be sent."""
        self.send(PacketType.CLOSE)
        self.world.gateway.end(self.id)

    def _join(self) -> None:
        handled_ms = self._opened_ms + settings().upgrade_wait_ms + HANDLED_MS
        self.world.later(max(0, handled_ms - self.world.now_ms), self._be_joined)

    def _be_joined(self) -> None:
        if self.closed_ms is None:
            super()._join()

    def _open(self, invocation: Invocation) -> None:
        packets = _packets(invocation)
        if not packets:
            self.closed()
            return
        self._opened_ms = self.world.now_ms
        self.id = PREFIX + json.loads(packets[0][1:])["sid"]
        self.world.gateway.open(self.id, self, self._address)
        self._take(packets)

    def _take(self, packets: list[str]) -> None:
        """Take the packets of an answer, and wait for more."""
        for packet in packets:
            if packet == PacketType.CLOSE:
                self.world.gateway.end(self.id)
            elif packet != PacketType.NOOP and self.closed_ms is None:
                self.receive(packet)
        if self.closed_ms is None:
            self._poll()

    def _poll(self) -> None:
        self._request("GET", "", self._polled)

    def _polled(self, invocation: Invocation) -> None:
        if self.closed_ms is not None:
            return
        packets = _packets(invocation)
        if packets:
            self._take(packets)
        else:
            self.world.gateway.vanish(self.id)

    def _flush(self) -> None:
        """Send what waits, unless a POST is under way."""
        leaves = any(frame == PacketType.CLOSE for frame, _ in self._out)
        if self._posting or not self._out or (self.closed_ms is not None and not leaves):
            return
        sent, self._out = self._out, []
        body = SEPARATOR.join(frame for frame, _ in sent)
        self._posting = True
        request_id, ms = self._request("POST", body, self._posted)
        for number, (_, asked) in enumerate(sent):
            if asked:
                asked.at_ms = ms + number
                asked.own_id = Arrival(self.id, f"{request_id} {number}", asked.at_ms).id
                self.screen.ask(asked)

    def _posted(self, invocation: Invocation) -> None:
        self._posting = False
        if not _packets(invocation) and self.closed_ms is None:
            self.world.gateway.vanish(self.id)
        self._flush()

    def _request(self, method: str, body: str, done: Done) -> tuple[str, int]:
        query = {"EIO": "4", "transport": "polling"}
        if self._opened_ms < float("inf"):
            query["sid"] = self.id.removeprefix(PREFIX)
        return self.world.gateway.poll(method, query, body, self._address, done)


def _packets(invocation: Invocation) -> list[str]:
    """Return the packets of an answer; none if the request has failed."""
    answer = invocation.result
    if invocation.error is not None or answer["statusCode"] != HTTPStatus.OK:
        return []
    return str(answer["body"]).split(SEPARATOR)


class UpgradingApp(PollingApp):
    """One device or tab of a person with a client's default options: it polls, then upgrades."""

    def _open(self, invocation: Invocation) -> None:
        self._websocket = ""
        self._probed = self._polling = self._upgraded = False
        super()._open(invocation)
        if self.closed_ms is None:
            query = {"EIO": "4", "transport": "websocket", "sid": self.id.removeprefix(PREFIX)}
            self._websocket = self.world.gateway.connect(_WebSocket(self), query, {})

    def emit(self, event: str, payload: Any = None) -> Asked:
        """Send an event, and ask for its acknowledgement."""
        return (App if self._upgraded else PollingApp).emit(self, event, payload)

    def send(self, frame: str) -> None:
        """Send a frame as it is."""
        (App if self._upgraded else PollingApp).send(self, frame)

    def close(self) -> None:
        """Close the connection."""
        (App if self._upgraded else PollingApp).close(self)

    def probed(self) -> None:
        """Stop polling, because the WebSocket works, and use it as soon as nothing is under way."""
        self._probed = True
        self._upgrade()

    def _poll(self) -> None:
        self._polling = not self._probed
        if self._polling:
            super()._poll()
        else:
            self._upgrade()

    def _flush(self) -> None:
        if not self._probed:
            super()._flush()

    def _posted(self, invocation: Invocation) -> None:
        super()._posted(invocation)
        self._upgrade()

    def _upgrade(self) -> None:
        if not self._probed or self._polling or self._posting or self.closed_ms is not None:
            return
        gateway, sent = self.world.gateway, self._out
        gateway.sockets[self.id].state = State.GONE
        self.id, self._upgraded, self._out = self._websocket, True, []
        for frame in (PacketType.UPGRADE, *(frame for frame, _ in sent)):
            gateway.send(self.id, frame)


class _WebSocket:
    """The WebSocket of an app that upgrades."""

    def __init__(self, app: UpgradingApp) -> None:
        self._app = app

    def opened(self) -> None:
        """Try it."""
        self._app.world.gateway.send(self._app._websocket, "2probe")

    def receive(self, frame: str) -> None:
        """Take a frame."""
        if frame == "3probe":
            self._app.probed()
        else:
            self._app.receive(frame)

    def closed(self) -> None:
        """The app polls on, unless it has upgraded."""
        if self._app._upgraded:
            self._app.closed()
