"""A booking with a customer and a partner, as most tests of bookings need it."""

from __future__ import annotations

from tests.e2e.backend import Backend, hear
from tests.e2e.world import World


class Visit:
    """A customer, a partner, and a booking of the customer that is assigned to the partner."""

    def __init__(self, world: World, backend: Backend, kinds: tuple[str, str] = ("js", "js")):
        self.customer_account = world.people.take("CUSTOMER")
        self.partner_account = world.people.take("PARTNER")
        self.customer = world.join(kinds[0], self.customer_account)
        self.partner = world.join(kinds[1], self.partner_account)
        self.data = backend.booking(self.customer_account.id)
        self.id: str = self.data["bookingId"]
        backend.tell("booking.created", **self.data)
        backend.tell("booking.assigned", bookingId=self.id, partnerId=self.partner_account.id)
        hear(self.customer, "booking:status_updated", status="PARTNER_ASSIGNED")
        hear(self.partner, "booking:new_request")

    def to(self, *statuses: str) -> None:
        """Let the partner move the booking to each status, and wait until the customer knows it."""
        for status in statuses:
            if status == "PARTNER_ACCEPTED":
                assert self.partner.ask("booking:accept", self.id) is None
            else:
                request = {"bookingId": self.id, "status": status}
                assert self.partner.ask("booking:status_update", request) is None
            hear(self.customer, "booking:status_updated", status=status)
