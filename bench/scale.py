"""How a stack behaves with up to ten million connections: the tables of docs/scale.md."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from itertools import accumulate

from bench.scale_model import RETURN_TICK, Aws, Load, Result, Stack, returns
from bench.table import Table

SECONDS = 120
CALLS = (1, 100, 1_000, 10_000)
MONTH = 730 * 3600

AWS: dict[int, Aws] = {
    1_000: Aws(),
    100_000: Aws(),
    1_000_000: Aws(requests=30_000, burst=15_000, connects=1_000, table_units=80_000),
    10_000_000: Aws(
        requests=250_000,
        burst=125_000,
        connects=10_000,
        concurrency=3_000,
        table_units=400_000,
    ),
}
"""The quotas for so many connections: the default ones, and then those that have been raised."""

RAISED = {
    1_000_000: {"budget": 15_000, "posts_at_once": 96, "shards": 4, "senders": 4},
    10_000_000: {"budget": 100_000, "posts_at_once": 96, "shards": 16, "senders": 16},
}
"""What a stack of this size sets, beside the quotas. ``senders`` is ``at_once`` of the function
``broadcast-shard`` in ``infra/functions.py``."""

CONNECTION_A_MONTH, CALL, POST = 0.074, 86e-6, 1.0075e-6
"""Dollars: docs/liveness.md, docs/operations.md, and a message with the time of its function: a
sender makes 3,200 posts a second with 1.77 GB."""


def load(connections: int, calls: float, **more: float) -> Load:
    """Return the load, with the settings for this size."""
    return Load(connections, calls, **(RAISED.get(connections, {}) | more))  # type: ignore[arg-type]


def percentiles(values: Sequence[float]) -> list[float]:
    """Return p50, p99 and p99.9."""
    ordered = sorted(values)
    return [ordered[int(part * (len(ordered) - 1))] for part in (0.5, 0.99, 0.999)]


def rings(result: Result) -> str:
    """Return the latencies of rings in ms."""
    if not result.rings:
        return "none rings"
    return " / ".join(f"{one * 1000:,.0f}" for one in percentiles(result.rings))


def span(seconds: float) -> str:
    """Return a time as people read it."""
    if seconds < 120:
        return f"{seconds:,.1f} s"
    if seconds > 86_400:
        return "days"
    return f"{seconds / 60:,.0f} min" if seconds < 7_200 else f"{seconds / 3600:,.0f} h"


def lag(one: Load, rate: int) -> str:
    """Return how late an announcement is at most, or the time of one alone if they keep up.

    Behind an announcement wait the newest states of all other telecallers, and no others.
    """
    alone = one.listeners / rate
    if one.announcements * one.listeners < rate:
        return span(alone)
    longest = span(one.telecallers * alone)
    return longest if longest == "days" else f"up to {longest}"


def pace_of(one: Load, aws: Aws) -> int:
    """Return how many posts a second broadcasts can make."""
    each = min(1e6 / one.post_us, one.posts_at_once / aws.post)
    return int(min(one.budget or aws.requests, each * (one.senders or 4)))


def dollars(one: Load, aws: Aws) -> float:
    """Return what a month costs, if the load is the same all day."""
    posts = min(one.announcements * one.listeners, pace_of(one, aws))
    calls = one.calls / 60 * CALL
    return one.connections * CONNECTION_A_MONTH + MONTH * (calls + posts * POST)


def sizes() -> Table:
    table = Table(
        "Ring latency and cost by size",
        ["connections", "calls a minute", "most used quota of AWS", "ring p50 / p99 / p99.9, ms",
         "posts a second that announcements ask for", "an announcement reaches all within",
         "$ a month"],
    )  # fmt: skip
    for connections, aws in AWS.items():
        for calls in CALLS:
            one = load(connections, calls)
            result = Stack(one, aws).run(SECONDS)
            name, part = max(one.shares_of_quotas(aws).items(), key=lambda item: item[1])
            asked = one.announcements * one.listeners
            late = lag(one, pace_of(one, aws))
            table.add(connections, calls, f"{name}, {part:.0%}", rings(result), int(asked), late,
                      int(dollars(one, aws)))  # fmt: skip
    return table


def limits() -> Table:
    """Return the table of what saturates first, with the quotas that every account has."""
    table = Table(
        "The connections at which a default quota is used up, with a call a minute",
        ["quota", "default", "connections"],
    )
    aws, million = Aws(), load(1_000_000, 1, budget=0)
    budget = 60 * 5_000 / (2 * million.answered)
    table.add("posts of broadcasts (our own budget)", "5,000", int(budget))
    found = million.shares_of_quotas(aws)
    quotas = {
        "gateway requests": aws.requests,
        "new connections": aws.connects,
        "Lambda concurrency": aws.concurrency,
        "writes of one table": aws.table_units,
    }
    for name, part in sorted(found.items(), key=lambda item: -item[1]):
        table.add(name, f"{quotas[name]:,}", int(round(1_000_000 / part, -4)))
    return table


def budgets() -> Table:
    table = Table(
        "Rings with and without the budget: 100,000 connections, 100 calls a minute",
        ["broadcasts", "ring p50 / p99 / p99.9, ms", "rings that reached no device",
         "posts of broadcasts a second"],
    )  # fmt: skip
    for name, budget in (("a budget of 5,000 posts a second", 5_000), ("as fast as they can", 0)):
        result = Stack(load(100_000, 100, budget=budget), Aws()).run(SECONDS)
        table.add(name, rings(result), result.lost_rings, int(result.posts / SECONDS))
    return table


def storms() -> Table:
    table = Table(
        "Reconnect storm: 500 new connections a second, and announcements without a pause",
        ["connections", "calls a minute", "ring p50 / p99 / p99.9, ms",
         "gateway requests used", "all are back after"],
    )  # fmt: skip
    for connections, aws in AWS.items():
        one = load(connections, 1_000, storm=float(aws.connects))
        result = Stack(one, aws).run(SECONDS)
        used = one.shares_of_quotas(aws)["gateway requests"] + result.posts / SECONDS / aws.requests
        back = span(connections / aws.connects)
        table.add(connections, 1_000, rings(result), f"{used:.0%}", back)
    return table


def outages() -> Table:
    table = Table(
        "After an outage: all clients come back as quickly as they may, 100 calls a minute",
        ["connections", "new connections a second", "half are back after", "all are back after",
         "ring p50 / p99 / p99.9, ms", "all telecallers are announced within"],
    )  # fmt: skip
    for connections, aws in AWS.items():
        one = load(connections, 100, outage=True)
        back = list(accumulate(returns(connections, aws.connects, random.Random(1))))
        half = next(tick for tick, many in enumerate(back) if many >= connections / 2)
        ticks = span(half * RETURN_TICK), span(len(back) * RETURN_TICK)
        result = Stack(one, aws).run(SECONDS)
        announced = one.telecallers * one.listeners / pace_of(one, aws)
        table.add(connections, aws.connects, *ticks, rings(result), span(announced))
    return table


def audiences() -> Table:
    table = Table(
        "Announced to those who have the list open (one in 200 users)",
        ["connections", "calls a minute", "to everybody within", "to those who watch within",
         "$ a month, everybody", "$ a month, those who watch"],
    )  # fmt: skip
    for connections, aws in AWS.items():
        for calls in (10, 1_000):
            all_, some = (load(connections, calls, audience=part) for part in (1.0, 0.005))
            late = [lag(one, pace_of(one, aws)) for one in (all_, some)]
            table.add(connections, calls, *late, int(dollars(all_, aws)), int(dollars(some, aws)))
    return table


def measured() -> Table:
    """Return what the simulation says of the room that ``bench.fanout`` measures."""
    table = Table(
        "One broadcast to 100,000 without a budget, as the fan-out benchmark measures it",
        ["posts a second and function", "simulated", "computed from the measured time of a post"],
    )
    for at_once, post in ((32, 0.010), (32, 0.001)):
        aws = Aws(requests=10**6, burst=10**6, post=post)
        one = Load(100_000, 2, budget=0, posts_at_once=at_once, senders=4)
        stack = Stack(one, aws)
        result = stack.run(SECONDS)
        share = one.listeners / 4 / min(result.lags)
        table.add(f"a post takes {post * 1000:.0f} ms, {at_once} at once", int(share),
                  int(min(at_once / post, 1e6 / one.post_us)))  # fmt: skip
    return table


def run() -> Iterable[Table]:
    for table in (limits, sizes, budgets, storms, outages, audiences, measured):
        yield table()


if __name__ == "__main__":
    for each in run():
        print(each, end="\n\n", flush=True)
