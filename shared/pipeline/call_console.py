"""What admins do with the running calls of a product, whichever product it is."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from shared.calling.call_records import CallRecord
from shared.calling.running import RunningCall

Listed = tuple[str, RunningCall | None]
"""The id of a call in a list, and the call. It is None if the call is over by now."""


class CallConsole(msgspec.Struct, frozen=True):
    """How a product shows its running calls to admins, and ends one.

    newest: returns the newest calls of the product's list, the newest first. It is called with the
        most to return, and with an id: only older calls are returned; with None, all are.
    find: returns a call by its id, read strongly consistently, or None if it is over or does not
        exist. The id may be any text.
    end: ends a call, and announces that to its parties. It is called with the ``Background``, with
        the id, with the ``Ender``, and with what makes a row of the call's record, which is written
        in the same transaction. Returns the record, or None if the call is over.
    """

    newest: Callable[[int, str | None], list[Listed]]
    find: Callable[[str], RunningCall | None]
    end: Callable[..., CallRecord | None]
