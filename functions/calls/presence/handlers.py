"""What users and admins ask about presence, and what presence does once a minute."""

from __future__ import annotations

from functions.calls.namespaces import USER
from functions.calls.presence import counts, numbers, repair
from functions.calls.presence.events import Counts, PresenceChanged, audience
from functions.calls.product import calls
from shared import times
from shared.pipeline.context import Context
from shared.pipeline.deployment import ROOMS, Access
from shared.realtime.namespaces import ADMIN

_READ = Access({"counts": "GetItem"})
_REPAIR = Access(
    {
        "counts": "GetItem UpdateItem",
        "connections/due": "Query",
        "rooms": "Query",
        "people": "BatchGetItem",
        "call_lists": "Query",
    }
)

calls.sends(USER.path, PresenceChanged)
calls.sends(ADMIN.path, Counts)
calls.on_sweep(access=_REPAIR)(repair.repair)
calls.on_sweep(access=_READ)(counts.gauge)
calls.counters(access=_READ)(numbers.live)
calls.counters(access=_READ | Access({"counts": "BatchGetItem"}))(numbers.lately)


@calls.on("presence:request-counts", namespaces=[ADMIN.path], access=_READ)
def request_counts(context: Context, _: None) -> None:
    """Ask how many users and telecallers are online. The connection that asks receives
    `presence:counts`."""
    live, _today = counts.read(context.now_ms)
    context.emit(
        Counts(
            online_users=int(live.online_users),
            online_telecallers=int(live.online_telecallers),
            timestamp=times.iso(context.now_ms),
        ).to([context.address])
    )


@calls.on("telecallers:watch", namespaces=[USER.path], access=ROOMS)
def watch(context: Context, _: None) -> None:
    """Watch the telecallers with this connection, while the app shows their list. If the stack
    announces presence only to those who watch (`presence_audience`), the connection receives
    `telecaller:presence-changed` from now on, until it stops watching or ends; a connection that
    comes back has to watch again. Read `GET /telecallers` after the acknowledgement. Watching twice
    is no error."""
    if room := audience():
        context.join(room)


@calls.on("telecallers:unwatch", namespaces=[USER.path], access=ROOMS)
def unwatch(context: Context, _: None) -> None:
    """Stop watching the telecallers with this connection, when the app no longer shows their list.
    Unwatching without watching is no error."""
    if room := audience():
        context.leave(room)
