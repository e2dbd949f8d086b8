"""A stack of any size as a discrete-event simulation: AWS's quotas, and the code that schedules.

Real are what decides who waits: the reservations of ``shared.realtime.pace``, the pauses before
another post, the settings, and how many invocations may read a queue. AWS is a set of quotas and of
latencies (``Aws``), all of them parameters. People connect, ping and call at random times.
"""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter, defaultdict, deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple

import msgspec
import simpy

from infra.functions import FUNCTIONS
from shared.realtime import pace, rooms
from shared.settings import Settings

Process = Generator[simpy.Event, Any, None]

AT_ONCE = {one.name: one.at_once or 0 for one in FUNCTIONS}
DEFAULTS: Any = SimpleNamespace(
    **{one.name: one.default for one in msgspec.structs.fields(Settings)}
)
"""The settings as they are if a stack sets none."""

CHUNK = 100
"""Posts are simulated in chunks of this size, while there is a budget."""

TICK = 0.02
RETURN_TICK = 0.1
REFUSAL_SECONDS = 0.3
"""How long a client waits for a refusal, at most."""

PROBES_A_SECOND = 50
"""At least so many rings are measured, however few calls there are."""


class Aws(NamedTuple):
    """AWS's quotas for an account, by default those of a region, and its latencies in seconds.

    requests, burst: API Gateway's requests a second of all APIs together, frames of clients and
        posts to them alike, and how many more may come at once.
    connects: new connections a second.
    concurrency: invocations at the same time.
    table_units: write units a second of one table.
    lookup, write, post, invoke: the medians of a read, a transaction, a post, and of what comes
        before the function's code runs.
    spread: the standard deviation of the logarithm of a latency.
    cold, cold_share: how long a cold start takes, and how often a ring meets one.
    """

    requests: int = 10_000
    burst: int = 5_000
    connects: int = 500
    concurrency: int = 1_000
    table_units: int = 40_000
    lookup: float = 0.004
    write: float = 0.012
    post: float = 0.010
    invoke: float = 0.012
    spread: float = 0.5
    cold: float = 0.45
    cold_share: float = 0.005


@dataclass(frozen=True)
class Load:
    """What people do, and how the stack is set.

    connections: the connections of users. Every ping period each has a ping and its answer, and
        every two hours it is replaced.
    calls: calls a minute. Of those, ``answered`` are, and announce their telecaller twice.
    audience: the share of users who hear of the presence of telecallers.
    storm: new connections a second beside the usual ones.
    outage: whether all connections have just been lost, so that all clients come back.
    budget: posts a second of all broadcasts; 0 for no budget.
    """

    connections: int
    calls: float
    audience: float = 1.0
    storm: float = 0.0
    outage: bool = False
    budget: int = 5_000
    answered: float = 0.75
    posts_at_once: int = 32
    shards: int = 4
    senders: int = 0
    post_us: float = 105.0

    @property
    def listeners(self) -> int:
        """How many posts an announcement is."""
        return round(self.connections * self.audience)

    @property
    def announcements(self) -> float:
        """Announcements a second."""
        return 2 * self.answered * self.calls / 60

    @property
    def telecallers(self) -> int:
        """How many telecallers there are: half as many again as are on a call, of five minutes."""
        return max(20, round(self.calls * self.answered * 5 * 1.5))

    @property
    def opened(self) -> float:
        """New connections a second."""
        return self.connections / 7_200 + self.storm

    @property
    def background(self) -> float:
        """API Gateway's requests a second that are no call and no announcement: pings and answers,
        and for a new connection the handshake, the open packet, CONNECT and its answer."""
        return 2 * self.connections / 210 + 4 * self.opened

    def shares_of_quotas(self, aws: Aws) -> dict[str, float]:
        """Return which part of each quota this load needs, without announcements."""
        calls, pings = self.calls / 60, self.connections / 210
        busy = pings * 0.01 + self.opened * 3 * 0.05 + calls * 4 * 0.06
        writes = pings * 4 + self.opened * 6
        return {
            "gateway requests": (self.background + calls * 8) / aws.requests,
            "new connections": self.opened / aws.connects,
            "Lambda concurrency": busy / aws.concurrency,
            "writes of one table": writes / aws.table_units,
        }


