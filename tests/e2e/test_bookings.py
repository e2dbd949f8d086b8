"""A booking from creation to its end: customer, partner, backend and admin."""

from __future__ import annotations

import itertools
import time
from datetime import datetime
from typing import Any

import pytest

from shared.identity.accounts import Account
from tests.e2e.backend import Backend, hear, payloads
from tests.e2e.clients import QUIET_SECONDS, SECONDS, Client
from tests.e2e.people import token
from tests.e2e.visit import Visit
from tests.e2e.world import World


@pytest.fixture
def backend(world: World) -> Backend:
    return Backend(world.stack)


def refusal(client: Client, event: str, data: Any) -> str:
    """Send an event that is refused, and return the text of the refusal.

    The acknowledgement and the ``error`` event carry the same text.
    """
    before = len(payloads(client, "error"))
    answer = client.ask(event, data)
    assert answer.keys() == {"error"}, answer
    message: str = answer["error"]["message"]
    assert hear(client, "error", before + 1) == {"message": message}
    return message


def test_a_booking_goes_its_way(world: World, backend: Backend, kind: str) -> None:
    _, admin = world.admin(kind)
    assert admin.ask("monitor:bookings") is None
    visit = Visit(world, backend, (kind, kind))
    partner = visit.partner_account
    shown = {name: visit.data[name] for name in visit.data if name != "customerId"}
    assert hear(visit.partner, "booking:new_request") == shown
    assert hear(visit.customer, "partner:assigned") == {
        "bookingId": visit.id,
        "partner": {
            "_id": partner.id,
            "name": partner.name,
            "profile": partner.profile,
            "about": partner.about,
        },
    }
    statuses = ("PARTNER_ACCEPTED", "ON_THE_WAY", "ARRIVED", "IN_PROGRESS", "COMPLETED")
    visit.to(*statuses)
    accepted = hear(visit.customer, "booking:status_updated", status="PARTNER_ACCEPTED")
    assert accepted == {
        "bookingId": visit.id,
        "status": "PARTNER_ACCEPTED",
        "message": "Partner has accepted your booking",
    }
    created = hear(admin, "booking:created", bookingId=visit.id)
    assert created == visit.data | {"status": "PENDING"}
    for status in ("PARTNER_ASSIGNED", *statuses):
        told = hear(admin, "booking:updated", bookingId=visit.id, status=status)
        assert told.keys() == {"bookingId", "status", "partnerId", "updatedAt"}
        assert told["partnerId"] == partner.id
    time.sleep(QUIET_SECONDS)
    assert [one["status"] for one in payloads(visit.customer, "booking:status_updated")] == [
        "PARTNER_ASSIGNED",
        *statuses,
    ]
    assert len(payloads(admin, "booking:updated", bookingId=visit.id)) == 6


def test_a_cancelled_booking_is_told_the_partner(world: World, backend: Backend) -> None:
    visit = Visit(world, backend)
    second = world.join("python", visit.customer_account)
    visit.to("PARTNER_ACCEPTED")
    request = {"bookingId": visit.id, "reason": "Changed my mind"}
    assert visit.customer.ask("booking:cancel", request) is None
    told = hear(visit.partner, "booking:cancelled")
    assert told.keys() == {"bookingId", "reason", "cancelledAt"}
    assert (told["bookingId"], told["reason"]) == (visit.id, "Changed my mind")
    for client in (visit.customer, second):
        hear(client, "booking:status_updated", status="CANCELLED")
    assert visit.customer.ask("booking:cancel", request) is None
    message = refusal(
        visit.partner, "booking:status_update", {"bookingId": visit.id, "status": "ARRIVED"}
    )
    assert message == "Booking cannot go from CANCELLED to ARRIVED"
    assert refusal(visit.partner, "booking:accept", visit.id) == "Booking is no longer available"
    assert len(payloads(visit.customer, "booking:status_updated", status="CANCELLED")) == 1
    assert len(payloads(visit.partner, "booking:cancelled")) == 1


