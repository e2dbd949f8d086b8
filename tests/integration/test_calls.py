"""Calls through the pipeline, with the real tables and recorded posts."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from functions.calls import announcements, rows
from functions.calls.endings import ring_timeout
from functions.calls.namespaces import TELECALLER, USER
from functions.products import REGISTRY
from local.accounts import save as save_account
from shared.identity.accounts import Account
from shared.pipeline import departure
from shared.pipeline.context import Background
from shared.realtime.untold import Mark
from shared.settings import Settings
from tests.integration import stage
from tests.integration.clients import CALLEE, CALLER, Clients, failure


def test_a_call_rings_on_every_device_of_both_and_is_acknowledged_last(clients: Clients) -> None:
    call_id = clients.initiate()
    incoming = {"callId": call_id, "callType": "AUDIO", "caller": CALLER}
    ringing = {"callId": call_id, "telecaller": CALLEE}
    for device in ("t1", "t2"):
        assert clients.events(device) == [("call:incoming", incoming)]
    for device in ("u1", "u2"):
        assert clients.events(device) == [("call:ringing", ringing)]
    assert clients.acks("u1") == [{"callId": call_id}]
    order = [connection_id for connection_id, _ in clients.fakes.connections.posted]
    assert sorted(order[:2]) == ["t1", "t2"]
    assert sorted(order[2:4]) == ["u1", "u2"]
    assert order[4:] == ["u1"]


def test_the_ring_timer_is_started_for_the_telecaller_s_row(
    clients: Clients, tables: Settings
) -> None:
    call_id = clients.initiate()
    seconds = tables.ring_timeout_seconds
    assert clients.fakes.tasks.rings == [(call_id, "/telecaller#tina", seconds)]


def test_accepting_gives_credentials_to_both_and_silences_the_other_devices(
    clients: Clients,
) -> None:
    call_id = clients.initiate()
    clients.forget()
    clients.telecaller("call:accept", call_id)
    ((name, accepted),) = clients.events("t1")
    assert name == "call:accepted"
    assert accepted["callId"] == accepted["livekit"]["roomName"] == call_id
    assert accepted["callType"] == "AUDIO"
    assert accepted["caller"] == CALLER
    assert clients.events("t2") == [("call:cancelled", {"callId": call_id})]
    for device in ("u1", "u2"):
        ((name, answer),) = clients.events(device)
        assert name == "call:accepted"
        assert set(answer) == {"callId", "livekit"}
        assert answer["livekit"]["token"] != accepted["livekit"]["token"]
    assert clients.acks("t1") == [None]


def test_an_accept_waits_for_nothing_while_time_passes(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_id, clock = clients.initiate(), clients.fakes.clock
    older: list[Mark] = []
    monkeypatch.setattr(clock, "now_ms", itertools.count(clock.now_ms()).__next__)
    monkeypatch.setattr(announcements, "overtake", lambda _, marks, __: older.extend(marks))
    clients.telecaller("call:accept", call_id)
    assert older == []
    assert not rows.get(TELECALLER.path, "tina").untold


def test_an_accept_that_comes_again_after_the_call_sends_nothing(clients: Clients) -> None:
    call_id = clients.initiate()
    clients.telecaller("call:accept", call_id)
    for device in ("u1", "u2"):
        departure.end_connection(REGISTRY, clients.fakes.ports, device)
    clients.forget()
    reference = {"callId": call_id}
    clients.send("t1", "call:accept", reference, namespace=TELECALLER.path, again=True)
    assert clients.fakes.connections.posted == []


def test_an_accepted_call_ends_for_every_other_device(clients: Clients) -> None:
    call_id = clients.initiate()
    clients.telecaller("call:accept", call_id)
    clients.forget()
    clients.send("u2", "call:end", {"callId": call_id})
    for device in ("u1", "t1", "t2"):
        assert clients.events(device) == [("call:ended", {"callId": call_id})]
    assert clients.events("u2") == []
    assert clients.acks("u2") == [None]
    assert stage.free("ulla", "tina")


def test_a_reject_reaches_the_user_and_the_other_devices(clients: Clients) -> None:
    call_id = clients.initiate()
    clients.forget()
    clients.telecaller("call:reject", call_id)
    for device in ("u1", "u2"):
        assert clients.events(device) == [("call:rejected", {"callId": call_id})]
    assert clients.events("t2") == [("call:cancelled", {"callId": call_id})]
    assert clients.events("t1") == []
    assert stage.free("ulla", "tina")


def test_a_cancel_reaches_the_telecaller_and_the_user_s_other_devices(clients: Clients) -> None:
    call_id = clients.initiate()
    clients.forget()
    clients.send("u1", "call:cancel", {"callId": call_id})
    for device in ("t1", "t2"):
        assert clients.events(device) == [("call:cancelled", {"callId": call_id})]
    assert clients.events("u2") == [("call:ended", {"callId": call_id})]
    assert clients.events("u1") == []
    assert stage.free("ulla", "tina")


@pytest.mark.parametrize(
    ("event", "namespace", "error"),
    [
        ("call:cancel", USER.path, "call:error"),
        ("call:end", USER.path, "call:error"),
        ("call:accept", TELECALLER.path, "error"),
        ("call:reject", TELECALLER.path, "error"),
        ("call:end", TELECALLER.path, "error"),
    ],
)
class TestAnUnavailableCall:
    """An event about it is answered with the namespace's error event and the contract's text."""

    def refused(self, clients: Clients, event: str, namespace: str, payload: object) -> Any:
        connection_id = "u1" if namespace == USER.path else "t1"
        clients.forget()
        clients.send(connection_id, event, payload, namespace=namespace)
        ((name, answer),) = clients.events(connection_id)
        assert clients.acks(connection_id) == [failure(answer["message"])]
        return name, answer["message"]

    def test_that_never_existed_is_not_found(
        self, clients: Clients, event: str, namespace: str, error: str
    ) -> None:
        payload = {"callId": f"{77:024x}"}
        assert self.refused(clients, event, namespace, payload) == (error, "Call not found")

    def test_of_another_person_is_not_found(
        self, clients: Clients, event: str, namespace: str, error: str
    ) -> None:
        stage.online("tara")
        other = f"{88:024x}"
        assert stage.start(other, "uma", "tara") is None
        payload = {"callId": other}
        assert self.refused(clients, event, namespace, payload) == (error, "Call not found")

    def test_that_is_over_is_no_longer_available(
        self, clients: Clients, event: str, namespace: str, error: str
    ) -> None:
        call_id = clients.initiate()
        background = Background.on(REGISTRY, clients.fakes.ports)
        ring_timeout(background, stage.telecaller("tina"), call_id)
        text = "Call is no longer available"
        assert self.refused(clients, event, namespace, {"callId": call_id}) == (error, text)

    @pytest.mark.parametrize("payload", [None, {}, [], "x", {"callId": ""}, {"callId": None}])
    def test_without_an_id_is_an_invalid_request(
        self, clients: Clients, event: str, namespace: str, error: str, payload: object
    ) -> None:
        text = "Invalid call request"
        assert self.refused(clients, event, namespace, payload) == (error, text)


@pytest.mark.parametrize(
    ("event", "namespace", "error"),
    [
        ("call:end", USER.path, "call:error"),
        ("call:end", TELECALLER.path, "error"),
    ],
)
def test_a_ringing_call_cannot_be_hung_up(
    clients: Clients, event: str, namespace: str, error: str
) -> None:
    call_id = clients.initiate()
    clients.forget()
    device = "u1" if namespace == USER.path else "t1"
    clients.send(device, event, {"callId": call_id}, namespace=namespace)
    assert clients.events(device) == [(error, {"message": "Call is no longer available"})]


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ({"callType": "AUDIO"}, "Invalid call request"),
        ({"telecallerId": "tina"}, "Invalid call request"),
        ({"telecallerId": "", "callType": "AUDIO"}, "Invalid call request"),
        ({"telecallerId": "tina", "callType": "FAX"}, "Invalid call type"),
        ({"telecallerId": "nobody", "callType": "AUDIO"}, None),
    ],
)
def test_an_invalid_initiate_is_answered_with_a_call_error(
    clients: Clients, payload: dict[str, str], text: str | None
) -> None:
    text = text or "This person is no longer available for calls."
    clients.send("u1", "call:initiate", payload)
    assert clients.events("u1") == [("call:error", {"message": text})]
    assert clients.acks("u1") == [failure(text)]
    assert clients.events("t1") == []


@pytest.mark.parametrize(
    "account",
    [
        Account(id="tina", role="TELECALLER", name="Tina", approval_status="PENDING"),
        Account(id="tina", role="TELECALLER", name="Tina", approval_status="REJECTED"),
        Account(id="tina", role="USER", name="Tina", approval_status="APPROVED"),
        Account(
            id="tina",
            role="TELECALLER",
            name="Tina",
            approval_status="APPROVED",
            account_status="SUSPENDED",
        ),
    ],
    ids=["pending", "rejected", "a user", "suspended"],
)
def test_a_person_who_may_not_be_called_is_no_longer_available(
    clients: Clients, account: Account
) -> None:
    save_account(account)
    assert clients.initiate() == ""
    text = "This person is no longer available for calls."
    assert clients.events("u1") == [("call:error", {"message": text})]
    assert stage.free("ulla", "tina")


@pytest.mark.parametrize("telecaller", ["there", "offline", "busy", "unknown"])
def test_a_suspended_caller_is_refused_before_any_other_check(
    clients: Clients, telecaller: str
) -> None:
    save_account(Account(id="ulla", role="USER", name="Ulla", account_status="SUSPENDED"))
    if telecaller == "offline":
        for device in ("t1", "t2"):
            departure.end_connection(REGISTRY, clients.fakes.ports, device)
    if telecaller == "busy":
        stage.start(f"{5:024x}", "uma", "tina")
    callee = "nobody" if telecaller == "unknown" else "tina"
    assert clients.initiate(telecallerId=callee) == ""
    text = "Your account is not available. Please contact support."
    assert clients.events("u1") == [("call:error", {"message": text})]
    assert stage.user("ulla").current_call is None
    assert clients.events("t1") == []
    assert stage.records() == []


def test_a_refused_initiate_gives_the_text_of_its_reason(
    clients: Clients,
) -> None:
    clients.initiate()
    stage.connect(USER.path, "uma", "m1")
    clients.forget()
    clients.initiate("u2")
    clients.initiate("m1")
    assert clients.events("u2") == [("call:error", {"message": "You already have an active call."})]
    busy = "Tina is busy on another call. Please try again later."
    assert clients.events("m1") == [("call:error", {"message": busy})]
    for device in ("t1", "t2"):
        departure.end_connection(REGISTRY, clients.fakes.ports, device)
    clients.forget()
    clients.initiate("m1")
    offline = "Tina is currently offline. Please try again later."
    assert clients.events("m1") == [("call:error", {"message": offline})]


def test_the_livekit_room_of_an_answered_call_is_deleted_after_it(clients: Clients) -> None:
    call_id = clients.initiate()
    clients.telecaller("call:accept", call_id)
    assert clients.fakes.tasks.rooms == []
    clients.telecaller("call:end", call_id)
    assert clients.fakes.tasks.rooms == [call_id]


def test_a_livekit_room_that_cannot_be_queued_changes_nothing_else(clients: Clients) -> None:
    clients.fakes.tasks.room_error = TimeoutError("no queue")
    call_id = clients.initiate()
    clients.telecaller("call:accept", call_id)
    clients.forget()
    clients.telecaller("call:end", call_id)
    assert clients.events("u1") == [("call:ended", {"callId": call_id})]
    assert clients.acks("t1") == [None]
    assert stage.free("ulla", "tina")


def test_every_device_of_both_people_receives_that_a_call_was_missed(clients: Clients) -> None:
    call_id = clients.initiate()
    clients.forget()
    for _ in range(2):
        ring_timeout(
            Background.on(REGISTRY, clients.fakes.ports), stage.telecaller("tina"), call_id
        )
    for device in ("u1", "u2", "t1", "t2"):
        assert clients.events(device) == [("call:missed", {"callId": call_id})]
    assert stage.free("ulla", "tina")


def test_the_timer_of_an_answered_call_does_nothing(clients: Clients) -> None:
    call_id = clients.initiate()
    clients.telecaller("call:accept", call_id)
    clients.forget()
    ring_timeout(Background.on(REGISTRY, clients.fakes.ports), stage.telecaller("tina"), call_id)
    assert clients.fakes.connections.posted == []
    assert stage.call_of(stage.telecaller("tina")).status == "ACCEPTED"


@pytest.mark.parametrize("accepted", [False, True], ids=["ringing", "accepted"])
@pytest.mark.parametrize("leaver", ["user", "telecaller"])
def test_a_call_ends_for_the_other_person_when_the_last_connection_goes(
    clients: Clients, leaver: str, accepted: bool
) -> None:
    call_id = clients.initiate()
    if accepted:
        clients.telecaller("call:accept", call_id)
    clients.forget()
    leaving, staying = ("u", "t") if leaver == "user" else ("t", "u")
    departure.end_connection(REGISTRY, clients.fakes.ports, f"{leaving}1")
    assert clients.fakes.connections.posted == []
    assert not stage.free("ulla", "tina")
    departure.end_connection(REGISTRY, clients.fakes.ports, f"{leaving}2")
    expected = "call:ended" if accepted else "call:missed"
    for device in (f"{staying}1", f"{staying}2"):
        assert clients.events(device) == [(expected, {"callId": call_id})]
    assert stage.free("ulla", "tina")
    record = stage.record_of(call_id, "ulla")
    assert record
    assert record.status == ("COMPLETED" if accepted else "MISSED")


def test_a_person_who_goes_without_a_call_causes_no_events(clients: Clients) -> None:
    for device in ("u1", "u2", "t1", "t2"):
        departure.end_connection(REGISTRY, clients.fakes.ports, device)
    assert clients.fakes.connections.posted == []