def returns(clients: int, quota: int, dice: random.Random) -> Iterator[int]:
    """Yield for every ``RETURN_TICK`` how many clients come back, until all have.

    They try as socket.io-client does: after about 1 s, 2 s and 4 s, and then every 5 s, without a
    random part. A handshake beyond the quota is refused.
    https://socket.io/docs/v4/client-options/#reconnectiondelay
    """
    due: dict[int, Counter[int]] = defaultdict(Counter)
    _try_again(due, 0, Counter({0: clients}), dice)
    for tick in itertools.count(1):
        tries = due.pop(tick, Counter())
        left = granted = min(tries.total(), int(quota * RETURN_TICK))
        for attempt, many in tries.items():
            some = min(many, left, math.ceil(granted * many / tries.total()))
            left -= some
            tries[attempt] -= some
        _try_again(due, tick, tries, dice)
        clients -= granted
        yield granted
        if not clients:
            return


def _try_again(
    due: dict[int, Counter[int]], tick: int, tries: Counter[int], dice: random.Random
) -> None:
    """Note when clients try next, by the number of tries that they have made."""
    for attempt, many in tries.items():
        soonest, latest = (min(part * 2 ** min(attempt, 9), 5.0) for part in (0.5, 1.5))
        first = tick + math.ceil(soonest / RETURN_TICK)
        last = tick + math.floor((latest + REFUSAL_SECONDS) / RETURN_TICK)
        each, rest = divmod(many, last - first + 1)
        for number in range(first, last + 1) if each else ():
            due[number][attempt + 1] += each
        for _ in range(rest):
            due[dice.randint(first, last)][attempt + 1] += 1


class Bucket:
    """API Gateway's token bucket."""

    def __init__(self, env: simpy.Environment, aws: Aws, dice: random.Random) -> None:
        self._env, self._aws, self._dice = env, aws, dice
        self._tokens, self._at = float(aws.burst), 0.0

    def take(self, wanted: int) -> int:
        """Return how many of some requests pass. The others are answered with 429."""
        now = self._env.now
        filled = self._tokens + (now - self._at) * self._aws.requests
        self._tokens, self._at = min(self._aws.burst, filled), now
        granted = min(wanted, int(self._tokens))
        if wanted == 1 and self._tokens < 10:  # others take what is left as quickly
            granted = int(self._dice.random() < self._tokens / 10)
        self._tokens = max(0.0, self._tokens - granted)
        return granted


class Reserved:
    """The budget's row: each method is one atomic write, as in ``pace.BudgetRow``."""

    def __init__(self) -> None:
        self._free_at = 0

    def prolong(self, ms: int, now_ms: int) -> int | None:
        """Reserve time as ``pace.Budget`` says."""
        if self._free_at <= now_ms:
            return None
        self._free_at += ms
        return self._free_at

    def begin(self, ms: int, now_ms: int) -> int | None:
        """Reserve time as ``pace.Budget`` says."""
        if self._free_at > now_ms:
            return None
        self._free_at = now_ms + ms
        return self._free_at


class Announcement(NamedTuple):
    """A message of the queue of broadcasts. ``state`` counts the states of the telecaller."""

    telecaller: int
    state: int
    at: float
    shard: int


@dataclass
class Result:
    """What a simulation has measured. Times are in seconds."""

    rings: list[float]
    lost_rings: int
    lags: list[float]
    announced: int
    skipped: int
    posts: int
    seconds: float
    waiting: int


