"""Sends the events of a transition of a call that has been made."""

from __future__ import annotations

from shared.aws.log import logger
from shared.realtime.address import Delivery
from shared.realtime.emitter import Emitter


def tell(emit: Emitter, *deliveries: Delivery) -> bool:
    """Send events. Returns whether any connection was reached, or may have been.

    A post that fails is logged and not raised. The transition stands and the other connections
    have received their events, so the failure is no answer to the person who made the transition.
    """
    try:
        return emit(*deliveries) > 0
    except Exception:  # noqa: BLE001 - whatever it is, the transition stands
        logger.exception("an event of a call did not reach every connection")
        return True
