"""What is known to fail: by reason, event and kinds of faults, the invariants that break.

The table may only shrink. What fails and is not here makes the tests fail, and so does what is here
and no longer fails.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.simulation.report import Cell, Table

DIED_UNTOLD = "Nothing sends the events of a decision if its process ends before it has sent them."
OWN_WRITE = "A write whose answer is lost is repeated, fails on itself, and is taken for a rival's."
ONE_RECIPIENT = "A post that fails for one recipient fails the event, and is not tried again alone."
OLD_AFTER_NEW = "The events of a decision are sent after those of the one that overtook it."
SAID_TWICE = "Two invocations that finish the same thing both announce it."
CLAIMED_FIRST = "A report is claimed before it is passed on, so its second delivery is dropped."
LATE_REPORT = "A report that fails waits for its visibility timeout of three minutes."
BLOCKED_GROUP = "A broadcast whose process dies blocks its group for 18 minutes."
SPLIT_BATCH = "A batch that is split has other tokens, so its records are counted twice."
DEAF = "A connection that was told of its session, and has not joined, is found by nobody."
OPENER = "The opener may not read connections, and its maximum age forbids its retry."
LOST_DISCONNECT = "A lost ``$disconnect`` is noticed by the next ping only, also during a call."
NOT_NEWEST = "A status that the booking cannot reach yet is dropped, and a later one is refused."
EXPIRED_CLAIM = "The claim for an old event expires in the past, so its repetition is passed on."
SAME_SECOND = "A join is checked against the time of the channel's report, not against its version."
CANDIDATE = "A candidate that overtakes the answer of its call is relayed before it."
UNTRACK = "An untrack that overtakes its track leaves no trace."
LAST_WORDS = "What arrived before a goodbye and is handled after it is refused."

HISTORIES = {
    "bookings_shown": OLD_AFTER_NEW,
    "calls_shown": OLD_AFTER_NEW,
    "chat_calls_shown": OLD_AFTER_NEW,
    "late: free": LOST_DISCONNECT,
    "offers_shown": OLD_AFTER_NEW,
    "once": SAID_TWICE,
    "served": LAST_WORDS,
    "statuses_shown": OLD_AFTER_NEW,
    "tracked": UNTRACK,
}
"""What may break in a history without faults, and why."""

_Row = tuple[str, str, str]
"""An event, kinds of faults and invariants, separated by semicolons."""

_ROWS: dict[str, tuple[_Row, ...]] = {
    ONE_RECIPIENT: (
        ("call:initiate", "429 always; 403", "undone"),
        ("call:accept", "429 always; 403", "undone"),
        ("call:accept", "403", "calls_shown"),
        ("call:reject", "429 always; 403", "calls_shown; undone"),
        ("call:cancel", "429 always; 403", "calls_shown; undone"),
        ("call:end by user", "429 always; 403", "calls_shown; undone"),
        ("call:end by telecaller", "429 always; 403", "calls_shown; undone"),
        ("ring timeout [ring-timeout]", "403", "calls_shown"),
        ("sweep finds a forgotten ring [sweep]", "403", "calls_shown"),
        ("user leaves while ringing [disconnect]", "403", "calls_shown"),
        ("telecaller leaves while ringing [disconnect]", "403", "calls_shown"),
        ("user leaves in a call [disconnect]", "403", "calls_shown"),
        ("telecaller leaves in a call [disconnect]", "403", "calls_shown"),
        ("user reloads in a call [disconnect]", "403", "calls_shown"),
        ("join_channel [broadcast]", "429 always", "given_up"),
        ("join_channel [broadcast]", "429 always; 403", "once"),
        ("chat:send_message", "429 always", "once"),
        ("chat:send_message [broadcast]", "429 always", "given_up"),
        ("chat:send_message [broadcast]", "429 always; 403", "once"),
        ("system_broadcast", "429 always", "once"),
        ("call:invite", "429 always; 403", "undone"),
        ("call:accept in chat", "429 always; 403", "chat_calls_shown; undone"),
        ("call:reject in chat", "429 always; 403", "chat_calls_shown; undone"),
        ("call:end in chat", "429 always; 403", "chat_calls_shown; undone"),
        ("call:ice_candidate", "429 always; 403", "undone"),
        ("chat ring timeout [ring-timeout]", "403", "chat_calls_shown"),
        ("tab of a call and a channel closes [disconnect]", "429 always", "given_up; once"),
        ("tab of a call and a channel closes [disconnect]", "403", "chat_calls_shown"),
        ("booking:accept", "429 always; 403", "undone"),
        ("booking:accept", "403", "bookings_shown"),
        ("booking:reject", "429 always; 403", "offers_shown; undone"),
        ("booking:reject", "403", "bookings_shown"),
        ("booking:cancel", "429 always; 403", "undone"),
        ("booking:cancel", "403", "bookings_shown; offers_shown"),
        ("booking:status_update", "429 always; 403", "undone"),
        ("booking:status_update", "403", "bookings_shown"),
        ("location:update", "429 always; 403", "undone"),
        ("message:send", "429 always; 403", "undone"),
        ("message:send", "403", "messages_delivered"),
        ("typing:start", "429 always; 403", "undone"),
        ("typing:stop", "429 always; 403", "undone"),
        ("booking.assigned [backend]", "403", "bookings_shown; offers_shown"),
        ("booking.assigned to another [backend]", "403", "offers_shown"),
        ("booking.updated [backend]", "403", "bookings_shown; offers_shown"),
        ("earnings.updated [backend]", "403", "late: reports_passed_on"),
        ("notification.created [backend]", "403", "late: reports_passed_on; once"),
    ),
    SPLIT_BATCH: (
        ("call:initiate [presence-stream]", "dies after; executed, no answer", "late: counted"),
        (
            "telecaller leaves in a call [presence-stream]",
            "executed, no answer; dies after",
            "late: counted",
        ),
        ("user connects [presence-stream]", "dies after; executed, no answer", "late: counted"),
    ),
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
            "message_read",
            "dies before; throttled; down from here; executed, no answer",
            "members_shown",
        ),
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
        (
            "booking:accept",
            "dies before; throttled; down from here; executed, no answer",
            "bookings_shown",
        ),
        (
            "booking:reject",
            "dies before; throttled; down from here; executed, no answer",
            "bookings_shown",
        ),
        ("booking:reject", "throttled; down from here; executed, no answer", "offers_shown"),
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
        (
            "booking.assigned [backend]",
            "dies before; throttled; down from here; executed, no answer",
            "bookings_shown; offers_shown",
        ),
        (
            "booking.assigned to another [backend]",
            "dies before; throttled; down from here; executed, no answer",
            "offers_shown",
        ),
        (
            "booking.updated [backend]",
            "dies before; throttled; down from here; executed, no answer",
            "bookings_shown; offers_shown",
        ),
        (
            "channel.upserted [backend]",
            "dies before; throttled; down from here; executed, no answer",
            "members_shown",
        ),
    ),
    OWN_WRITE: (
        ("call:accept", "answer lost, repeated", "calls_shown"),
        ("message_read", "answer lost, repeated", "members_shown"),
        ("call:accept in chat", "answer lost, repeated", "chat_calls_shown"),
        ("message:send", "answer lost, repeated", "messages_delivered"),
    ),
    BLOCKED_GROUP: (
        ("call:accept [broadcast]", "dies before", "late: presence_shown"),
        ("telecaller connects [broadcast]", "dies before", "late: presence_shown"),
        ("chat:send_message [broadcast]", "dies before", "late: messages_delivered"),
        ("booking:accept [broadcast]", "dies before", "late: bookings_shown"),
    ),
    LOST_DISCONNECT: (
        ("user breaks off in a call", "none", "late: free"),
        (
            "tab of a call and a channel closes [disconnect]",
            "dies before; throttled; down from here; conflicts",
            "late: free; late: ghosts",
        ),
    ),
    OPENER: (
        ("user connects [connect]", "twice; answer lost, repeated", "given_up; rights"),
        ("user connects [opener]", "twice; answer lost, repeated", "rights"),
        (
            "user connects [opener]",
            "dies before; throttled; down from here; answer lost, repeated; "
            "executed, no answer; conflicts; dies after; 429 always; 403",
            "given_up",
        ),
        ("telecaller connects [connect]", "twice; answer lost, repeated", "given_up; rights"),
        ("telecaller connects [opener]", "twice; answer lost, repeated", "rights"),
        (
            "telecaller connects [opener]",
            "dies before; throttled; down from here; answer lost, repeated; "
            "executed, no answer; conflicts; dies after; 429 always; 403",
            "given_up",
        ),
        (
            "native telecaller connects [connect]",
            "twice; answer lost, repeated",
            "given_up; rights",
        ),
        ("native telecaller connects [opener]", "twice; answer lost, repeated", "rights"),
        (
            "native telecaller connects [opener]",
            "dies before; throttled; down from here; answer lost, repeated; "
            "executed, no answer; conflicts; 403",
            "deaf",
        ),
        (
            "native telecaller connects [opener]",
            "dies before; throttled; down from here; answer lost, repeated; "
            "executed, no answer; conflicts; 403; dies after",
            "given_up",
        ),
        ("tab connects [connect]", "twice; answer lost, repeated", "given_up; rights"),
        ("tab connects [opener]", "twice; answer lost, repeated", "rights"),
        (
            "tab connects [opener]",
            "dies before; throttled; down from here; answer lost, repeated; "
            "executed, no answer; conflicts; dies after; 429 always; 403",
            "given_up",
        ),
    ),
    DEAF: (
        ("user connects", "dies before; throttled; down from here; conflicts", "deaf"),
        ("telecaller connects", "dies before; throttled; down from here; conflicts", "deaf"),
    ),
    SAID_TWICE: (
        ("tab of a call and a channel closes [disconnect]", "throttled; conflicts", "once"),
        ("chat: caller leaves | callee leaves [disconnect]", "race", "once"),
        ("tab departs | tab departs [disconnect]", "race", "once"),
    ),
    LATE_REPORT: (
        (
            "earnings.updated [backend]",
            "dies before; throttled; down from here; conflicts",
            "late: reports_passed_on",
        ),
        (
            "notification.created [backend]",
            "dies before; throttled; down from here; conflicts",
            "late: reports_passed_on",
        ),
        (
            "partner.registered [backend]",
            "dies before; throttled; down from here; conflicts",
            "late: reports_passed_on",
        ),
        (
            "kyc.submitted [backend]",
            "dies before; throttled; down from here; conflicts",
            "late: reports_passed_on",
        ),
    ),
    CLAIMED_FIRST: (
        (
            "earnings.updated [backend]",
            "dies before; down from here; answer lost, repeated; executed, no answer",
            "reports_passed_on",
        ),
        (
            "notification.created [backend]",
            "dies before; down from here; answer lost, repeated; executed, no answer",
            "reports_passed_on",
        ),
        (
            "partner.registered [backend]",
            "dies before; answer lost, repeated; executed, no answer",
            "reports_passed_on",
        ),
        (
            "kyc.submitted [backend]",
            "dies before; answer lost, repeated; executed, no answer",
            "reports_passed_on",
        ),
    ),
    OLD_AFTER_NEW: (
        ("accept | user leaves", "race", "calls_shown"),
        ("accept | telecaller leaves", "race", "calls_shown"),
        ("chat: accept | end", "race", "chat_calls_shown"),
        ("status | status elsewhere", "race", "statuses_shown"),
        ("status | tab leaves", "race", "statuses_shown"),
        ("booking: accept | cancel", "race", "bookings_shown"),
        ("booking: status | cancelled", "race", "bookings_shown"),
    ),
    CANDIDATE: (("chat: accept, candidate", "overtaken", "in_order"),),
    UNTRACK: (("track, untrack", "overtaken", "tracked"),),
    LAST_WORDS: (
        ("say, goodbye", "overtaken", "served"),
        ("message, goodbye", "overtaken", "served"),
    ),
    SAME_SECOND: (("join | put out in the same second", "race", "members_only; members_shown"),),
    NOT_NEWEST: (("a booking on its way [backend]", "overtaken", "newest"),),
    EXPIRED_CLAIM: (("a notification of two days ago, twice [backend]", "overtaken", "once"),),
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
