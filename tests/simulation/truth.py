"""What the tables say, and whose screens can be judged by it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from functions.chat.state import FINAL
from shared.identity.accounts import Account
from tests.simulation.clients import App
from tests.simulation.engine import row
from tests.simulation.world import World

Broken = Iterator[str]
USER, TELECALLER, CHAT, CUSTOMER, PARTNER, ADMIN = (
    "/user",
    "/telecaller",
    "/",
    "/customer",
    "/partner",
    "/admin",
)
CALL_KEY = "call#"


class Truth:
    """The tables, without DynamoDB's types."""

    def __init__(self, world: World) -> None:
        rows = world.dynamo.rows
        self.people = {key[0]: row(item) for key, item in rows["people"].items()}
        self.connections = {key[0]: row(item) for key, item in rows["connections"].items()}
        self.accounts = {
            key[0]: msgspec.json.decode(row(item)["account"], type=Account)
            for key, item in rows["accounts"].items()
        }
        self.rooms = [row(item) for item in rows["rooms"].values()]
        self.records = {key[1]: row(item) for key, item in rows["calls"].items()}
        self.bookings = {
            key[0]: found
            for key, item in rows["bookings"].items()
            if "status" in (found := row(item))
        }
        self.partners = {key[0]: row(item) for key, item in rows["partners"].items()}
        self.counts = {key[0]: row(item) for key, item in rows["counts"].items()}
        self.chat = [row(item) for item in rows["chat"].values()]
        self.messages = [row(item) for item in rows["messages"].values()]
        self.booking_messages = [row(item) for item in rows["booking_messages"].values()]

    def of(self, namespace: str) -> dict[str, dict[str, Any]]:
        """Return the rows of people of a namespace, by id."""
        prefix = f"{namespace}#"
        return {
            key.removeprefix(prefix): one
            for key, one in self.people.items()
            if key.startswith(prefix)
        }

    @property
    def chat_calls(self) -> dict[str, dict[str, Any]]:
        """The calls of chat that are not over, by id."""
        return {
            key.removeprefix(CALL_KEY): one["call"]
            for key, one in self.people.items()
            if key.startswith(CALL_KEY) and one["call"]["status"] not in FINAL
        }


def judged(world: World, app: App) -> bool:
    """Return whether an app can be expected to know. One that nothing reaches cannot."""
    return app.alive and app.id not in world.gateway.deaf


def all_judged(world: World, namespace: str) -> list[App]:
    return [app for app in world.apps if app.who.namespace == namespace and judged(world, app)]


REPORT_MS = 5_000
"""After this a report of a backend has been handled."""


def in_channel_since(app: App, room: str) -> float | None:
    """Return since when a tab is in a channel for certain, or None.

    Who is put out of a private channel hears nothing of it.
    """
    since: float | None = None
    joined_ms = 0
    for asked in app.screen.asked:
        if f"channel#{asked.payload}" != room:
            continue
        if asked.event == "join_channel" and asked.done:
            since, joined_ms = asked.answered_ms, asked.at_ms
        elif asked.event == "leave_channel":
            since = None
    put_out = any(
        type_ == "channel.upserted"
        and f"channel#{data['channelId']}" == room
        and app.who.id not in data.get("members", (app.who.id,))
        and joined_ms < at_ms + REPORT_MS
        for at_ms, type_, data in app.world.told
    )
    return None if put_out else since
