"""The stream of a table, for tests: what every write of this process has changed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

from shared.aws.tables import TableName
from tests.fakes import NOW_MS
from tests.integration.engines import Engine

WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")
Record = dict[str, Any]


class Followed:
    """One table. After each write, ``take`` is called with a record of each row that has changed.

    Writes of several threads at the same moment may be seen as one.
    """

    def __init__(self, engine: Engine, table: str, take: Callable[[Record], object]) -> None:
        self._engine, self._take = engine, take
        self._name = TableName(table).__get__(self, Followed)  # as a model asks for it
        schema = engine.call("DescribeTable", {"TableName": self._name})["Table"]["KeySchema"]
        self._key = [one["AttributeName"] for one in schema]
        self._rows: dict[str, Any] = {}
        self._numbers = itertools.count(1)
        self._lock = RLock()

    def look(self, operation: str) -> None:
        """After a write, take what has changed since the last one."""
        if operation not in WRITES:
            return
        with self._lock:
            items = self._engine.call("Scan", {"TableName": self._name})["Items"]
            rows = {str([item[name] for name in self._key]): item for item in items}
            before, self._rows = self._rows, rows
            for key in sorted(before.keys() | rows.keys()):
                if before.get(key) != rows.get(key):
                    self._take(self._record(before.get(key), rows.get(key)))

    def _record(self, before: Any, after: Any) -> Record:
        row = after or before
        images = {"OldImage": before, "NewImage": after}
        return {
            "eventID": f"{self._name} {next(self._numbers)}",
            "eventName": "INSERT" if before is None else "REMOVE" if after is None else "MODIFY",
            "eventSourceARN": f"arn:aws:dynamodb:us-east-1:1:table/{self._name}/stream/1",
            "dynamodb": {
                "ApproximateCreationDateTime": NOW_MS / 1000,
                "Keys": {name: row[name] for name in self._key},
                **{name: image for name, image in images.items() if image is not None},
            },
        }


@contextmanager
def following(engine: Engine, table: str, take: Callable[[Record], object]) -> Iterator[None]:
    """Follow a table."""
    followed = Followed(engine, table, take)
    engine.after.append(followed.look)
    try:
        yield
    finally:
        engine.after.remove(followed.look)
