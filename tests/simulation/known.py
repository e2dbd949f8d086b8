"""What is known to fail: by reason, event and kinds of faults, the invariants that break.

The table may only shrink. What fails and is not here makes the tests fail, and so does what is here
and no longer fails.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.simulation.report import Cell, Table

DIED_UNTOLD = "Nothing sends the events of a decision if its process ends before it has sent them."
OWN_WRITE = "A write whose answer is lost is repeated, fails on itself, and is taken for a rival's."
OLD_AFTER_NEW = "The events of a decision are sent after those of the one that overtook it."
SAID_TWICE = "Two invocations that finish the same thing both announce it."
LATE_REPORT = "A report that fails waits for its visibility timeout of three minutes."
BLOCKED_GROUP = "A broadcast whose process dies blocks its group for four minutes."
SAME_SECOND = "A join is checked against the time of the channel's report, not against its version."
UNTRACK = "An untrack that overtakes its track leaves no trace."
EVENT_FAILS = "A post that fails for one recipient fails the event, although it is decided."
LAST_WORDS = "What is handled later than ``last_words_seconds`` after its goodbye is refused."
LATE_TAB = "A tab that comes while its person is being called in chat does not ring."
NOT_YET = "A status that overtakes the one before it is refused with a text that is wrong by then."

HISTORIES = {
    "bookings_shown": OLD_AFTER_NEW,
    "offers_shown": OLD_AFTER_NEW,
    "once": SAID_TWICE,
    "rang": LATE_TAB,
    "statuses_shown": OLD_AFTER_NEW,
    "tracked": UNTRACK,
}
"""What may break in a history without faults, and why."""

AT_ONCE: dict[tuple[str, str], str] = {
    ("chat: caller leaves | callee leaves", "once"): SAID_TWICE,
    ("chat: accept, end", "once"): SAID_TWICE,
    ("accept, end", "once"): SAID_TWICE,
    ("a whole call", "once"): SAID_TWICE,
    ("signalling, and the end", "once"): SAID_TWICE,
    ("away, busy", "statuses_shown"): OLD_AFTER_NEW,
    ("three statuses", "statuses_shown"): OLD_AFTER_NEW,
    ("locations", "locations_shown"): OLD_AFTER_NEW,
    ("a whole booking", "bookings_shown"): OLD_AFTER_NEW,
    ("on the way, and cancelled", "bookings_shown"): OLD_AFTER_NEW,
    ("on the way, and cancelled", "refusals_true"): NOT_YET,
    ("another tab comes, and is called", "rang"): LATE_TAB,
    ("track and untrack, twice", "tracked"): UNTRACK,
    ("booking: status | cancelled", "refusals_true"): NOT_YET,
    ("a whole booking", "refusals_true"): NOT_YET,
}
"""What may break in a burst of the concurrent world, and why, beside what breaks in the race of the
same name. It breaks in some orders only, so it is missed in long runs alone."""

LONG = 40
"""A burst that breaks breaks within so many runs."""

_Row = tuple[str, str, str]
"""An event, kinds of faults and invariants, separated by semicolons."""

_ROWS: dict[str, tuple[_Row, ...]] = {
    EVENT_FAILS: (
        ("booking:accept", "429 always", "undone"),
        ("booking:reject", "429 always", "offers_shown; undone"),
        ("booking:cancel", "429 always", "undone"),
        ("booking:status_update", "429 always", "undone"),
        ("location:update", "429 always", "undone"),
        ("message:send", "429 always", "undone"),
        ("typing:start", "429 always", "undone"),
        ("typing:stop", "429 always", "undone"),
    ),
    DIED_UNTOLD: (
        (
            "leave_channel",
            "dies before; throttled; down from here; executed, no answer",
            "members_shown",
        ),
        (
            "chat:send_message",
            "dies before; throttled; down from here; executed, no answer",
            "messages_delivered",
        ),
        (
            "booking:accept",
            "dies before; throttled; down from here; executed, no answer",
            "bookings_shown",
        ),
        ("booking:reject", "dies before", "bookings_shown"),
        (
            "booking:reject",
            "throttled; down from here; executed, no answer",
            "bookings_shown; offers_shown",
        ),
        (
            "booking:cancel",
            "dies before; throttled; down from here; executed, no answer",
            "bookings_shown; offers_shown",
        ),
        (
            "booking:status_update",
            "dies before; throttled; down from here; executed, no answer",
            "bookings_shown",
        ),
        ("message:send", "dies before; executed, no answer", "messages_delivered"),
        ("message_read", "dies before; throttled; down from here", "receipts_delivered"),
    ),
    OWN_WRITE: (
        ("message:send", "answer lost, repeated", "messages_delivered"),
        ("message_read", "answer lost, repeated; executed, no answer", "receipts_delivered"),
    ),
    BLOCKED_GROUP: (
        ("call:accept [broadcast]", "dies before", "late: presence_shown"),
        ("telecaller connects [broadcast]", "dies before", "late: presence_shown"),
        ("chat:send_message [broadcast]", "dies before", "late: messages_delivered"),
        ("booking:accept [broadcast]", "dies before", "late: bookings_shown"),
    ),
    LATE_REPORT: (
        (
            "earnings.updated [backend]",
            "dies before; throttled; down from here; conflicts; executed, no answer",
            "late: reports_passed_on",
        ),
        (
            "notification.created [backend]",
            "dies before; throttled; down from here",
            "late: reports_passed_on",
        ),
        (
            "partner.registered [backend]",
            "dies before; throttled; down from here",
            "late: reports_passed_on",
        ),
        (
            "kyc.submitted [backend]",
            "dies before; throttled; down from here",
            "late: reports_passed_on",
        ),
        (
            "booking.assigned [backend]",
            "dies before; throttled; down from here; executed, no answer",
            "late: bookings_shown; late: offers_shown",
        ),
        (
            "booking.assigned to another [backend]",
            "dies before; throttled; down from here; executed, no answer",
            "late: offers_shown",
        ),
        (
            "booking.updated [backend]",
            "dies before; throttled; down from here; executed, no answer",
            "late: bookings_shown; late: offers_shown",
        ),
        (
            "channel.upserted [backend]",
            "dies before; throttled; down from here; executed, no answer",
            "late: members_only; late: members_shown",
        ),
        ("channel.upserted [backend]", "conflicts", "late: members_only"),
    ),
    OLD_AFTER_NEW: (
        ("status | status elsewhere", "race", "statuses_shown"),
        ("status | tab leaves", "race", "statuses_shown"),
        ("booking: accept | cancel", "race", "bookings_shown"),
        ("booking: status | cancelled", "race", "bookings_shown"),
    ),
    UNTRACK: (("track, untrack", "overtaken", "tracked"),),
    LAST_WORDS: (
        ("say, goodbye", "overtaken", "served"),
        ("message, goodbye", "overtaken", "served"),
        ("cancel, goodbye", "overtaken", "served"),
    ),
    SAME_SECOND: (("join | put out in the same second", "race", "members_shown"),),
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


def unknown_at_once(table: Table) -> Iterator[str]:
    """Yield what is broken in bursts and not known, and what no longer breaks in many runs."""
    for (name, _), result in table.items():
        in_turn = {what for (other, _), all_ in KNOWN.items() if other == name for what in all_}
        own = {what for other, what in AT_ONCE if other == name}
        for what in sorted(result.broken.keys() - own - in_turn):
            yield f"{name}: {what} is broken: {result.example[what]}"
        for what in sorted(own - result.broken.keys()) if result.runs >= LONG else ():
            yield f"{name}: {what} has not broken in {result.runs} runs: take it out of the table"
