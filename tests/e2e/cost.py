"""Computes what events cost, from the requests that ``probe/watch.py`` has recorded."""

from __future__ import annotations

import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

Record = dict[str, Any]
EVENT = re.compile(r'42(?:(?P<namespace>/[^,]*),)?\d*\["(?P<event>[^"]+)"')
NATIVE = re.compile(r'\{"action": ?"(?P<action>[^"]+)"')
PACKET = re.compile(r"4?\d")
PACKETS = {
    "40": "a namespace joined",
    "41": "a namespace left",
    "2": "a WebSocket tried",
    "3": "a ping answered",
    "5": "an upgrade finished",
}
PRESENCE = ("presence-stream", "broadcast")
ENDS = ("disconnect", "deadline", "sweep")
"""The functions that run when connections have ended."""

COMING_AND_GOING = ("connect", "opener", "polling", *ENDS)
"""The functions that run when other people connect, wait for packets and disconnect. They are no
part of a call."""

NOT_ITS_OWN = ("invocation", "secretsmanager")
"""Kinds of records that are no cost of one event. The secret is cached for minutes, so the first
event in a process would pay for all later ones."""

RETRYING = ("opener",)
"""The opener posts again and again until the connection is open."""

QUIET_SECONDS = 1.5


class Cost(NamedTuple):
    """The cost of one invocation.

    sequential: how many requests are made one after another.
    before_emit: how many of them are made before the first post; all of them if there is no post.
    """

    requests: dict[str, int]
    sequential: int
    before_emit: int
    read_units: float
    write_units: float
    posts: int
    bytes: int


class Requests:
    """The records of a stack's requests to AWS."""

    def __init__(self, logs: Path) -> None:
        self._path = logs / "requests.jsonl"
        self._offset = 0

    def settle(self) -> list[Record]:
        """Wait until no records are added for a while, and return those since the last call."""
        seen = -1
        while (size := self._path.stat().st_size if self._path.exists() else 0) != seen:
            seen = size
            time.sleep(QUIET_SECONDS)
        with self._path.open() as file:
            file.seek(self._offset)
            text = file.read()
        self._offset += len(text.encode())
        return [json.loads(line) for line in text.splitlines()]


def invocations(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Return the records of each invocation, by its id."""
    found: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records:
        found[record["invocation"]].append(record)
    return dict(found)


def event_of(records: list[Record]) -> str:
    """Return the name of what an invocation has handled.

    It is the event with its namespace, the action of a native frame, another packet of Socket.IO or
    Engine.IO, or else the function.
    """
    whole = next((one for one in records if one["kind"] == "invocation"), None)
    body = (whole.get("body") if whole else None) or ""
    event, native, packet = EVENT.match(body), NATIVE.match(body), PACKET.match(body)
    if event:
        return f"{event['namespace'] or '/'} {event['event']}"
    if native:
        return f"native {native['action']}"
    if packet:
        return PACKETS[packet[0]]
    function: str = records[0]["function"]
    return function.removeprefix("switchboard-dev-")


def cost(records: list[Record]) -> Cost:
    """Return the cost of the records of one invocation."""
    asked = [record for record in records if record["kind"] not in NOT_ITS_OWN]
    posts = [record for record in asked if record["kind"] == "@connections"]
    depths = [record["depth"] for record in asked]
    sequential = max(depths, default=0)
    units = [record["units"] for record in asked if "units" in record]
    return Cost(
        requests=dict(sorted(Counter(f"{r['kind']} {r['operation']}" for r in asked).items())),
        sequential=sequential,
        before_emit=min((post["depth"] - 1 for post in posts), default=sequential),
        read_units=sum(one["read"] for one in units),
        write_units=sum(one["write"] for one in units),
        posts=len(posts),
        bytes=sum(post["bytes"] for post in posts),
    )


def by_event(records: Iterable[Record]) -> dict[str, Cost]:
    """Return the cost of each event: its most expensive invocation, with the longest chains of all.

    For functions that try again, it is the cheapest invocation.
    """
    costs: dict[str, Cost] = {}
    for mine in invocations(records).values():
        name, found = event_of(mine), cost(mine)
        other = costs.get(name, found)
        one = min if name in RETRYING else max
        costs[name] = one(other, found, key=_price)._replace(
            sequential=one(other.sequential, found.sequential),
            before_emit=one(other.before_emit, found.before_emit),
        )
    return costs


def _price(cost: Cost) -> tuple[float, ...]:
    return sum(cost.requests.values()), cost.read_units + cost.write_units, cost.bytes


def of_call(records: list[Record]) -> dict[str, float]:
    """Return the cost of a whole call, without that of the presence that it changes.

    Answers to a ping of the sweep, which may come meanwhile, are left out.
    """
    records = [one for one in records if not one["function"].endswith(COMING_AND_GOING)]
    mine = [one for one in records if not one["function"].endswith(PRESENCE)]
    steps = [one for one in invocations(mine).values() if event_of(one) != PACKETS["3"]]
    begun = [one for step in steps for one in step if one["kind"] == "invocation"]
    costs = [cost(one) for one in steps]
    operations = Counter(f"{r['kind']} {r['operation']}" for r in records if "operation" in r)
    inbound = sum(1 for one in begun if one["body"])
    return {
        "gateway messages": inbound + sum(one.posts for one in costs),
        "invocations": len(begun),
        "read units": sum(one.read_units for one in costs),
        "write units": sum(one.write_units for one in costs),
        "requests": sum(sum(one.requests.values()) for one in costs),
        "scans": sum(count for name, count in operations.items() if "Scan" in name),
        "presence write units": sum(
            one.write_units for one in by_event([r for r in records if r not in mine]).values()
        ),
    }


def of_connect(records: list[Record]) -> dict[str, float]:
    """Return the cost of a client that connects, without that of the presence that it changes.

    The sweep and the ends of other connections, which may come meanwhile, are left out. So are GETs
    that wait for packets: how many a client makes, and how often each looks for packets, depends on
    timing, as does how often the opener posts the same packet until the connection is open.
    """
    others = (*PRESENCE, *ENDS)
    mine = [one for one in records if not one["function"].endswith(others)]
    steps = [one for one in invocations(mine).values() if not _waits(one)]
    costs = [cost(one) for one in steps]
    return {
        "invocations": len(steps),
        "posts": sum(map(_different_posts, steps)),
        "read units": sum(one.read_units for one in costs),
        "write units": sum(one.write_units for one in costs),
    }


def _different_posts(records: list[Record]) -> int:
    """Return how many different frames an invocation has posted."""
    return len({one["frame"] for one in records if one["kind"] == "@connections"})


def _waits(records: list[Record]) -> bool:
    """Return whether these are the records of a GET that waits. The first GET writes new rows."""
    is_poll = records[0]["function"].endswith("polling")
    return is_poll and all(one.get("operation") != "PutItem" for one in records)
