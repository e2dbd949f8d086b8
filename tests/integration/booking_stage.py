"""Customers, partners and bookings, as a test needs them at its start."""

from __future__ import annotations

import itertools
import json
from typing import Any

from functions.bookings import store, unannounced
from functions.bookings.namespaces import CUSTOMER, PARTNER
from functions.bookings.rows import Booking
from functions.products import REGISTRY
from shared.pipeline import backend_events
from shared.pipeline.context import Arrival, Background, Context
from shared.pipeline.sweep import Sweep
from shared.protocol import json as wire
from shared.realtime.address import Address
from shared.realtime.connections import Connection
from shared.realtime.emitter import Emitter
from shared.realtime.sessions import Session
from tests.fakes import NOW_MS, Fakes
from tests.integration import stage

_numbers = itertools.count(1)


def report(fakes: Fakes, type_: str, at_ms: int = NOW_MS + 1, **data: Any) -> None:
    """Handle a backend event, as the function behind the bus does."""
    reported = backend_events.read(REGISTRY, type_, data, NOW_MS + 10_000_000)
    reported.event.handle(Background.on(REGISTRY, fakes.ports), reported.payload, at_ms)


def created(booking_id: str, customer_id: str = "carla") -> dict[str, Any]:
    """Return the data of a ``booking.created``."""
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
    """Create a booking and assign it to a partner."""
    report(fakes, "booking.created", NOW_MS + 1, **created(booking_id, customer_id))
    report(fakes, "booking.assigned", NOW_MS + 2, bookingId=booking_id, partnerId=partner_id)


class App:
    """The app of a person: a connection in a namespace, and what it sends and receives."""

    def __init__(self, fakes: Fakes, namespace: str, person_id: str) -> None:
        self.connection_id = f"{person_id}-{next(_numbers)}"
        self.session: Session = stage.session_of(namespace, person_id)
        self.address: Address = stage.connect(namespace, person_id, self.connection_id)
        self._fakes = fakes

    def send(self, event: str, data: object = None, *, ms: int = NOW_MS, id_: str = "") -> Any:
        """Send an event to its handler, and return what the handler returns.

        Raises ``Refusal`` if the handler refuses it.

        ms: when the frame arrives, epoch milliseconds.
        id_: the frame's id; a new one if it is empty.
        """
        row = REGISTRY.find(self.session.namespace, event)
        assert row
        from shared.pipeline import validation

        message_id, payload = id_ or f"m{next(_numbers)}", validation.payload_of(row, data)
        ports = self._fakes.ports
        context = Context(
            REGISTRY,
            ports,
            Emitter(ports),
            self.session,
            self.address,
            Arrival(self.connection_id, message_id, ms),
            Connection(self.connection_id, wire=self.address.wire, expires_at=stage.EXPIRES_AT),
            preloaded=row.preload(payload) if row.preload else None,
        )
        return row.handle(context, payload)

    def received(self, event: str) -> list[Any]:
        """Return the payloads of all events of this name that the connection has received, and of
        those that were broadcast to its person."""
        posted = [
            payload for name, payload in self._fakes.events(self.connection_id) if name == event
        ]
        me = self.session.namespace, self.session.person_id
        once = {
            one.once: json.loads(wire.dumps(one.payload))
            for one in self._fakes.tasks.broadcasts
            if (one.namespace, one.person) == me and one.event == event
        }
        return posted + list(once.values())


def sweep(fakes: Fakes, after_seconds: int = 60) -> None:
    """Let time pass, and send what is left to send, as the stream and the sweep do."""
    fakes.clock.now += after_seconds * 1000
    rows = [(row.booking_id, row.serialize()) for row in Booking.scan(consistent_read=True)]
    unannounced.list_left(rows)
    background = Background.on(REGISTRY, fakes.ports)
    unannounced.announce_left(
        Sweep(background.registry, background.ports, background.emit, until=float("inf"))
    )


def customer(fakes: Fakes, person_id: str = "carla") -> App:
    """Connect a customer."""
    return App(fakes, CUSTOMER.path, person_id)


def partner(fakes: Fakes, person_id: str = "pedro") -> App:
    """Connect a partner."""
    return App(fakes, PARTNER.path, person_id)


def booking(booking_id: str) -> Booking:
    """Return a booking that exists."""
    found = store.find(booking_id)
    assert found
    return found
