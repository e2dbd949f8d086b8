"""Asks every minute whether the people in calls are still connected.

``$disconnect`` is best effort. If it is lost, a ping finds it out only after minutes. Until then,
the other party of the call waits and pays.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice

from functions.calls.namespaces import TELECALLER, USER
from functions.calls.product import calls
from functions.calls.rows import PartyRow
from shared.aws.parallel import together
from shared.pipeline.deployment import Access
from shared.pipeline.sweep import Sweep
from shared.realtime import connections, people


@calls.on_sweep(access=Access({"rooms": "Query", "people": "BatchGetItem"}))
def end_lost_connections(sweep: Sweep) -> None:
    """End the connections of people in calls that API Gateway no longer has.

    The clients receive nothing. The disconnect function ends the call of a person who has no other
    connection.
    """
    found = _in_calls(sweep)
    while telecallers := list(islice(found, connections.PAGE)):
        parties = [*telecallers, *_users(telecallers)]
        ids = [address.connection_id for party in parties for address in party.addresses]
        together([partial(_ask, sweep, one) for one in ids])


def _in_calls(sweep: Sweep) -> Iterator[PartyRow]:
    """Yield the telecallers whose call rings or goes on, until the sweep's time is over."""
    for telecaller in people.connected(TELECALLER.path, PartyRow):
        if sweep.over:
            return
        if telecaller.current_call:
            yield telecaller


def _users(telecallers: list[PartyRow]) -> Iterator[PartyRow]:
    """Yield the rows of the other parties, read eventually consistently."""
    peers = {one.current_call.peer_id for one in telecallers if one.current_call}
    return PartyRow.batch_get([people.key(USER.path, peer) for peer in sorted(peers)])


def _ask(sweep: Sweep, connection_id: str) -> None:
    """Ask API Gateway for a connection, and hand it to the disconnect function if it is gone."""

    def ask() -> None:
        if not sweep.ports.connections.exists(connection_id):
            sweep.ports.tasks.end_connection(connection_id)

    if not sweep.over:
        sweep.attempt(connection_id, ask)
