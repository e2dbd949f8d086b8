"""What clients find when they come back: their calls, rooms, data and trackers, and who counts."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from functions.bookings.namespaces import CUSTOMER
from functions.calls.namespaces import TELECALLER, USER
from functions.disconnect import main as disconnect
from shared.pipeline import rate_limits
from shared.realtime import connections, membership, people, session_store
from shared.realtime.emitter import Emitter
from shared.settings import Settings
from tests.conftest import UseSettings
from tests.fakes import NOW_MS, Fakes
from tests.integration import booking_stage, recovering
from tests.integration.clients import Clients
from tests.integration.recovering import Numbered, Phone, come_back, deliver, lose
from tests.integration.stage import INVOCATION

ADDRESS = "192.0.2.7"


A_MINUTE_MS = 60_000


@pytest.fixture(autouse=True)
def ports(tables: Settings, fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    recovering.install(fakes, monkeypatch)


def phone_of(fakes: Fakes, namespace: str, person_id: str) -> Phone:
    phone = Phone(fakes, namespace, person_id, namespace.removeprefix("/").upper())
    phone.connect()
    return phone


def test_a_device_that_was_lost_when_another_one_rang_knows_of_the_call(clients: Clients) -> None:
    lost = phone_of(clients.fakes, TELECALLER.path, "tina")
    lose(lost)
    call_id = clients.initiate()
    assert [name for name, _ in clients.events("t1")] == ["call:incoming"]
    come_back(lost)
    assert [one[1]["callId"] for one in lost.received] == [call_id]
    lose(lost)
    clients.telecaller("call:accept", call_id)
    come_back(lost)
    assert lost.names() == ["call:incoming", "call:cancelled"]


def test_a_page_that_is_loaded_anew_has_missed_nothing(fakes: Fakes) -> None:
    """Two pages of Ulla's are lost. One comes back, and the other one is loaded anew, so it does
    not know its ``pid``. Each receives what was sent meanwhile, once."""
    first, second = (phone_of(fakes, USER.path, "ulla") for _ in range(2))
    for phone in (first, second):
        lose(phone, after_the_grace=False)
    for number in (1, 2):
        tell(fakes, number)
    lost = zip(fakes.tasks.ended_connections, fakes.tasks.missed, strict=True)
    reports = [
        {"connectionId": connection_id, "missed": [msgspec.to_builtins(missed)]}
        for connection_id, missed in lost
    ]
    assert len(reports) == 4
    for report in (*reports, *reports):  # Lambda may repeat an asynchronous invocation
        disconnect.handler(report, INVOCATION)
    assert come_back(first) == [1, 2]
    second.pid, second.offset = "", None
    assert come_back(second) == [1, 2]
    assert first.recovered
    assert not second.recovered


def tell(fakes: Fakes, number: int) -> None:
    person = people.get(USER.path, "ulla")
    Emitter(fakes.ports).tell(Numbered(number).to(person.addresses))


def test_rooms_and_data_come_along(fakes: Fakes) -> None:
    phone, other = phone_of(fakes, USER.path, "ulla"), phone_of(fakes, USER.path, "uwe")
    for one in (phone, other):
        row = connections.get(one.connection_id)
        assert row
        (session,) = row.all_sessions()
        address = row.address(session)
        membership.join(address, session, "room", int(row.expires_at), fakes.clock.now)
        assert session_store.save_data(row, session, {"name": f'"{session.person_id}"'})
    lose(phone)
    for number in (1, 2):
        fakes.tasks.broadcast(Numbered(number).to_room(USER.path, "room", group="g"))
        deliver(fakes)
    assert come_back(phone) == [1, 2]
    row = connections.get(phone.connection_id)
    assert row
    (session,) = row.all_sessions()
    assert list(row.rooms_of(session)) == ["room"]
    assert row.data_of(session) == {"name": "ulla"}
    fakes.tasks.broadcast(Numbered(3).to_room(USER.path, "room", group="g"))
    deliver(fakes)
    phone.read()
    assert phone.received[-1] == ["numbered", {"number": 3}]


@pytest.mark.parametrize("after_the_grace", [False, True])
def test_a_booking_is_still_tracked(fakes: Fakes, after_the_grace: bool) -> None:
    booking_stage.assigned(fakes, "b", "pedro")
    pedro = booking_stage.partner(fakes)
    pedro.send("booking:accept", "b")
    phone = phone_of(fakes, CUSTOMER.path, "carla")
    phone.emit("booking:track", "b")
    move(pedro, 1)
    lose(phone, after_the_grace=after_the_grace)
    move(pedro, 2)
    come_back(phone)
    move(pedro, 3)
    phone.read()
    assert phone.recovered
    assert [int(one[1]["location"]["latitude"]) for one in located(phone)] == [1, 2, 3]


def move(partner: booking_stage.App, number: int) -> None:
    where = {"latitude": number, "longitude": 0}
    partner.send("location:update", where, ms=NOW_MS + number)


def located(phone: Phone) -> list[list[Any]]:
    return [one for one in phone.received if one[0] == "partner:location_update"]


@pytest.mark.parametrize(
    ("lasted_ms", "losses", "most"), [(0, 3, 3 - 1), (A_MINUTE_MS, 1, 3 - 1 + 1)]
)
def test_who_has_a_session_to_recover_does_not_count(
    fakes: Fakes, use_settings: UseSettings, lasted_ms: int, losses: int, most: int
) -> None:
    """Only its first handshake counts. After a minute, that one does not count either."""
    use_settings(limit_connections_per_minute=3)
    phone = Phone(fakes, USER.path, "ulla", "USER")
    phone.network = ADDRESS
    phone.connect()
    for number in range(losses):
        phone.ahead_ms += lasted_ms
        fakes.clock.now += lasted_ms
        lose(phone, after_the_grace=bool(number % 2))
        come_back(phone)
        assert phone.recovered
    assert sum(rate_limits.count_handshake(ADDRESS, fakes.clock.now) for _ in range(9)) == most
