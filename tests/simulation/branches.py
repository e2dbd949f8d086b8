"""Whether every branch that touches AWS is run under its function's role, and every right is used.

``call_sites`` lists the places in the code that touch AWS, ``Watch`` notes the lines that run, and
``access`` checks and notes the rights of each request. A new place that nothing runs is found, and
so is a right that nothing uses. A right that is missing is found where it is missed: the invariant
``rights`` names the function, the action and what it is done to.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.grants import Use, granted
from tests.simulation import access
from tests.simulation.call_sites import ROOT, sites
from tests.simulation.enumeration import without_fault
from tests.simulation.noting import Line, noting
from tests.simulation.runner import Outcome, Runner
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.stage import SHIM
from tests.simulation.world import NativeWorld

_OTHER_PRODUCTS = "No product here needs it; tests/integration/test_open_sessions.py does."
_AT_ONCE = "Another event has to come between a read and the write that follows it."
_REPORTS = "Reports have to arrive in an order that ``reports`` has in its long run only."
_FAULTS = "A fault has to hit one request; the long run has all of them."
_POLLING = "No app that polls does this here; tests/integration/test_polling.py has some that do."
_SETTING = "The grace is switched on; tests/integration/test_grace.py switches it off."
_ADDRESSES = "Every app has an address of its own; tests/integration/test_grace.py counts."
_RECOVERY = "No app here asks for recovery; tests/integration/test_recovery.py has some that do."
_LARGE = "Few people are connected here; tests/integration/test_broadcast_budget.py has more."
_WATCHERS = "Presence goes to everybody here; tests/integration/test_presence_stream.py differs."
_BUS = "The bus takes everything here; tests/unit/test_publisher.py has one that does not."
_DEVICES = "Nobody has so many devices here; tests/integration/test_devices.py has more."
_BY_SDK = "The engine takes the place of the SDK; tests/unit/test_http_session.py sends by it."
_BY_ENGINE = "The engine answers; tests/unit/test_bulk_queries.py sends to a server."
_BINARY = "Binary packets are refused; tests/e2e/test_bad_input.py sends them."

UNREACHED = {
    "functions/bookings/backend_events.py _find_or_keep: store.find": _AT_ONCE,
    "functions/bookings/backend_events.py assigned: statuses.apply_waiting": _REPORTS,
    "functions/bookings/store.py keep_early: Booking.get": _AT_ONCE,
    "functions/bookings/store.py let_wait: _commit": _REPORTS,
    "functions/broadcast/main.py skipped: rooms.all_members": _OTHER_PRODUCTS,
    "functions/calls/announcements.py unanswered_end: _announce_again": _FAULTS,
    "functions/calls/announcements.py unanswered_end: rows.get": _FAULTS,
    "functions/calls/devices.py ring_newcomer: tell": _AT_ONCE,
    "functions/calls/initiating.py initiate: tell": _AT_ONCE,
    "functions/calls/store.py finish: rows.get_both": _AT_ONCE,
    "functions/chat/access.py authenticate: connections.session_at": _AT_ONCE,
    "functions/chat/call_announcements.py accepted: tell": _AT_ONCE,
    "functions/chat/calls.py _held: call_rows.get": _AT_ONCE,
    "functions/push/main.py _send_to: _publish": _AT_ONCE,
    "functions/push/main.py _try_again: queues.postpone": _FAULTS,
    "functions/push/routes.py register: _forget": _DEVICES,
    "functions/socketio/main.py leave: leave": _AT_ONCE,
    "functions/sweep/due.py _carry_out: ports.tasks.end_connection": _POLLING,
    "shared/pipeline/departure.py finish_connection: end_connection": _POLLING,
    "shared/pipeline/departure.py finish_connection: lose_connection": _POLLING,
    "shared/pipeline/rate_limits.py _let_back: _returns(network, lost_ms).update_if": _ADDRESSES,
    "shared/pipeline/rate_limits.py count_handshake: _let_back": _ADDRESSES,
    "shared/aws/bulk_queries.py send: pool.send": _BY_ENGINE,
    "shared/aws/http_session.py HttpSession.send: pool.send": _BY_SDK,
    "shared/aws/streams.py announce: send": _FAULTS,
    "shared/realtime/missed.py _Late.send: emit.tell": _AT_ONCE,
    "shared/realtime/missed.py _keep_one: late.send": _FAULTS,
    "shared/realtime/missed.py _keep_one: person.update_if": _AT_ONCE,
    "shared/realtime/missed.py _row: people.get": _AT_ONCE,
    "shared/realtime/missed.py send: Person(people.key(address.namespace, person_id)).update": (
        _AT_ONCE
    ),
    "functions/socketio/main.py receive: dispatch": _BINARY,
    "shared/aws/tables.py Table.delete_if: self.delete": _OTHER_PRODUCTS,
    "shared/pipeline/context.py Context.broadcast: self.ports.tasks.broadcast": _OTHER_PRODUCTS,
    "shared/pipeline/context.py Context.save_data: session_store.save_data": _OTHER_PRODUCTS,
    "shared/pipeline/departure.py expel: end_session": _OTHER_PRODUCTS,
    "shared/pipeline/departure.py expel: expel": _AT_ONCE,
    "shared/pipeline/departure.py expel: finish_ended_sessions": _FAULTS,
    "shared/pipeline/departure.py lose_connection: end_connection": _SETTING,
    "shared/pipeline/greeting.py greet: background.emit": _OTHER_PRODUCTS,
    "shared/realtime/session_store.py save_data: connection.update_if": _OTHER_PRODUCTS,
    "shared/realtime/membership.py leave_all: "
    "Member(rooms.shard(key, one.connection_id), one.connection_id).delete_if": _OTHER_PRODUCTS,
    **dict.fromkeys(
        (
            "functions/chat/access.py _replace: session_store.replace_session",
            "functions/chat/access.py authenticate: _replace",
            "functions/chat/access.py log_in: accounts.get",
            "functions/chat/access.py _enter: context.emit",
            "functions/chat/channel_rows.py lets_in: channel",
            "functions/chat/channels.py join_channel_again: _leave",
            "functions/chat/channels.py join_channel_again: channel_store.join",
            "functions/chat/channels.py join_channel_again: channel_rows.lets_in",
            "functions/chat/channels.py join_channel_again: presence.record_arrival",
            "functions/chat/channels.py join_channel_again: rooms.remove",
            "functions/opener/main.py handler: returning.restore",
            "functions/socketio/join.py join: ports().tasks.restore",
            "shared/aws/tasks.py AwsTasks.restore: self._invoke",
            "shared/pipeline/departure.py expel: session_store.forget_lost",
            "shared/pipeline/departure.py finish_connection: lifecycle.mark_departing",
            "shared/pipeline/departure.py finish_connection: recovery.keep",
            "shared/realtime/lifecycle.py mark_departing: update",
            "shared/realtime/membership.py leave_all: rooms.mark_away",
            "shared/realtime/missed.py keep: recovery.returned",
            "shared/realtime/people.py leave: person.update",
            "shared/realtime/rooms.py mark_away: row.update_if",
            "shared/realtime/rooms.py remove: mark_away",
            "shared/realtime/session_store.py forget_lost: connection.update_if",
            "shared/realtime/session_store.py replace_session: update",
        ),
        _RECOVERY,
    ),
    **dict.fromkeys(
        (
            "functions/publisher/main.py _keep_refused: ports().tasks.keep_unpublished",
            "functions/publisher/main.py _messages: ports().tasks.keep_unpublished",
            "functions/publisher/main.py handler: _keep_refused",
            "shared/aws/tasks.py AwsTasks._put: self._put",
            "shared/aws/tasks.py AwsTasks.keep_unpublished: clients.client('sqs').send_message",
        ),
        _BUS,
    ),
    **dict.fromkeys(
        (
            "shared/realtime/pace.py BudgetRow.begin: self.update_if",
            "shared/realtime/pace.py BudgetRow.prolong: self.update_if",
            "shared/realtime/pace.py reserve: budget.begin",
            "shared/realtime/pace.py reserve: budget.prolong",
            "shared/realtime/pace.py wait_ms: reserve",
            "shared/realtime/rooms.py _occupants: bulk_queries.pages",
        ),
        _LARGE,
    ),
}
"""Places that the tests do not reach, each with the reason."""

FOR_RECOVERY = (
    "shared/pipeline/returning.py",
    "shared/realtime/event_log.py",
    "shared/realtime/moving.py",
    "shared/realtime/recovery.py",
)
"""Modules that run for apps that ask for recovery only."""

FOR_POLLING = (
    "functions/polling/",
    "functions/socketio/first_packets.py",
    "functions/socketio/posts.py",
    "shared/aws/mailboxes.py",
)
"""Modules that run for apps that poll only."""

SWITCHED_ON = ("publish_events", "pushes")

UNUSED: dict[Use, str] = {
    ("bookings", "may", "send-deadline"): "only typing that comes too soon is put off",
    ("deadline", "GetItem", "chat"): "the last tab may leave before a status that was put off",
    ("deadline", "PutItem", "chat"): "the last tab may leave before a status that was put off",
    ("balance-due", "GetItem", "mailboxes"): _POLLING,
    ("balance-due", "UpdateItem", "mailboxes"): _POLLING,
    ("calls", "Query", "calls"): "a frame may be delivered again after its call is over",
    ("calls", "may", "delete-livekit-room"): "a caller may leave right after the accept",
    ("calls", "may", "read-secret"): "a call may be answered before all devices hear that it rings",
    ("disconnect", "may", "read-secret"): "a call may be answered before all devices hear it rings",
    ("http", "may", "invoke-disconnect"): "a post may find that its connection is gone",
    ("http", "may", "send-push"): "no admin ends a chat call that rings by push",
    ("push", "DeleteItem", "people"): "chat's sweep ends a call that has lost its timer, too",
    ("push", "may", "invoke-disconnect"): "a post may find that its connection is gone",
    ("push", "may", "send-push"): "chat's sweep ends a call that has lost its timer, too",
    ("sweep", "may", "send-push"): "a process may end before it has announced a chat call",
    ("push", "GetItem", "mailboxes"): _POLLING,
    ("push", "UpdateItem", "mailboxes"): _POLLING,
    ("publisher", "may", "send-unpublished"): _BUS,
    **{right: _RECOVERY for right in granted(*SWITCHED_ON) if right[2] == "recovery"},
    **dict.fromkeys(
        (
            ("disconnect", "UpdateItem", "rooms"), ("opener", "ConditionCheckItem", "chat"),
            ("opener", "ConditionCheckItem", "connections"), ("opener", "DeleteItem", "rooms"),
            ("opener", "GetItem", "chat"), ("opener", "PutItem", "chat"),
            ("opener", "UpdateItem", "chat"),
            ("opener", "UpdateItem", "rooms"), ("socketio", "may", "invoke-opener"),
        ),
        _RECOVERY,
    ),
    **dict.fromkeys(
        (
            ("broadcast", "UpdateItem", "limits"), ("broadcast-shard", "GetItem", "limits"),
            ("broadcast-shard", "UpdateItem", "limits"),
        ),
        _LARGE,
    ),
    **dict.fromkeys(
        (("calls", "DeleteItem", "rooms"),), _WATCHERS
    ),
}  # fmt: skip
"""Rights that the tests do not use, each with the reason why they are granted."""


NOT_YET = frozenset(Path(__file__).with_name("not_yet_run.txt").read_text().splitlines())
"""Places and rights for which there is no scenario yet: polling, the first screens, shards of large
rooms, and what follows a death. The file may only shrink."""


class Watch:
    """Notes the lines of the backend that run in this process, and the rights that they use."""

    def __init__(self) -> None:
        access.USED.clear()
        self._noted: set[Line] = set()

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Note the lines that run meanwhile."""
        with noting(ROOT, ((site.file, site.line) for site in sites()), self._noted):
            yield

    @contextmanager
    def pausing(self) -> Iterator[None]:
        """Note neither lines nor rights meanwhile: what histories reach, they reach by chance."""
        used, noted = set(access.USED), set(self._noted)
        try:
            yield
        finally:
            access.USED.intersection_update(used)
            self._noted.intersection_update(noted)

    def unreached(self) -> set[str]:
        """Return the places that touch AWS and have not been run, by name."""
        return {site.name for site in sites() if (site.file, site.line) not in self._noted}