def test_a_rejected_booking_is_pending_and_may_be_somebody_elses(
    world: World, backend: Backend
) -> None:
    visit = Visit(world, backend)
    reject = {"bookingId": visit.id, "reason": "Not available"}
    assert visit.partner.ask("booking:reject", reject) is None
    hear(visit.customer, "booking:status_updated", status="PENDING")
    assert refusal(visit.partner, "booking:accept", visit.id) == "Booking not found"
    other_account = world.people.take("PARTNER")
    other = world.join("native", other_account)
    backend.put("booking.assigned", bookingId=visit.id, partnerId=other_account.id)
    hear(other, "booking:new_request", bookingId=visit.id)
    assert other.ask("booking:accept", visit.id) is None
    hear(visit.customer, "booking:status_updated", status="PARTNER_ACCEPTED")


def test_states_may_be_skipped_and_never_go_back(world: World, backend: Backend) -> None:
    visit = Visit(world, backend)
    visit.to("PARTNER_ACCEPTED", "IN_PROGRESS")
    again = {"bookingId": visit.id, "status": "IN_PROGRESS"}
    assert visit.partner.ask("booking:status_update", again) is None
    assert visit.partner.ask("booking:status_update", again) is None
    for status in ("ON_THE_WAY", "PENDING", "CANCELLED", "PARTNER_ACCEPTED"):
        back = {"bookingId": visit.id, "status": status}
        assert refusal(visit.partner, "booking:status_update", back) == (
            f"Booking cannot go from IN_PROGRESS to {status}"
        )
    cancel = {"bookingId": visit.id}
    assert refusal(visit.customer, "booking:cancel", cancel) == (
        "Booking can no longer be cancelled"
    )
    assert len(payloads(visit.customer, "booking:status_updated", status="IN_PROGRESS")) == 1


def test_a_tracked_partner_is_followed(world: World, backend: Backend, kind: str) -> None:
    visit = Visit(world, backend, (kind, kind))
    idle = world.join("js", visit.customer_account)
    assert visit.customer.ask("booking:track", visit.id) is None
    here = {"latitude": 28.6139, "longitude": 77.209}
    assert visit.partner.ask("location:update", here) is None  # the booking is not accepted yet
    visit.to("PARTNER_ACCEPTED")
    assert visit.partner.ask("location:update", here) is None
    told = hear(visit.customer, "partner:location_update")
    assert told.keys() == {"bookingId", "location", "timestamp"}
    assert (told["bookingId"], told["location"]) == (visit.id, here)
    assert visit.customer.ask("booking:untrack", visit.id) is None
    assert visit.partner.ask("location:update", here) is None
    time.sleep(QUIET_SECONDS)
    assert len(payloads(visit.customer, "partner:location_update")) == 1
    assert not payloads(idle, "partner:location_update")


def test_a_booking_may_be_tracked_when_the_partner_is_on_it(world: World, backend: Backend) -> None:
    visit = Visit(world, backend)
    visit.to("PARTNER_ACCEPTED", "ON_THE_WAY")
    assert visit.customer.ask("booking:track", visit.id) is None
    for longitude in (1, 2, 3):
        where = {"latitude": 0, "longitude": longitude}
        assert visit.partner.ask("location:update", where) is None
        hear(visit.customer, "partner:location_update", location=where)
    visit.to("IN_PROGRESS", "COMPLETED")
    assert visit.partner.ask("location:update", {"latitude": 0, "longitude": 4}) is None
    time.sleep(QUIET_SECONDS)
    assert len(payloads(visit.customer, "partner:location_update")) == 3


