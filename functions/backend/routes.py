"""The HTTP route through which a team's own systems report events."""

from __future__ import annotations

import msgspec

from functions.backend import intake
from shared.pipeline.deployment import Access
from shared.pipeline.http import HttpRequest
from shared.pipeline.product import Product

backend = Product("backend", access=Access(may="put-events"))


class AcceptedEvents(msgspec.Struct, frozen=True, rename="camel"):
    """``accepted``: how many events will be handled."""

    accepted: int


@backend.route("POST /events", who="an admin", status=202, errors=(400, 413, 503))
def report(request: HttpRequest) -> AcceptedEvents:
    """Report what happened in your own systems: one event, or several at a time. Reporting an event
    twice does no harm."""
    return AcceptedEvents(intake.accept(request.registry, request.ports, request.body))
