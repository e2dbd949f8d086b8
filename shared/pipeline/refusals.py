"""The event that gives a client the reason why its event or its joining has failed."""

from __future__ import annotations

from shared.aws.log import logger
from shared.errors import INTERNAL, Refusal
from shared.pipeline.payloads import GENERAL_ERROR, Error
from shared.realtime.address import Address, Delivery
from shared.realtime.namespaces import Namespace


def error_event(address: Address, refusal: Refusal, namespace: Namespace | None) -> Delivery:
    """Return the delivery of an error event.

    The payload is ``{"message": text}``, or the bare text in a namespace with ``text_errors``.
    """
    if namespace is None:
        return Delivery(refusal.event or GENERAL_ERROR, Error(refusal.message), (address,))
    payload = refusal.message if namespace.text_errors else Error(refusal.message)
    return Delivery(refusal.event or namespace.error_event, payload, (address,))


def internal(error: Exception, event: str | None = None) -> Refusal:
    """Log an unexpected error, and return the refusal that the client receives instead."""
    logger.error("event failed", exc_info=error)
    return Refusal(INTERNAL, event=event)
