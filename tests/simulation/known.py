"""What is known to fail: by reason, event and kinds of faults, the invariants that break.

The table may only shrink. What fails and is not here makes the tests fail, and so does what is here
and no longer fails.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.simulation.report import Cell, Table

DIED_UNTOLD = "Nothing sends the events of a decision if its process ends before it has sent them."
OLD_AFTER_NEW = "The events of a decision are sent after those of the one that overtook it."
SAID_TWICE = "Two invocations that finish the same thing both announce it."
LOST_DISCONNECT = "A lost ``$disconnect`` is noticed by the next ping only, also during a call."
CANDIDATE = "A candidate that overtakes the answer of its call is relayed before it."
EVENT_FAILS = "A post that fails for one recipient fails the event, although it is decided."
LAST_WORDS = "What arrived before a goodbye and is handled after it is refused."

HISTORIES = {
    "calls_shown": OLD_AFTER_NEW,
    "chat_calls_shown": OLD_AFTER_NEW,
    "late: free": LOST_DISCONNECT,
    "once": SAID_TWICE,
    "served": LAST_WORDS,
}
"""What may break in a history without faults, and why."""

_Row = tuple[str, str, str]
"""An event, kinds of faults and invariants, separated by semicolons."""

_ROWS: dict[str, tuple[_Row, ...]] = {
    EVENT_FAILS: (("call:ice_candidate", "429 always; 403 always", "undone"),),
    DIED_UNTOLD: (
        (
            "call:accept",
            "dies before; throttled; down from here; executed, no answer",
            "calls_shown",
        ),
        ("call:reject", "dies before; executed, no answer", "calls_shown"),
        ("call:cancel", "dies before; executed, no answer", "calls_shown"),
        ("call:end by user", "dies before; executed, no answer", "calls_shown"),
        ("call:end by telecaller", "dies before; executed, no answer", "calls_shown"),
        ("ring timeout [ring-timeout]", "dies before; executed, no answer", "calls_shown"),
        ("sweep finds a forgotten ring [sweep]", "dies before; executed, no answer", "calls_shown"),
        (
            "user leaves while ringing [disconnect]",
            "dies before; executed, no answer",
            "calls_shown",
        ),
        (
            "telecaller leaves while ringing [disconnect]",
            "dies before; executed, no answer",
            "calls_shown",
        ),
        ("user leaves in a call [disconnect]", "dies before; executed, no answer", "calls_shown"),
        (
            "telecaller leaves in a call [disconnect]",
            "dies before; executed, no answer",
            "calls_shown",
        ),
        ("user reloads in a call [disconnect]", "dies before; executed, no answer", "calls_shown"),
        (
            "call:accept in chat",
            "dies before; throttled; down from here; executed, no answer",
            "chat_calls_shown",
        ),
        (
            "call:reject in chat",
            "dies before; throttled; down from here; executed, no answer",
            "chat_calls_shown",
        ),
        (
            "call:end in chat",
            "dies before; throttled; down from here; executed, no answer",
            "chat_calls_shown",
        ),
        (
            "chat ring timeout [ring-timeout]",
            "dies before; throttled; down from here; executed, no answer",
            "chat_calls_shown",
        ),
        (
            "tab of a call and a channel closes [disconnect]",
            "dies before; throttled; down from here; executed, no answer",
            "chat_calls_shown",
        ),
    ),
    LOST_DISCONNECT: (
        (
            "tab of a call and a channel closes [disconnect]",
            "dies before; throttled; down from here; conflicts",
            "late: free; late: ghosts",
        ),
    ),
    SAID_TWICE: (
        ("chat: caller leaves | callee leaves [disconnect]", "race", "once"),
        ("accept | user leaves", "race", "once"),
        ("accept | telecaller leaves", "race", "once"),
        ("chat: accept | end", "race", "once"),
        ("chat: accept | caller leaves", "race", "once"),
    ),
    OLD_AFTER_NEW: (
        ("chat: accept | end", "race", "chat_calls_shown"),
        ("chat: accept | caller leaves", "race", "chat_calls_shown"),
    ),
    CANDIDATE: (("chat: accept, candidate", "overtaken", "in_order"),),
    LAST_WORDS: (
        ("say, goodbye", "overtaken", "served"),
        ("message, goodbye", "overtaken", "served"),
    ),
}


def _cells() -> Iterator[tuple[Cell, str]]:
    for rows in _ROWS.values():
        for name, kinds, invariants in rows:
            for kind in kinds.split("; "):
                yield from (((name, kind), invariant) for invariant in invariants.split("; "))


KNOWN: dict[Cell, frozenset[str]] = {
    cell: frozenset(invariant for other, invariant in _cells() if other == cell)
    for cell, _ in _cells()
}


def differences(table: Table) -> Iterator[str]:
    """Yield what is otherwise than known, among the cells of a table."""
    for cell, result in table.items():
        expected = KNOWN.get(cell, frozenset())
        name = ", ".join(cell)
        for what in sorted(result.broken.keys() - expected):
            yield f"{name}: {what} is broken: {result.example[what]}"
        for what in sorted(expected - result.broken.keys()):
            yield f"{name}: {what} is no longer broken: take it out of the table"


def unknown_in_histories(table: Table) -> Iterator[str]:
    """Yield what is broken in histories and not known."""
    for (seed, _), result in table.items():
        for what in sorted(result.broken.keys() - HISTORIES.keys()):
            yield f"{seed}: {what} is broken: {result.example[what]}"