class Stack:
    """One simulated stack."""

    def __init__(self, load: Load, aws: Aws, seed: int = 1) -> None:
        self.env, self.load, self.aws = simpy.Environment(), load, aws
        self.dice = random.Random(seed)
        self.bucket = Bucket(self.env, aws, self.dice)
        used = load.shares_of_quotas(aws)["Lambda concurrency"] * aws.concurrency
        self.lambdas = simpy.Resource(self.env, max(1, int(aws.concurrency - used)))
        self.budget, self.queue = Reserved(), simpy.Store(self.env)
        self.groups: dict[tuple[int, int], deque[Announcement]] = {}
        self.newest: dict[int, int] = {}
        self.result = Result([], 0, [], 0, 0, 0, 0.0, 0)

    def run(self, seconds: float) -> Result:
        """Return what happens within some seconds."""
        is_large = self.load.listeners > DEFAULTS.split_above * self.load.shards
        self.shards = self.load.shards if is_large else 1
        name = "broadcast-shard" if is_large else "broadcast"
        for _ in range(self.load.senders or AT_ONCE[name]):
            self.env.process(self.sender())
        for process in (self.background(), self.calls(), self.telecallers()):
            self.env.process(process)
        if self.load.outage:
            self.env.process(self.come_back())
        self.env.run(until=seconds)
        self.result.seconds = seconds
        self.result.waiting = sum(len(group) for group in self.groups.values())
        return self.result

    def takes(self, median: float) -> simpy.Event:
        """Return the wait for one answer of AWS."""
        return self.env.timeout(self.dice.lognormvariate(math.log(median), self.aws.spread))

    def background(self) -> Process:
        """Let everything else take its requests."""
        owed = 0.0
        while True:
            owed += self.load.background * TICK
            self.bucket.take(int(owed))
            owed -= int(owed)
            yield self.env.timeout(TICK)

    def calls(self) -> Process:
        """Let calls begin."""
        rate = max(self.load.calls / 60, PROBES_A_SECOND)
        while True:
            yield self.env.timeout(self.dice.expovariate(rate))
            self.env.process(self.ring())

    def ring(self) -> Process:
        """Handle one ``call:initiate`` until ``call:incoming`` has been posted."""
        begun = self.env.now
        while not self.bucket.take(1):  # the client reconnects and tries again
            yield self.env.timeout(self.dice.uniform(1, 2))
        with self.lambdas.request() as free:
            yield free
            yield self.takes(self.aws.invoke)
            if self.dice.random() < self.aws.cold_share:
                yield self.env.timeout(self.aws.cold)
            yield self.takes(self.aws.lookup)
            yield self.takes(self.aws.write)
            if not (yield from self.post(1)):
                self.result.lost_rings += 1
                return
            yield self.takes(self.aws.post)
            self.result.rings.append(self.env.now - begun)

    def post(self, posts: int) -> Generator[simpy.Event, Any, bool]:
        """Make posts, again if API Gateway throttles them, as ``ManagedConnections`` does.

        Returns False if some are given up.
        """
        attempt, until = 1, math.inf
        while left := posts - self.bucket.take(posts):
            if self.env.now > until:
                return False
            until = min(until, self.env.now + DEFAULTS.post_retry_seconds)
            longest = min(
                DEFAULTS.post_pause_most_seconds,
                DEFAULTS.post_pause_seconds * 2 ** (attempt - 1),
            )
            yield self.env.timeout(self.dice.uniform(0, longest))
            attempt, posts = attempt + 1, left
        return True

    def telecallers(self) -> Process:
        """Let telecallers go on a call and come back, and announce that."""
        while True:
            yield self.env.timeout(self.dice.expovariate(self.load.announcements))
            self.announce(self.dice.randrange(self.load.telecallers))

    def come_back(self) -> Process:
        """Let all clients come back after an outage. Every telecaller is announced."""
        telecallers, back = iter(range(self.load.telecallers)), 0.0
        for granted in returns(self.load.connections, self.aws.connects, self.dice):
            self.bucket.take(4 * granted)
            back += granted / self.load.connections * self.load.telecallers
            for who in itertools.islice(telecallers, int(back)):
                self.announce(who)
            back -= int(back)
            yield self.env.timeout(RETURN_TICK)

    def announce(self, telecaller: int) -> None:
        """Queue the announcement of a telecaller's new state."""
        self.newest[telecaller] = self.newest.get(telecaller, 0) + 1
        for shard in range(self.shards):
            one = Announcement(telecaller, self.newest[telecaller], self.env.now, shard)
            group = self.groups.setdefault((telecaller, shard), deque())
            group.append(one)
            if len(group) == 1:
                self.queue.put(group)

    def sender(self) -> Process:
        """Handle messages of the queue, one after another. A group has one under way at a time."""
        while True:
            group: deque[Announcement] = yield self.queue.get()
            one = group[0]
            yield self.takes(self.aws.invoke)
            if self.newest[one.telecaller] != one.state:
                self.result.skipped += 1
            else:
                yield from self.send(self.load.listeners // self.shards)
                self.result.announced += 1
                self.result.lags.append(self.env.now - one.at)
            group.popleft()
            if group:
                self.queue.put(group)

    def send(self, posts: int) -> Process:
        """Send the posts of one message, page after page."""
        rate = min(1e6 / self.load.post_us, self.load.posts_at_once / self.aws.post)
        while posts > 0:
            page = min(posts, rooms.PAGE)
            posts -= page
            if self.load.budget and page >= DEFAULTS.broadcast_free_posts:
                now_ms = int(self.env.now * 1000)
                wait = pace.reserve(self.budget, page, self.load.budget, now_ms)
                yield self.env.timeout(wait / 1000)
            chunk = CHUNK if self.load.budget else 10
            for begin in range(0, page, chunk):
                some = min(chunk, page - begin)
                yield from self.post(some)
                yield self.env.timeout(some / rate)
                self.result.posts += some