def test_the_two_talk(world: World, backend: Backend, kind: str) -> None:
    visit = Visit(world, backend, (kind, kind))
    customer, partner = visit.customer_account, visit.partner_account
    for sender, one, recipient, other, booking in (
        (visit.customer, customer, visit.partner, partner, visit.id),
        (visit.partner, partner, visit.customer, customer, None),
    ):
        sending = {"recipientId": other.id, "message": "Hello, when?"}
        if booking:
            sending["bookingId"] = booking
        answer = sender.ask("message:send", sending)
        sent, received = hear(sender, "message:sent"), hear(recipient, "message:received")
        assert answer == sent
        assert sent.keys() == {"id", "createdAt"}
        assert received == {
            **sent,
            "senderId": one.id,
            "message": "Hello, when?",
            "bookingId": booking,
        }
        assert recipient.ask("message:mark_read", sent["id"]) is None
        assert recipient.ask("message:mark_read", sent["id"]) is None
        assert refusal(sender, "message:mark_read", sent["id"]) == "Message not found"
        assert sender.ask("typing:start", other.id) is None
        assert hear(recipient, "typing:indicator") == {"userId": one.id, "typing": True}
        assert sender.ask("typing:stop", other.id) is None
        assert hear(recipient, "typing:indicator", 2) == {"userId": one.id, "typing": False}


def test_strangers_neither_see_nor_reach_a_booking(world: World, backend: Backend) -> None:
    visit = Visit(world, backend)
    customer_account, partner_account = world.people.take("CUSTOMER"), world.people.take("PARTNER")
    customer, partner = world.join("js", customer_account), world.join("js", partner_account)
    for booking in (visit.id, "no-such-booking"):
        assert refusal(customer, "booking:track", booking) == "Booking not found"
        assert refusal(customer, "booking:untrack", booking) == "Booking not found"
        assert refusal(customer, "booking:cancel", {"bookingId": booking}) == "Booking not found"
        assert refusal(partner, "booking:accept", booking) == "Booking not found"
        assert refusal(partner, "booking:reject", {"bookingId": booking}) == "Booking not found"
        update = {"bookingId": booking, "status": "COMPLETED"}
        assert refusal(partner, "booking:status_update", update) == "Booking not found"
        message = {
            "recipientId": visit.partner_account.id,
            "message": "x",
            "bookingId": booking,
        }
        assert refusal(customer, "message:send", message) == "Booking not found"
        answer = world.stack.get(
            f"/bookings/{booking}", Authorization=f"Bearer {token(customer_account)}"
        )
        assert (answer.status, answer.body["error"]["message"]) == (403, "Access denied")
    shared = "recipientId: you share no open booking"
    bare = {"recipientId": visit.partner_account.id, "message": "x"}
    assert refusal(customer, "message:send", bare) == shared
    assert refusal(customer, "typing:start", visit.partner_account.id) == shared
    outsider = {"recipientId": partner_account.id, "message": "x", "bookingId": visit.id}
    assert refusal(visit.customer, "message:send", outsider) == (
        "recipientId: not a party of this booking"
    )


def test_a_booking_is_shown_to_its_parties_and_admins(world: World, backend: Backend) -> None:
    visit = Visit(world, backend)
    admin = world.people.take("ADMIN")
    for account in (visit.customer_account, visit.partner_account, admin):
        answer = world.stack.get(f"/bookings/{visit.id}", Authorization=f"Bearer {token(account)}")
        assert answer.status == 200
        assert answer.body.items() >= visit.data.items()
        assert answer.body["status"] == "PARTNER_ASSIGNED"
        assert answer.body["partnerId"] == visit.partner_account.id


