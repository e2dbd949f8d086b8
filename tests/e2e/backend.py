"""A team's backend, as a script that reports events to the stack."""

from __future__ import annotations

import itertools
import json
from typing import Any

from tests.e2e.clients import SECONDS, Client
from tests.e2e.people import sign
from tests.e2e.stack import Answer, Stack

_numbers = itertools.count(1)


class Backend:
    """A backend with the token of an admin."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._token = sign({"sub": "backend", "role": "ADMIN"})

    def post(self, body: bytes | str | dict[str, Any], token: str | None = None) -> Answer:
        """Request ``POST /events`` with a body, as an admin unless another token is given."""
        raw = body if isinstance(body, bytes) else (body if isinstance(body, str) else "").encode()
        if isinstance(body, dict):
            raw = json.dumps(body).encode()
        bearer = self._token if token is None else token
        return self._stack.request("POST", "/events", {"Authorization": f"Bearer {bearer}"}, raw)

    def tell(self, type_: str, **data: Any) -> None:
        """Report one event through ``POST /events``."""
        answer = self.post({"type": type_, "data": data})
        assert (answer.status, answer.body) == (202, {"accepted": 1}), answer.body

    def put(self, type_: str, source: str = "billing.example", **data: Any) -> None:
        """Report one event through ``PutEvents``, with a source of the team's choice."""
        client = self._stack.client("events")
        entry = {
            "Source": source,
            "DetailType": type_,
            "Detail": json.dumps(data),
            "EventBusName": self._stack.facts["outputs"]["EventBus"],
        }
        answer = client.put_events(Entries=[entry])
        assert answer["FailedEntryCount"] == 0

    def booking(self, customer_id: str, **data: Any) -> dict[str, Any]:
        """Return the data of a ``booking.created`` for a booking that does not exist yet."""
        number = next(_numbers)
        return {
            "bookingId": f"b-{number}",
            "bookingNumber": f"BK{number:06}",
            "customerId": customer_id,
            "service": "House Cleaning",
            "scheduledAt": "2026-12-15T10:00:00Z",
            "address": "123 Main St",
            "amount": 999,
            **data,
        }


def hear(client: Client, event: str, count: int = 1, **fields: Any) -> Any:
    """Wait for the ``count``-th event of this name with these fields, and return its payload.

    Other events may arrive before and between.
    """
    found: list[Any] = []

    def came() -> bool:
        found[:] = payloads(client, event, **fields)
        return len(found) >= count

    with client.changed:
        assert client.changed.wait_for(came, SECONDS), (
            f"no {event} {fields}; came: {client.received}"
        )
    return found[count - 1]


def payloads(client: Client, event: str, **fields: Any) -> list[Any]:
    """Return the payloads of all events of this name with these fields that have arrived so far."""
    told = [one.args[0] for one in client.received if one.event == event]
    return [one for one in told if fields.items() <= one.items()]
