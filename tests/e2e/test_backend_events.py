"""Events that a backend reports: ``POST /events`` and the event bus behind it."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest

from tests.e2e.backend import Backend, hear
from tests.e2e.chat import Tab
from tests.e2e.clients import Refused
from tests.e2e.people import token
from tests.e2e.world import World


@pytest.fixture
def backend(world: World) -> Backend:
    return Backend(world.stack)


GOOD = {"type": "partner.registered", "data": {}}
NESTED: Any = []
for _ in range(40):
    NESTED = [NESTED]

BAD: list[tuple[Any, str]] = [
    ("", "The body is not JSON"),
    ("[", "The body is not JSON"),
    ('{"type": NaN}', "The body is not JSON"),
    ("[]", "The body is not a JSON object"),
    ({}, "type is required"),
    ({"type": 5, "data": {}}, "type: there is no event 5"),
    ({"type": "booking.burnt", "data": {}}, 'type: there is no event "booking.burnt"'),
    ({"type": "booking.created"}, "data is required"),
    ({"type": "booking.created", "data": []}, "data: expected an object"),
    ({"type": "booking.created", "data": {}}, "data.bookingId is required"),
    ({"type": "booking.assigned", "data": {"bookingId": "b"}}, "data.partnerId is required"),
    ({"type": "booking.assigned", "data": {"bookingId": 1, "partnerId": "p"}}, "data.bookingId: "),
    ({"type": "booking.updated", "data": {"bookingId": "b", "status": "X"}}, "data.status: "),
    (
        {"type": "booking.updated", "data": {"bookingId": "b", "status": "PARTNER_ASSIGNED"}},
        "data.status: ",
    ),
    (
        {"type": "booking.updated", "data": {"bookingId": "b", "scheduledAt": "soon"}},
        "data.scheduledAt: ",
    ),
    ({"type": "account.upserted", "data": {"_id": "a", "role": "USER"}}, "data.name is required"),
    ({"type": "earnings.updated", "data": {"total": 1}}, "data.partnerId is required"),
    ({"type": "notification.created", "data": {}}, "data.accountId is required"),
    ({**GOOD, "data": {"happenedAt": "yesterday"}}, "data.happenedAt: "),
    ({**GOOD, "data": {"happenedAt": "2999-01-01T00:00:00Z"}}, "data.happenedAt: "),
    ({"events": []}, "events: expected a list of 1 to 100"),
    ({"events": [GOOD] * 101}, "events: expected a list of 1 to 100"),
    ({"events": [GOOD, 7]}, "events[1]: expected an object"),
    (
        {"events": [GOOD] * 3 + [{"type": "booking.created", "data": {}}]},
        "events[3].data.bookingId is required",
    ),
    ({"type": "partner.registered", "data": {"x": NESTED}}, "The body is not JSON"),
]


@pytest.mark.parametrize(("body", "text"), BAD)
def test_what_is_wrong_is_a_400_that_says_where(backend: Backend, body: Any, text: str) -> None:
    answer = backend.post(body)
    assert answer.status == 400, answer.body
    assert answer.body["error"]["message"].startswith(text), answer.body


def test_only_admins_tell(world: World, backend: Backend) -> None:
    assert world.stack.request("POST", "/events", {}, b"{}").status == 401
    for group in ("USER", "PARTNER"):
        answer = backend.post(GOOD, token(world.people.take(group)))
        assert (answer.status, answer.body) == (403, {"error": {"message": "Access denied"}})


def test_what_is_too_large_is_a_413(backend: Backend) -> None:
    large = {"type": "partner.registered", "data": {"x": "x" * 200_000}}
    assert backend.post(large).status == 413
    assert backend.post({"events": [large] * 30}).status == 413


def test_a_hundred_at_once_arrive(world: World, backend: Backend) -> None:
    account = world.people.take("CUSTOMER")
    client = world.join("js", account)
    one = {"type": "notification.created", "data": {"accountId": account.id}}
    told = [{**one, "data": {**one["data"], "number": n}} for n in range(100)]  # type: ignore[dict-item]
    answer = backend.post({"events": told})
    assert (answer.status, answer.body) == (202, {"accepted": 100})
    hear(client, "notification:new", 100)
    numbers = {one.args[0]["number"] for one in client.received}
    assert numbers == set(range(100))


def test_an_upserted_account_is_charged_and_suspended(world: World, backend: Backend) -> None:
    account, client = world.user()
    document = msgspec.to_builtins(account)

    def balance() -> int:
        answer = world.stack.get("/accounts/me", Authorization=f"Bearer {token(account)}")
        coins: int = answer.body["coins"]
        return coins

    backend.tell("account.upserted", **document | {"coins": account.coins + 50})
    deadline = time.monotonic() + 20
    while balance() != account.coins + 50:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    other = world.join("native", account)
    chatting = Tab(world.connect("js", world.ticket("/")), account.id)
    chatting.client.emit("authenticate", token(account))
    assert chatting.take("authenticated")["userId"] == account.id
    backend.put("account.upserted", **document | {"accountStatus": "SUSPENDED"})
    assert client.ended.wait(20)
    assert other.ended.wait(20)
    assert chatting.client.ended.wait(20)
    with pytest.raises(Refused, match="suspended"):
        world.join("js", account)
    world.stack.wait_connections("/user", account.id, 0)
