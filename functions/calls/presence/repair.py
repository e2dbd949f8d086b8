"""Counts the people, the connections and the calls, and corrects the live numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import chain

from functions.calls.namespaces import TELECALLER, USER
from functions.calls.presence import call_lists, counts
from shared.aws.tables import batches
from shared.calling import ring
from shared.calling.ring import CalledPerson
from shared.pipeline import recount
from shared.pipeline.recount import in_time
from shared.pipeline.sweep import Sweep
from shared.realtime import lifecycle, people, rooms
from shared.settings import settings


def repair(sweep: Sweep) -> None:
    """Count the rows and correct the live numbers, if the last count is long enough ago."""
    recount.correct(sweep, counts.LIVE, partial(measure, sweep))


def measure(sweep: Sweep) -> Mapping[str, int]:
    """Return the live numbers, counted from the rows of the tables.

    Raises ``OutOfTime`` if the sweep ends before all rows are counted.
    """
    users = sum(1 for _ in in_time(sweep, rooms.people(USER.path)))
    connected = people.connected(TELECALLER.path, CalledPerson)
    telecallers = of_telecallers(in_time(sweep, chain(connected, rung_by_push())))
    return {"connections": lifecycle.count(), "onlineUsers": users, **telecallers}


def rung_by_push() -> Iterator[CalledPerson]:
    """Yield the rows of the telecallers without a connection whom a call rings by push."""
    if settings().ring_by_push:
        listed = {call.callee_id for call in call_lists.running()}
        for keys in batches(people.key(TELECALLER.path, one) for one in sorted(listed)):
            yield from (row for row in CalledPerson.batch_get(keys) if not row.online)


def of_telecallers(rows: Iterable[CalledPerson]) -> dict[str, int]:
    """Return the live numbers of telecallers and calls, summed over the telecallers' rows."""
    numbers = {"onlineTelecallers": 0, "ringing": 0, "accepted": 0}
    for row in rows:
        numbers["onlineTelecallers"] += row.online
        status = ring.on_row(row).status
        numbers["ringing"] += status == ring.RINGING
        numbers["accepted"] += status == ring.ACCEPTED
    return numbers
