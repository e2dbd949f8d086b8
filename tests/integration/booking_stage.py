"""Customers, partners and bookings for a test to begin with."""

from __future__ import annotations

import itertools
from typing import Any

from functions.bookings import store
from functions.bookings.namespaces import CUSTOMER, PARTNER
from functions.bookings.rows import Booking
from functions.products import REGISTRY
from shared.pipeline import backend_events
from shared.pipeline.context import Arrival, Background, Context
from shared.realtime.address import Address
from shared.realtime.connections import Connection, Session
from shared.realtime.emitter import Emitter
from tests.fakes import NOW_MS, Fakes
from tests.integration import stage

_numbers = itertools.count(1)


def tell(fakes: Fakes, type_: str, at_ms: int = NOW_MS + 1, **data: Any) -> None:
    """An event of the backend, as the function behind the bus hands it on."""
    told = backend_events.read(REGISTRY, type_, data, NOW_MS + 10_000_000)
    told.event.handle(Background.on(REGISTRY, fakes.ports), told.payload, at_ms)


def created(booking_id: str, customer_id: str = "carla") -> dict[str, Any]:
    return {
        "bookingId": booking_id,
        "bookingNumber": f"BK-{booking_id}",
        "customerId": customer_id,
        "service": "Cleaning",
        "scheduledAt": "2026-12-15T10:00:00Z",
        "address": "123 Main St",
        "amount": 999,
    }


def assigned(fakes: Fakes, booking_id: str, partner_id: str, customer_id: str = "carla") -> None:
    tell(fakes, "booking.created", NOW_MS + 1, **created(booking_id, customer_id))
    tell(fakes, "booking.assigned", NOW_MS + 2, bookingId=booking_id, partnerId=partner_id)


class App:
    """Somebody's app: a connection in a namespace, and what it sends."""

    def __init__(self, fakes: Fakes, namespace: str, person_id: str) -> None:
        self.connection_id = f"{person_id}-{next(_numbers)}"
        self.session: Session = stage.session_of(namespace, person_id)
        self.address: Address = stage.connect(namespace, person_id, self.connection_id)
        self._fakes = fakes

    def send(self, event: str, data: object = None, *, ms: int = NOW_MS, id_: str = "") -> Any:
        """Through its handler; raises ``Refusal``."""
        row = REGISTRY.find(self.session.namespace, event)
        assert row
        from shared.pipeline import validation

        message_id = id_ or f"m{next(_numbers)}"
        ports = self._fakes.ports
        context = Context(
            REGISTRY,
            ports,
            Emitter(ports),
            self.session,
            self.address,
            Arrival(self.connection_id, message_id, ms),
            Connection(self.connection_id, wire=self.address.wire, expires_at=stage.EXPIRES_AT),
        )
        return row.handle(context, validation.payload_of(row, data))

    def heard(self, event: str) -> list[Any]:
        return [told for name, told in self._fakes.events(self.connection_id) if name == event]


def customer(fakes: Fakes, person_id: str = "carla") -> App:
    return App(fakes, CUSTOMER.path, person_id)


def partner(fakes: Fakes, person_id: str = "pedro") -> App:
    return App(fakes, PARTNER.path, person_id)


def booking(booking_id: str) -> Booking:
    found = store.find(booking_id)
    assert found
    return found
