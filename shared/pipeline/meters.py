"""Limits against floods, which cost an ordinary client nothing.

The frames of a connection are handled by any process. Each process counts the hits that it sees, in
memory. After a number of hits within a minute it adds them to a row that all processes share, and
learns what the others have added. A client that sends less never causes a write.

So a limit is exact if one process serves the client. Each further process may let through up to
``share`` hits more.
"""

from __future__ import annotations

from collections import OrderedDict

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PynamoDBException

from shared.aws.log import logger
from shared.aws.tables import Table, TableName
from shared.ids import compose

MINUTE_MS = 60_000
LEAST_SHARE = 5
MOST_KEYS = 10_000
"""How many keys a process remembers, about 2 MB. It forgets those that were hit longest ago."""


class Shares(Table):
    """The hits on one key in one minute, as far as processes have added them.

    key: what is counted, and the minute, composed.
    """

    class Meta:
        table_name = TableName("limits")

    key = UnicodeAttribute(hash_key=True)
    hits = NumberAttribute(default=0)
    expires_at = NumberAttribute(attr_name="expiresAt")


class Count(msgspec.Struct):
    """The hits on a key in one minute, as this process knows them.

    minute: the number of the minute.
    before: the hits in the minute before.
    shared: the hits of all processes that were in the row when this process last added its own.
    own: the hits that this process has not added yet.
    """

    minute: int
    before: int = 0
    shared: int = 0
    own: int = 0

    @property
    def hits(self) -> int:
        """The known hits of this minute."""
        return self.shared + self.own

    def weighed(self, now_ms: int) -> float:
        """Return about how many hits there were in the last 60 s.

        The hits of the minute before count by the part of it that lies within these 60 s.
        """
        return self.hits + self.before * (1 - now_ms % MINUTE_MS / MINUTE_MS)


class Meter:
    """Counts hits on keys, against one limit for each key.

    name: what is counted. It is part of the rows' keys.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._counts: OrderedDict[str, Count] = OrderedDict()

    def take(self, key: str, per_minute: int, now_ms: int) -> bool:
        """Count a hit. Returns False, and counts nothing, if the limit has been reached."""
        count = self._count(key, now_ms // MINUTE_MS)
        if count.weighed(now_ms) >= per_minute:
            return False
        count.own += 1
        if count.own >= share(per_minute):
            self._share(key, count)
        return True

    def forget(self) -> None:
        """Forget all counts, as a process that begins."""
        self._counts.clear()

    def _count(self, key: str, minute: int) -> Count:
        count = self._counts.get(key)
        if count is None or count.minute < minute:
            follows = count is not None and count.minute == minute - 1
            count = Count(minute, before=count.hits if count and follows else 0)
            self._counts[key] = count
        self._counts.move_to_end(key)
        if len(self._counts) > MOST_KEYS:
            self._counts.popitem(last=False)
        return count

    def _share(self, key: str, count: Count) -> None:
        """Add this process's hits to the row of all processes, and learn the sum.

        A failure is logged only: the hits are added later, and the event itself need not fail.
        """
        row = Shares(compose(self._name, str(count.minute), key))
        expires_at = (count.minute + 2) * MINUTE_MS // 1000
        try:
            row.update([Shares.hits.add(count.own), Shares.expires_at.set(expires_at)])
        except PynamoDBException:
            logger.exception("hits not added")
            return
        count.shared, count.own = int(row.hits), 0


def share(per_minute: int) -> int:
    """Return how many hits a process counts before it adds them to the row of all processes."""
    return min(per_minute, max(LEAST_SHARE, per_minute // 60))


EVENTS, JOINS = Meter("events"), Meter("joins")
"""The events and the CONNECT packets of each connection."""
