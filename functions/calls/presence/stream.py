"""The Lambda function that follows the streams of people, connections and calls.

It announces presence, has pushed what phones should know, and keeps the counts and the lists of
telecallers and calls. It follows changes that have been written, so every change is announced even
if the function that made the change has failed since. If a telecaller comes and goes within one
batch, only the last state is announced.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from functions.calls import pushes
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.presence import call_lists, changes, counts, directory
from functions.calls.presence.changes import Presence, presence
from functions.calls.presence.counts import Change
from functions.calls.presence.events import PresenceChanged, TelecallerDetails, audience
from functions.calls.presence.intervals import Intervals
from shared.aws import streams
from shared.aws.adapters import ports
from shared.aws.lambda_entry import Event, entry
from shared.aws.metrics import Metric, count_all
from shared.identity import accounts
from shared.ids import compose, decompose
from shared.realtime import pace

INTERVALS = Intervals()


@entry
def handler(event: Event) -> None:
    """Announce and count the changes in a batch of one table's stream.

    If this raises, Lambda delivers the changes again, in batches of other sizes. Each change is
    counted once; announcements may repeat.

    https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
    """
    records = event["Records"]
    pushes.follow(records)
    announce(records)
    call_lists.follow(records)
    found = [(streams.mark(record), meaning(record)) for record in records]
    added = counts.add([(mark, change) for mark, (change, _) in found])
    seen: Counter[Metric] = Counter()
    for mark, (_, metrics) in found:
        if mark in added:
            seen.update(metrics)
    count_all(+seen)


def meaning(record: dict[str, Any]) -> tuple[Change, dict[Metric, int]]:
    """Return what a record adds to the numbers, and to the metrics."""
    before, after = streams.images(record)
    match streams.table(record):
        case "people":
            namespace = decompose(_key(record), 2)[0]
            live = changes.of_person(namespace, before, after)
            return Change(live, {}), changes.begun(namespace, before, after)
        case "connections":
            live = changes.of_connection(before, after)
            return Change(live, {}), changes.come_or_gone(before, after)
        case "calls" if before is None and after is not None:
            return Change({}, changes.of_call(after)), changes.over(after)
    return Change({}, {}), {}


def announce(records: list[dict[str, Any]]) -> None:
    """Announce to all users every telecaller whose presence differs from before the batch.

    Each is announced at most once a second: a telecaller who comes and goes all the time costs
    every user one event a second.
    """
    first: dict[str, Presence] = {}
    last: dict[str, tuple[Presence, dict[str, Any]]] = {}
    for record in records:
        if streams.table(record) != "people":
            continue
        namespace, telecaller_id = decompose(_key(record), 2)
        if namespace != TELECALLER.path:
            continue
        before, after = streams.images(record)
        first.setdefault(telecaller_id, presence(before))
        last[telecaller_id] = presence(after), record
    changed = {one: now for one, now in last.items() if now[0] is not first[one]}

    def tell(telecaller_id: str) -> None:
        state, record = changed[telecaller_id]
        with streams.set_aside(record):
            # In this order, an app that reads the list too early receives the announcement.
            directory.move(telecaller_id, state)
            _announce(telecaller_id, state)

    INTERVALS.keep(changed, ports().clock.now_ms(), tell)


def _announce(telecaller_id: str, state: Presence) -> None:
    details = _details(telecaller_id) if state is Presence.ONLINE else None
    changed = PresenceChanged(telecaller_id, state.value, details)
    group = compose("telecaller", telecaller_id)
    newest = pace.new_state(group, ports().clock.now_ms())
    ports().tasks.broadcast(changed.to_room(USER.path, audience(), group=group, state=newest))


def _details(telecaller_id: str) -> TelecallerDetails | None:
    """Return what users see of a telecaller. Returns None if there is no account."""
    account = accounts.get(telecaller_id)
    if account is None:
        return None
    return TelecallerDetails(
        id=account.id,
        name=account.name,
        profile=account.profile,
        language=account.language,
        about=account.about,
    )


def _key(record: dict[str, Any]) -> str:
    """Return the key of a record of the people table."""
    key: str = record["dynamodb"]["Keys"]["person"]["S"]
    return key
