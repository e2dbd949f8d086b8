"""The people and channels of a run, and their removal.

Everything that a run makes has its ``mark`` in its key. What the stack's own rows say of it is
deleted in the end. What has a time to live is left to it.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp

from bench.verify.client import Unexpected
from bench.verify.deployed import Deployed

DEPARTURE_SECONDS = 120
"""How long the stack may take until a person without connections is gone from its rows."""

STREAM_SECONDS = 3.0
"""How long the streams may take to follow the last change. They write rows, too."""

EVENT_SECONDS = 30.0
CHAT = ["chat.access", "chat.send_messages"]

Key = dict[str, str]


@dataclass(frozen=True)
class Guest:
    """A person of this run."""

    id: str
    namespace: str
    token: str


class Guests:
    """The people and channels of a run.

    mark: what all their ids begin with.
    """

    def __init__(self, stack: Deployed, http: aiohttp.ClientSession, url: str) -> None:
        self.mark = f"verify-{secrets.token_hex(4)}"
        self._stack, self._http, self._url = stack, http, url
        self._numbers = itertools.count(1)
        self._guests: list[Guest] = []
        self._channels: list[str] = []
        self._admin = stack.sign(f"{self.mark}-backend", "ADMIN")

    def guest(self, role: str, namespace: str = "", **claims: object) -> Guest:
        """Return a new person, who needs no account."""
        id_ = f"{self.mark}-{next(self._numbers)}"
        made = Guest(id_, namespace or f"/{role.lower()}", self._stack.sign(id_, role, **claims))
        self._guests.append(made)
        return made

    def chatter(self) -> Guest:
        """Return a new person in chat."""
        return self.guest("AGENT", "/", permissions=CHAT)

    async def telecaller(self, rate: int = 0) -> Guest:
        """Return a new telecaller, whose account is approved, and whose calls cost this rate."""
        rates = {"AUDIO": rate, "VIDEO": rate}
        return await self._with_account("TELECALLER", approvalStatus="APPROVED", rates=rates)

    async def payer(self, coins: int) -> Guest:
        """Return a new user with so many coins."""
        return await self._with_account("USER", coins=coins)

    async def channel(self, members: list[Guest]) -> str:
        """Return the id of a new private channel."""
        id_ = f"{self.mark}-{next(self._numbers)}"
        self._channels.append(id_)
        ids = [member.id for member in members]
        about = {"channelId": id_, "name": "Verification", "private": True, "members": ids}
        await self._tell("channel.upserted", about)
        await self._until(f"/channels/{id_}/messages", members[0].token)
        return id_

    async def _with_account(self, role: str, **fields: object) -> Guest:
        """Return a new person, and give the stack an account of this person."""
        made = self.guest(role)
        account = {"_id": made.id, "role": role, "name": "Verification"}
        await self._tell("account.upserted", account | fields)
        await self._until(f"/accounts/{made.id}", self._admin)
        return made

    async def _tell(self, type_: str, data: dict[str, Any]) -> None:
        headers = {"Authorization": f"Bearer {self._admin}"}
        body = {"type": type_, "data": data}
        async with self._http.post(f"{self._url}/events", json=body, headers=headers) as answer:
            if answer.status != 202:
                raise Unexpected(f"POST /events: {answer.status} {await answer.text()}")

    async def _until(self, path: str, token: str) -> None:
        """Wait until what was told is there."""
        headers, deadline = {"Authorization": f"Bearer {token}"}, time.monotonic() + EVENT_SECONDS
        while True:
            async with self._http.get(self._url + path, headers=headers) as answer:
                if answer.status == 200:
                    return
            if time.monotonic() > deadline:
                raise Unexpected(f"{path} is not there {EVENT_SECONDS:g} s after its event")
            await asyncio.sleep(0.2)

    async def remove(self) -> list[str]:
        """Delete all rows about these people and channels. Their connections must be closed.

        Returns the keys of the rows that could not be deleted, because people are not gone.
        """
        present = [guest for guest in self._guests if not await self._gone(guest)]
        await asyncio.sleep(STREAM_SECONDS)
        gone = [guest for guest in self._guests if guest not in present]
        for guest in gone:
            await self._remove_calls(guest)
            for table, key in _rows_of(guest):
                await self._delete(table, key)
            for topic in (f"person#{guest.id}", f"channels#{guest.id}"):
                await self._delete_all("chat", "topic", topic, "item")
        for channel in self._channels:
            await self._delete_all("chat", "topic", f"channel#{channel}", "item")
            await self._delete_all("messages", "channel", f"channel#{channel}", "messageId")
        return [f"{guest.namespace}#{guest.id}" for guest in present]

    async def _gone(self, guest: Guest) -> bool:
        deadline = time.monotonic() + DEPARTURE_SECONDS
        key = {"person": {"S": f"{guest.namespace}#{guest.id}"}}
        while time.monotonic() < deadline:
            row = (await self._row("get_item", "people", Key=key, ConsistentRead=True)).get("Item")
            if not row or "connections" not in row:
                return True
            await asyncio.sleep(0.5)
        return False

    async def _remove_calls(self, guest: Guest) -> None:
        for row in await self._query("calls", "callerId", guest.id, "callId"):
            for name in ("running", "calls"):
                await self._delete("call_lists", {"list": name, "callId": row["callId"]["S"]})
            await self._delete("calls", {"callerId": guest.id, "callId": row["callId"]["S"]})

    async def _delete_all(self, table: str, name: str, value: str, range_name: str) -> None:
        for row in await self._query(table, name, value, range_name):
            await self._delete(table, {name: value, range_name: row[range_name]["S"]})

    async def _delete(self, table: str, key: Key) -> None:
        await self._row("delete_item", table, Key={n: {"S": value} for n, value in key.items()})

    async def _query(self, table: str, name: str, value: str, range_name: str) -> list[Any]:
        rows: list[Any] = []
        more: dict[str, Any] = {}
        while True:
            page = await self._row(
                "query",
                table,
                KeyConditionExpression="#key = :value",
                ProjectionExpression="#range",
                ExpressionAttributeNames={"#key": name, "#range": range_name},
                ExpressionAttributeValues={":value": {"S": value}},
                **more,
            )
            rows += page["Items"]
            if "LastEvaluatedKey" not in page:
                return rows
            more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    async def _row(self, operation: str, table: str, **parameters: Any) -> Any:
        name = self._stack.settings.tables[table]
        return await self._stack.ask("dynamodb", operation, TableName=name, **parameters)


def _rows_of(guest: Guest) -> Iterator[tuple[str, Key]]:
    """Yield the table and the key of each row that is about a person alone."""
    yield "people", {"person": f"{guest.namespace}#{guest.id}"}
    yield "accounts", {"id": guest.id}
    for presence in ("ONLINE", "ON_CALL"):
        yield "presences", {"presence": presence, "telecallerId": guest.id}
