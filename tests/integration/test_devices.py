"""Devices and what is pushed to them, and calls to telecallers who can be woken."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import msgspec
import pytest

from functions.calls import starting
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.presence import call_lists, repair, stream
from functions.calls.starting import NotStarted
from functions.calls.state import Trigger
from functions.products import REGISTRY
from functions.push import devices, main, routes
from functions.push.devices import Device, Owner
from shared.aws import mobile_push
from shared.aws.mobile_push import EndpointGone
from shared.identity.tokens import Identity
from shared.ids import compose
from shared.pipeline.http import HttpRequest
from shared.pipeline.rate_limits import Window
from shared.pipeline.sweep import Sweep
from shared.ports import Push
from shared.realtime import people
from shared.realtime.address import Address, Wire
from shared.realtime.emitter import Emitter
from shared.settings import Settings
from tests.conftest import UseSettings
from tests.fakes import NOW_MS, Fakes
from tests.integration import stage
from tests.integration.conftest import Race
from tests.integration.engines import Engine
from tests.integration.followed import following

CALL, RUNG = f"{1:024x}", f"{3:024x}"
APPLICATION = "arn:aws:sns:us-east-1:000000000000:app/GCM/phones"


@pytest.fixture(autouse=True)
def _set(tables: Settings, use_settings: UseSettings) -> None:
    use_settings(push_fcm_arn=APPLICATION, ring_by_push="true")


def device(token: str, at_ms: int = NOW_MS) -> Device:
    id_ = devices.id_of("FCM", token)
    return Device(id=id_, platform="FCM", endpoint=f"arn:{token}", registered_at=at_ms)


def register(person_id: str, token: str) -> str:
    one = device(token)
    devices.register(person_id, [TELECALLER.path], one)
    return one.id


def leaves(person_id: str, *, lost: bool) -> None:
    """Let the last connection of a telecaller end."""
    address = Address(TELECALLER.path, Wire.SOCKETIO, "c1")
    people.leave(address, person_id, lost=lost)


def asleep(person_id: str, *tokens: str) -> None:
    """Make a telecaller one whose connection was lost and who has devices."""
    for token in tokens:
        register(person_id, token)
    leaves(person_id, lost=True)


def endpoints(person_id: str) -> list[str]:
    return [one.endpoint for one in devices.of_person(person_id)]


def test_a_device_belongs_to_whoever_has_registered_it_last() -> None:
    id_ = register("tina", "a")
    assert register("tina", "a") == id_
    assert stage.telecaller("tina").devices == {id_}
    register("theo", "a")
    assert (endpoints("tina"), endpoints("theo")) == ([], ["arn:a"])
    assert stage.telecaller("tina").devices is None
    assert stage.telecaller("theo").devices == {id_}
    assert devices.forget("tina", id_) is None
    forgotten = devices.forget("theo", id_)
    assert forgotten
    assert forgotten.endpoint == "arn:a"
    assert (endpoints("theo"), stage.telecaller("theo").devices) == ([], None)
    assert devices.forget("theo", id_) is None


def test_of_many_who_register_a_device_at_once_one_has_it(
    race: Race,
) -> None:
    names = [f"t{number}" for number in range(6)]
    race(*(lambda name=name: register(name, "a") for name in names))
    owners = [name for name in names if endpoints(name)]
    assert [name for name in names if stage.telecaller(name).devices] == owners
    assert len(owners) == 1
    row = Owner.get(compose("device", devices.id_of("FCM", "a")), "owner", consistent_read=True)
    assert row.person_id == owners[0]


class Sns:
    """What is published, and the endpoints that fail."""

    def __init__(self) -> None:
        self.published: list[str] = []
        self.broken: set[str] = set()
        self.gone: set[str] = set()
        self.deleted: list[str] = []

    def publish(self, endpoint: str, message: str, _: Any) -> None:
        if endpoint in self.gone:
            raise EndpointGone(endpoint)
        if endpoint in self.broken:
            raise TimeoutError
        kind = next(word for word in ("ringing", "over", "missed") if f"call.{word}" in message)
        self.published.append(f"{endpoint} {kind}")


@pytest.fixture
def sns(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> Sns:
    found = Sns()
    monkeypatch.setattr(main, "ports", lambda: fakes.ports)
    monkeypatch.setattr(mobile_push, "publish", found.publish)
    monkeypatch.setattr(mobile_push, "delete_endpoint", found.deleted.append)
    return found


def a_push(kind: str) -> Push:
    row, until_ms = people.key(TELECALLER.path, "tina"), NOW_MS + 30_000
    about = {"callId": CALL}
    return Push("tina", f"call.{kind}", CALL, "Ulla", "Call", about, until_ms, row, row)


def ring() -> None:
    assert stage.start(CALL, "ulla", "tina") is None


def test_a_push_that_is_delivered_again_goes_to_those_who_lack_it(sns: Sns) -> None:
    asleep("tina", "a", "b", "c")
    ring()
    sns.broken, sns.gone = {"arn:b"}, {"arn:c"}
    with pytest.raises(TimeoutError):
        main.send(a_push("ringing"))
    assert sns.published == ["arn:a ringing"]
    assert sorted(endpoints("tina")) == ["arn:a", "arn:b"]
    assert sns.deleted == ["arn:c"]
    sns.broken = set()
    for _ in range(2):
        main.send(a_push("ringing"))
    assert sns.published == ["arn:a ringing", "arn:b ringing"]


def test_a_ring_is_not_pushed_when_the_call_is_over_or_the_app_is_back(sns: Sns) -> None:
    asleep("tina", "a")
    main.send(a_push("ringing"))
    ring()
    stage.online("tina")  # which also takes the call off this row
    main.send(a_push("ringing"))
    assert sns.published == []


def test_a_call_that_ends_while_it_is_pushed_is_pushed_as_over(
    sns: Sns, monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep("tina", "a")
    ring()

    def publish(endpoint: str, message: str, attributes: Any) -> None:
        if "ringing" in message:
            assert stage.finish(stage.rows("tina", "ulla"), CALL, Trigger.CANCEL)
        sns.publish(endpoint, message, attributes)

    monkeypatch.setattr(mobile_push, "publish", publish)
    main.send(a_push("ringing"))
    assert sns.published == ["arn:a ringing", "arn:a over"]


def test_only_phones_that_ring_are_told_that_it_is_over(sns: Sns) -> None:
    asleep("tina", "a")
    ring()
    main.send(a_push("ringing"))
    register("tina", "b")
    main.send(a_push("over"))
    assert sns.published == ["arn:a ringing", "arn:a over"]
    main.send(a_push("missed"))
    assert sorted(sns.published[2:]) == ["arn:a missed", "arn:b missed"]


def test_a_late_push_is_left_out(sns: Sns, fakes: Fakes) -> None:
    asleep("tina", "a")
    ring()
    fakes.clock.now = NOW_MS + 30_000
    record = {"messageId": "m", "body": msgspec.json.encode(a_push("ringing")).decode()}
    record["messageAttributes"] = {}  # type: ignore[assignment]
    assert main.handler({"Records": [record]}, stage.INVOCATION) == {"batchItemFailures": []}
    assert sns.published == []


def test_a_call_rings_by_push_only_if_the_telecaller_can_be_woken() -> None:
    assert stage.start(CALL, "ulla", "tina") is NotStarted.TELECALLER_OFFLINE
    id_ = register("tina", "a")
    assert stage.start(f"{2:024x}", "ulla", "tina") is NotStarted.TELECALLER_OFFLINE
    leaves("tina", lost=True)
    assert stage.start(RUNG, "ulla", "tina") is None
    assert stage.start(f"{4:024x}", "uwe", "tina") is NotStarted.TELECALLER_BUSY
    assert stage.finish(stage.rows("tina", "ulla"), RUNG, Trigger.TIMEOUT)
    leaves("tina", lost=False)
    assert stage.start(f"{5:024x}", "ulla", "tina") is NotStarted.TELECALLER_OFFLINE
    leaves("tina", lost=True)
    devices.forget("tina", id_)
    assert stage.start(f"{6:024x}", "ulla", "tina") is NotStarted.TELECALLER_OFFLINE


def test_a_call_that_rings_by_push_is_counted_until_it_is_over(
    fakes: Fakes, engine: Engine
) -> None:
    """The numbers from the stream are those that the sweep counts from the rows."""
    counted: Counter[str] = Counter()

    def follow(record: dict[str, Any]) -> None:
        call_lists.follow([record])
        counted.update(stream.meaning(record)[0].live)

    def rings() -> int:
        sweep = Sweep(REGISTRY, fakes.ports, Emitter(fakes.ports), time.monotonic() + 3_600)
        assert counted["ringing"] == repair.measure(sweep)["ringing"]
        return counted["ringing"]

    with following(engine, "people", follow):
        stage.online("ulla", USER.path)
        asleep("tina", "a")
        assert rings() == 0
        assert stage.start(CALL, "ulla", "tina") is None
        assert rings() == 1
        assert stage.finish(stage.rows("tina", "ulla"), CALL, Trigger.TIMEOUT)
        assert rings() == 0


def test_an_app_that_comes_back_meanwhile_rings() -> None:
    """It joins between the reading of the row and the start."""
    asleep("tina", "a")
    stage.connect(TELECALLER.path, "tina", "c1")
    call = stage.new_call(CALL, "ulla", "tina")
    started = starting.start(call, set(), Window("initiate", 20, NOW_MS))
    assert started == {"s:c1"}


def test_of_too_many_devices_the_oldest_is_forgotten(
    sns: Sns, fakes: Fakes, use_settings: UseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_settings(devices_per_person=2)
    monkeypatch.setattr(mobile_push, "create_endpoint", lambda _, token: f"arn:{token}")
    for number, token in enumerate("abc"):
        fakes.clock.now = NOW_MS + number
        request = HttpRequest(
            ports=fakes.ports,
            registry=REGISTRY,
            asker=Identity("tina", "TELECALLER", "Tina", frozenset()),
            id="",
            query={},
            headers={},
            body=msgspec.json.encode({"platform": "FCM", "token": token}),
        )
        routes.register(request)
    assert (endpoints("tina"), sns.deleted) == (["arn:c", "arn:b"], ["arn:a"])
