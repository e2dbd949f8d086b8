"""The entry of the function."""

from __future__ import annotations

from functions.calls import endings
from functions.calls.rows import PartyRow
from functions.products import REGISTRY
from shared.aws.adapters import ports
from shared.aws.lambda_entry import Event, entry
from shared.pipeline.context import Background


@entry
def handler(event: Event) -> dict[str, int]:
    """Warn the user of a prepaid call, or end the call, if it is time.

    The event is ``{"callId", "person"}``; ``person`` is the key of the telecaller's row. Returns
    ``{"seconds": n}`` if the timer is to look again after ``n`` seconds, and ``{}`` if not.
    """
    telecaller = PartyRow.get(event["person"], consistent_read=True)
    if not telecaller.is_in(event["callId"]):
        return {}
    seconds = endings.balance_due(Background.on(REGISTRY, ports()), telecaller)
    return {} if seconds is None else {"seconds": seconds}