def differences(watch: Watch) -> list[str]:
    """Return a sentence for every place that nothing runs, and every right that nothing uses.

    What is listed and is run, or used, or not there at all, is to be taken out of its list. What
    needs another event in between, or a fault, may be run by chance.
    """
    others = (*FOR_RECOVERY, *FOR_POLLING)
    unreached = {name for name in watch.unreached() if not name.startswith(others)}
    missing = {f"nothing runs {name}" for name in unreached}
    missing |= {f"nothing uses the right {right}" for right in granted(*SWITCHED_ON) - access.USED}
    listed = {f"nothing runs {name}" for name in UNREACHED} | NOT_YET
    listed |= {f"nothing uses the right {right}" for right in UNUSED}
    chances = (_AT_ONCE, _FAULTS)
    by_chance = {f"nothing runs {name}" for name, why in UNREACHED.items() if why in chances}
    untrue = listed - missing - by_chance
    return sorted(missing - listed) + sorted(f"not true: {one}" for one in untrue)


def walk(run: Runner) -> Iterator[Outcome]:
    """Run every scenario without a fault."""
    for scenario in SCENARIOS.values():
        yield without_fault(run, scenario)[1]


def walk_natively(run: Runner) -> Iterator[Outcome]:
    """Run every client's event without a fault, with apps that speak native JSON."""
    native = Runner(run.dynamo, NativeWorld)
    for scenario in SCENARIOS.values():
        if SHIM in scenario.functions:
            yield without_fault(native, scenario)[1]
