"""The invariants: what must be true when everything has come to rest.

To add one: write a function of the world and the tables that yields a sentence for each violation,
and name it in ``INVARIANTS``. Its name is what reports and the table of known failures call it.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.simulation import call_screens, invariants, other_screens, published, pushed
from tests.simulation.truth import Broken, Truth
from tests.simulation.world import World

Invariant = Callable[[World, Truth], Broken]
INVARIANTS: dict[str, Invariant] = {
    one.__name__: one
    for one in (
        invariants.free,
        invariants.recorded,
        invariants.coins,
        invariants.rooms,
        invariants.counted,
        invariants.ghosts,
        invariants.members_only,
        invariants.accounts_followed,
        invariants.deaf,
        invariants.recovered,
        invariants.served,
        invariants.given_up,
        invariants.rights,
        published.calls_published,
        published.bookings_published,
        published.messages_published,
        published.presence_published,
        published.ids_unique,
        call_screens.calls_shown,
        call_screens.chat_calls_shown,
        call_screens.in_order,
        call_screens.rang,
        call_screens.once,
        pushed.rang_by_push,
        pushed.told_by_push,
        pushed.messages_pushed,
        other_screens.presence_shown,
        other_screens.statuses_shown,
        other_screens.statuses_kept,
        other_screens.bookings_shown,
        other_screens.offers_shown,
        other_screens.messages_delivered,
        other_screens.messages_stored,
        other_screens.members_shown,
        other_screens.receipts_delivered,
        other_screens.reports_passed_on,
        other_screens.tracked,
        other_screens.locations_shown,
        other_screens.refusals_true,
    )
}


def broken(world: World, *, but: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """Return what is broken: the violations by invariant."""
    truth = Truth(world)
    found = {
        name: list(invariant(world, truth))
        for name, invariant in INVARIANTS.items()
        if name not in but
    }
    return {name: violations for name, violations in found.items() if violations}
