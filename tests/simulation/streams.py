"""The streams of tables: batches in order, split when they fail, given up in the end."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from shared.pipeline.deployment import Stream
from tests.simulation.engine import Change
from tests.simulation.stack import SPECS, STREAM_BATCH, STREAM_RETRIES, STREAMS, is_followed

if TYPE_CHECKING:
    from tests.simulation.invocation import Invocation
    from tests.simulation.world import World

READ_MS = 50
RETRY_MS = 1_000
Records = list[dict[str, Any]]


class Streams:
    """What follows which table, and how far it is.

    dead_letters: the functions and records that were given up.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._waiting: dict[tuple[str, str], Records] = {
            (spec.name, table): [] for spec in SPECS.values() for table in spec.streams
        }
        self._batches: dict[tuple[str, str], list[tuple[Records, int]]] = {}
        """What is being handled: the parts of a batch, each with how often it has failed."""

        self._number = 0
        self.dead_letters: list[tuple[str, Records]] = []

    def add(self, change: Change) -> None:
        """Take a change of a table."""
        table = change[0]
        if table not in STREAMS:
            return
        self._number += 1
        record = self._record(change)
        for (function, followed), waiting in self._waiting.items():
            if followed == table and is_followed(function, table, record):
                waiting.append(record)
                self._world.later(READ_MS, partial(self._read, function, table))

    def _read(self, function: str, table: str) -> None:
        """Hand over the next batch, unless one is being handled."""
        source = function, table
        waiting = self._waiting[source]
        if self._batches.get(source) or not waiting:
            return
        self._batches[source] = [(waiting[:STREAM_BATCH], 0)]
        del waiting[:STREAM_BATCH]
        self._hand_over(source)

    def _hand_over(self, source: tuple[str, str]) -> None:
        records, _ = self._batches[source][0]
        self._world.invoke(source[0], {"Records": records}, partial(self._done, source))

    def _done(self, source: tuple[str, str], invocation: Invocation) -> None:
        """Go on; a batch that failed is handed over again, in halves if it has several records.

        https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
        """
        batches = self._batches[source]
        records, failures = batches.pop(0)
        again = self._failed(records, invocation)
        if not again:
            if batches:
                self._hand_over(source)
            else:
                self._read(*source)
            return
        half = len(again) // 2
        if half:
            batches[:0] = [(again[:half], failures), (again[half:], failures)]
        elif failures < STREAM_RETRIES or SPECS[source[0]].until_expired:
            batches.insert(0, (again, failures + 1))
        else:
            self.dead_letters.append((source[0], again))
        if batches:
            self._world.later(RETRY_MS, partial(self._hand_over, source))

    def _failed(self, records: Records, invocation: Invocation) -> Records:
        """Return the records to hand over again: all, or those from the first reported one on."""
        if invocation.error is not None:
            return records
        reported = (invocation.result or {}).get("batchItemFailures") or []
        numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
        first = [numbers.index(one["itemIdentifier"]) for one in reported]
        return records[min(first) :] if first else []

    def _record(self, change: Change) -> dict[str, Any]:
        table, _, before, after = change
        images = {"NewImage": after, "OldImage": before if STREAMS[table] is Stream.BOTH else None}
        number = f"{self._number:021d}"
        event_name = "INSERT" if before is None else "REMOVE" if after is None else "MODIFY"
        return {
            "eventID": number,
            "eventName": event_name,
            "eventSource": "aws:dynamodb",
            "eventSourceARN": f"arn:aws:dynamodb:us-east-1:1:table/{table}/stream/1",
            "dynamodb": {
                "ApproximateCreationDateTime": self._world.now_ms // 1000,
                "SequenceNumber": number,
                "Keys": self._world.dynamo.key_item(table, after or before or {}),
                **{name: image for name, image in images.items() if image is not None},
            },
        }
