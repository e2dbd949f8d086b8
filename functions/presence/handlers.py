"""What admins ask for, and what presence does once a minute."""

from __future__ import annotations

from functions.presence import counts, repair
from functions.presence.events import Counts, PresenceChanged
from shared import times
from shared.pipeline.context import Context
from shared.pipeline.product import Product
from shared.realtime.namespaces import ADMIN, USER

presence = Product("presence")
presence.sends(USER.path, PresenceChanged)
presence.sends(ADMIN.path, Counts)
presence.on_sweep(repair.repair)
presence.on_sweep(counts.gauge)


@presence.on("presence:request-counts", namespaces=[ADMIN.path])
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
