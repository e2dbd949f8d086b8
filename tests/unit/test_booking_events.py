"""The events of the booking specification, in the registry."""

from __future__ import annotations

import msgspec
import pytest

from functions.products import REGISTRY

# Namespaces, event, fields of the payload. None means that the payload is an id.
SENT: list[tuple[str, str, set[str] | None]] = [
    ("/customer", "booking:track", None),
    ("/customer", "booking:untrack", None),
    ("/customer", "booking:cancel", {"bookingId", "reason"}),
    ("/customer /partner", "message:send", {"recipientId", "message", "bookingId"}),
    ("/partner", "booking:accept", None),
    ("/partner", "booking:reject", {"bookingId", "reason"}),
    ("/partner", "booking:status_update", {"bookingId", "status"}),
    ("/partner", "location:update", {"latitude", "longitude"}),
    ("/admin", "request:stats", set()),
    ("/admin", "monitor:bookings", set()),
    ("/customer /partner /admin", "typing:start", None),
    ("/customer /partner /admin", "typing:stop", None),
    ("/customer /partner /admin", "message:mark_read", None),
]

RECEIVED = [
    ("/customer", "booking:status_updated", {"bookingId", "status", "message"}),
    ("/customer", "partner:assigned", {"bookingId", "partner"}),
    ("/customer", "partner:location_update", {"bookingId", "location", "timestamp"}),
    (
        "/partner",
        "booking:new_request",
        {"bookingId", "bookingNumber", "service", "scheduledAt", "address", "amount"},
    ),
    ("/partner", "booking:cancelled", {"bookingId", "reason", "cancelledAt"}),
    (
        "/customer /partner",
        "message:received",
        {"id", "senderId", "message", "bookingId", "createdAt"},
    ),
    ("/customer /partner", "message:sent", {"id", "createdAt"}),
    ("/customer /partner", "typing:indicator", {"userId", "typing"}),
    ("/partner", "earnings:updated", {"partnerId"}),
    ("/customer /partner", "notification:new", {"accountId"}),
    ("/admin", "dashboard:stats_update", {"byStatus", "active", "today", "timestamp"}),
    (
        "/admin",
        "booking:created",
        {
            "bookingId",
            "bookingNumber",
            "customerId",
            "service",
            "scheduledAt",
            "address",
            "amount",
            "status",
        },
    ),
    ("/admin", "booking:updated", {"bookingId", "status", "partnerId", "updatedAt"}),
    ("/admin", "partner:registered", set[str]()),
    ("/admin", "kyc:submitted", set[str]()),
]


@pytest.mark.parametrize(("namespaces", "event", "names"), SENT)
def test_what_a_client_sends_has_a_row(namespaces: str, event: str, names: set[str] | None) -> None:
    for namespace in namespaces.split():
        row = REGISTRY.find(namespace, event)
        assert row, f"{event} has no row in {namespace}"
        assert (row.product, row.error_event) == ("bookings", "error")
        if names:
            assert {one.encode_name for one in msgspec.structs.fields(row.payload)} == names
        elif names is None:
            assert msgspec.convert("id", row.payload) == "id"
        else:
            assert row.payload is None


def test_there_are_no_other_rows() -> None:
    documented = {(one, event) for namespaces, event, _ in SENT for one in namespaces.split()}
    rows = {key for key, row in REGISTRY.handlers.items() if row.product == "bookings"}
    assert rows == documented


def test_what_a_client_receives_has_exactly_its_fields() -> None:
    expected = {
        (one, event): names for namespaces, event, names in RECEIVED for one in namespaces.split()
    }
    found = {
        key: {field.encode_name for field in msgspec.structs.fields(struct)} - {""}
        for key, struct in REGISTRY.sent.items()
        if struct.__module__ == "functions.bookings.events"
    }
    assert found == expected