WRONG: list[tuple[str, str, Any, str]] = [
    ("CUSTOMER", "booking:track", None, "bookingId is required"),
    ("CUSTOMER", "booking:track", "", "bookingId is required"),
    ("CUSTOMER", "booking:cancel", {}, "bookingId is required"),
    ("CUSTOMER", "booking:cancel", {"bookingId": "b", "reason": 1}, "reason: expected str | null"),
    ("CUSTOMER", "message:send", {"recipientId": "x"}, "message is required"),
    ("CUSTOMER", "message:send", {"recipientId": "x", "message": ""}, "message: expected str"),
    ("CUSTOMER", "typing:start", {}, "recipientId is required"),
    ("CUSTOMER", "message:mark_read", None, "messageId is required"),
    ("PARTNER", "booking:accept", None, "bookingId is required"),
    ("PARTNER", "booking:reject", {"reason": "x"}, "bookingId is required"),
    ("PARTNER", "booking:status_update", {"bookingId": "b"}, "status is required"),
    ("PARTNER", "booking:status_update", {"bookingId": "b", "status": "X"}, "status: invalid"),
    ("PARTNER", "location:update", {"latitude": 1}, "longitude is required"),
    ("PARTNER", "location:update", {"latitude": 90.1, "longitude": 0}, "latitude: expected"),
    ("PARTNER", "location:update", {"latitude": 0, "longitude": -181}, "longitude: expected"),
    ("PARTNER", "location:update", {"latitude": "1", "longitude": 0}, "latitude: expected"),
]


def test_a_wrong_shape_is_refused_by_its_field(world: World) -> None:
    accounts = {role: world.people.take(role) for role in ("CUSTOMER", "PARTNER")}
    clients = {role: world.join("js", account) for role, account in accounts.items()}
    for role, event, data, text in WRONG:
        message = refusal(clients[role], event, data)
        assert message.startswith(text), (event, data, message)


def test_admins_hear_of_partners_papers_and_numbers(world: World, backend: Backend) -> None:
    _, admin = world.admin()
    _, other = world.admin()
    admin.ask("monitor:bookings")
    assert other.ask("request:stats") is None
    before = hear(other, "dashboard:stats_update")
    assert before.keys() == {"byStatus", "active", "today", "timestamp"}
    backend.tell("partner.registered", partnerId="p-1", name="Pia")
    assert hear(admin, "partner:registered") == {"partnerId": "p-1", "name": "Pia"}
    backend.put("kyc.submitted", partnerId="p-1", documents=["id"])
    assert hear(admin, "kyc:submitted") == {"partnerId": "p-1", "documents": ["id"]}
    for _ in range(5):
        backend.tell("booking.created", **backend.booking("c-numbers"))
    created, admins = before["today"]["created"] + 5, _admin_token(world)
    deadline = time.monotonic() + SECONDS
    while True:
        answer = world.stack.get("/admin/stats", Authorization=f"Bearer {admins}")
        stats = (payloads(admin, "dashboard:stats_update") or [before])[-1]
        if (
            stats["today"] == answer.body["bookings"]["today"]
            and stats["today"]["created"] >= created
        ):
            break
        assert time.monotonic() < deadline, (stats, answer.body)
        time.sleep(0.1)
    assert sum(stats["byStatus"].values()) >= sum(before["byStatus"].values()) + 5
    sent = [
        datetime.fromisoformat(told["timestamp"])
        for told in payloads(admin, "dashboard:stats_update")
    ]
    gaps = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(sent)]
    assert all(gap > 0.8 for gap in gaps), gaps
    assert not payloads(other, "booking:created")
    assert len(payloads(other, "dashboard:stats_update")) == 1


def _admin_token(world: World) -> str:
    return token(world.people.take("ADMIN"))


def test_earnings_and_notifications_reach_whom_they_concern(world: World, backend: Backend) -> None:
    customer_account: Account = world.people.take("CUSTOMER")
    partner_account: Account = world.people.take("PARTNER")
    customer, partner = world.join("js", customer_account), world.join("python", partner_account)
    backend.tell("earnings.updated", partnerId=partner_account.id, today=120, currency="INR")
    expected = {"partnerId": partner_account.id, "today": 120, "currency": "INR"}
    assert hear(partner, "earnings:updated") == expected
    for account, client in ((customer_account, customer), (partner_account, partner)):
        backend.put("notification.created", accountId=account.id, title="Hi")
        assert hear(client, "notification:new") == {"accountId": account.id, "title": "Hi"}
    assert not payloads(customer, "earnings:updated")
