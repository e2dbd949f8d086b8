"""Tabs of people in chat, and channels."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterable
from itertools import repeat
from typing import Any

from functions.chat import channel_rows, channel_store, presence
from functions.chat.events import ChannelId
from functions.chat.namespaces import CHAT
from shared.pipeline.context import Arrival
from shared.ports import Broadcast
from shared.realtime import connections, people, session_store
from shared.realtime.address import Address, Wire
from shared.realtime.connections import Connection
from shared.realtime.sessions import Session
from tests.e2e.clients import QUIET_SECONDS, SECONDS, Client
from tests.e2e.people import sign
from tests.e2e.stack import Answer
from tests.e2e.waiting import until
from tests.e2e.world import World

EVERYTHING = [
    "chat.access",
    "chat.send_messages",
    "chat.manage_channels",
    "call.audio",
    "call.video",
]
_numbers = itertools.count(1)


def unique(name: str) -> str:
    """Return an id that no other test uses."""
    return f"{name}-{next(_numbers)}"


def chat_token(person_id: str, role: str = "AGENT", permissions: object = EVERYTHING) -> str:
    """Return a signed token of a person."""
    name = f"Name of {person_id}"
    return sign({"sub": person_id, "role": role, "name": name, "permissions": permissions})


class Tab:
    """A connection to ``/``.

    Presence events of other people arrive at any time. So events are taken by name and fields, and
    each event is taken once.
    """

    def __init__(self, client: Client, person_id: str) -> None:
        self.client = client
        self.person_id = person_id
        self.name = f"Name of {person_id}"
        self._taken: set[int] = set()

    def ask(self, event: str, *args: Any) -> Any:
        """Send an event, and return what its acknowledgement carries."""
        return self.client.ask(event, *args)

    def fails(self, event: str, payload: Any, error_event: str, text: str) -> None:
        """Assert that an event is refused with a text, also in the acknowledgement."""
        assert self.ask(event, payload) == {"error": {"message": text}}
        assert self.take(error_event) == text

    def take(self, event: str, **fields: Any) -> Any:
        """Take the first event of this name with these fields, and return its payload.

        Waits for it. Raises ``AssertionError`` if it does not arrive.
        """
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            for number, payload in self._untaken(event, fields):
                self._taken.add(number)
                return payload
            time.sleep(0.02)
        raise AssertionError(f"no {event} {fields}; came: {self.client.received}")

    def all(self, event: str, **fields: Any) -> list[Any]:
        """Return the payloads of all events of this name with these fields that are not taken."""
        return [payload for _, payload in self._untaken(event, fields)]

    def gets_no(self, event: str, **fields: Any) -> None:
        """Assert that no event of this name with these fields arrives within a while."""
        time.sleep(QUIET_SECONDS)
        assert not self.all(event, **fields)

    def _untaken(self, event: str, fields: dict[str, Any]) -> list[tuple[int, Any]]:
        found = []
        for number, one in enumerate(list(self.client.received)):
            if number not in self._taken and one.event == event:
                payload = one.args[0]
                if all(payload.get(name) == value for name, value in fields.items()):
                    found.append((number, payload))
        return found


def tab(
    world: World,
    person_id: str,
    kind: str = "js",
    *,
    role: str = "AGENT",
    permissions: object = EVERYTHING,
    joins: object = None,
) -> Tab:
    """Open a tab of a person that has authenticated and, with ``joins``, joined that channel."""
    found = Tab(world.connect(kind, world.ticket("/")), person_id)
    found.client.emit("authenticate", chat_token(person_id, role, permissions))
    assert found.take("authenticated") == {
        "userId": person_id,
        "displayName": found.name,
        "role": role,
    }
    if joins is not None:
        assert (answer := found.ask("join_channel", joins)) is None, answer
    return found


def make_channel(world: World, channel_id: ChannelId, **fields: Any) -> None:
    """Report a channel as a team's backend does, and wait until it exists."""
    admin = sign({"sub": "backend", "role": "ADMIN"})
    data = {"channelId": channel_id, "name": "A channel", **fields}
    body = json.dumps({"type": "channel.upserted", "data": data}).encode()
    headers = {"Authorization": f"Bearer {admin}", "Content-Type": "application/json"}
    assert world.stack.request("POST", "/events", headers, body).status == 202
    room = channel_rows.room_of(channel_id)
    with world.stack.direct_access():
        until(lambda: channel_rows.channel(room) is not None, "the channel")


def get(world: World, path: str, person_id: str, **claims: Any) -> Answer:
    """Request a path as a person."""
    return world.stack.get(path, Authorization=f"Bearer {chat_token(person_id, **claims)}")


def haunt(
    world: World,
    *people_ids: str,
    channel: str | None = None,
    connection_ids: Iterable[str] | None = None,
) -> None:
    """Make people online whose connections are gone and whose ``$disconnect`` was lost.

    channel: a channel that they have joined, if any.
    connection_ids: the ids of the connections, if they matter.
    """
    with world.stack.direct_access():
        for person_id, name in zip(
            people_ids, connection_ids or map(unique, repeat("gone")), strict=False
        ):
            _haunt(person_id, Address(CHAT.path, Wire.SOCKETIO, name), channel)


def _haunt(person_id: str, address: Address, channel: str | None) -> None:
    session = Session(CHAT.path, "sid", person_id, "AGENT", f"Name of {person_id}")
    later = int(time.time()) + 3_600
    connections.create(Connection(address.connection_id, wire="s", expires_at=later))
    assert session_store.add_session(address.connection_id, session, later)
    if channel is not None:
        arrival = Arrival(address.connection_id, "m", int(time.time() * 1000))
        room = channel_rows.room_of(channel)
        nothing = Broadcast(CHAT.path, "nowhere", "user_joined", {}, room)
        channel_store.join(
            address, person_id, channel, arrival=arrival, expires_at=later, joined=nothing
        )
    presence.Status(f"person#{person_id}", "status", name=session.name).save()
    # From now on, any broadcast finds out that the connection is gone.
    assert people.join(address, person_id, expires_at=later, everybody=True)
