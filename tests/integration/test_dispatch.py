"""Events through the pipeline, with the real tables and recorded posts."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from functions.calls.handlers import ring_timeout
from functions.products import REGISTRY
from shared import accounts
from shared.accounts import Account
from shared.errors import INTERNAL, Refusal
from shared.protocol.errors import AckId, InvalidPacket
from shared.realtime import connections, departure
from shared.realtime.address import Wire
from shared.realtime.context import Arrival, Background, Context
from shared.realtime.dispatch import Request, dispatch
from shared.realtime.namespaces import ADMIN, TELECALLER, USER
from shared.registry import Inbound, Product, Registry
from shared.settings import Settings
from tests.fakes import NOW_MS, Fakes
from tests.integration import stage

UNREACHABLE = "Tina is currently unavailable. Please try again later."
CALLER = {"_id": "ulla", "name": "Name of ulla", "profile": "avatar-ulla"}
CALLEE = {"_id": "tina", "name": "Tina", "profile": "avatar-3"}


class Clients:
    """Sends what clients send, and shows what they got."""

    def __init__(self, fakes: Fakes, registry: Registry = REGISTRY) -> None:
        self.fakes = fakes
        self.registry = registry
        self.frames = 0

    def send(
        self,
        connection_id: str,
        event: str,
        payload: object = None,
        *,
        namespace: str | None = USER.path,
        ack: AckId | None = 1,
        wire: Wire = Wire.SOCKETIO,
        refusal: str | None = None,
        again: bool = False,
    ) -> None:
        """``again``: the frame before this one is delivered once more."""
        request = Request(event, wire, namespace, payload, ack, refusal)
        self.frames += 0 if again else 1
        arrival = Arrival(connection_id, f"message {self.frames}", NOW_MS + self.frames)
        dispatch(self.registry, self.fakes.ports, arrival, request)

    def initiate(self, connection_id: str = "u1", **changes: object) -> str:
        """Returns the acknowledged id, empty where there is none."""
        payload = {"telecallerId": "tina", "callType": "AUDIO"} | changes
        self.send(connection_id, "call:initiate", payload)
        answer = self.acks(connection_id)[-1]
        return str(answer.get("callId", ""))

    def telecaller(self, event: str, call_id: str, connection_id: str = "t1") -> None:
        self.send(connection_id, event, {"callId": call_id}, namespace=TELECALLER.path)

    def events(self, connection_id: str) -> list[tuple[str, Any]]:
        return self.fakes.events(connection_id)

    def acks(self, connection_id: str) -> list[Any]:
        """The one argument of every acknowledgement."""
        frames = self.fakes.connections.to(connection_id)
        arguments = [
            json.loads(frame[frame.index("[") :]) for frame in frames if frame.startswith("43")
        ]
        assert all(len(found) == 1 for found in arguments)
        return [found[0] for found in arguments]

    def forget(self) -> None:
        """Look at what comes from here on."""
        self.fakes.connections.posted.clear()


@pytest.fixture
def clients(tables: Settings, fakes: Fakes) -> Clients:
    """Ulla is there with two devices, Tina with two."""
    accounts.save(
        Account(
            id="tina",
            role="TELECALLER",
            name="Tina",
            profile="avatar-3",
            approval_status="APPROVED",
        )
    )
    for connection_id in ("u1", "u2"):
        stage.connect(USER.path, "ulla", connection_id)
    for connection_id in ("t1", "t2"):
        stage.connect(TELECALLER.path, "tina", connection_id)
    return Clients(fakes)


def failure(message: str) -> dict[str, Any]:
    return {"error": {"message": message}}


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


def test_frames_are_those_of_the_namespace(clients: Clients) -> None:
    call_id = clients.initiate()
    ((frame),) = clients.fakes.connections.to("t1")
    assert frame.startswith('42/telecaller,["call:incoming",{')
    assert clients.fakes.connections.to("u1")[-1] == f'43/user,1[{{"callId":"{call_id}"}}]'


def test_the_ring_timer_is_started_for_the_row_on_which_it_rings(
    clients: Clients, tables: Settings
) -> None:
    call_id = clients.initiate()
    seconds = tables.ring_timeout_seconds
    assert clients.fakes.tasks.rings == [(call_id, "/telecaller#tina", seconds)]


def test_an_event_that_asks_for_no_acknowledgement_gets_none(clients: Clients) -> None:
    payload = {"telecallerId": "tina", "callType": "VIDEO"}
    clients.send("u1", "call:initiate", payload, ack=None)
    assert [name for name, _ in clients.events("u1")] == ["call:ringing"]
    assert clients.acks("u1") == []


def test_an_acknowledgement_may_have_the_id_zero(clients: Clients) -> None:
    clients.send("u1", "call:cancel", {}, ack=0)
    assert clients.fakes.connections.to("u1")[-1].startswith("43/user,0[")


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
        ((name, told),) = clients.events(device)
        assert name == "call:accepted"
        assert set(told) == {"callId", "livekit"}
        assert told["livekit"]["token"] != accepted["livekit"]["token"]
    assert clients.acks("t1") == [None]


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
class TestACallThatIsNotTheirs:
    """Answered with the namespace's error event and the contract's text."""

    def refused(self, clients: Clients, event: str, namespace: str, payload: object) -> Any:
        connection_id = "u1" if namespace == USER.path else "t1"
        clients.forget()
        clients.send(connection_id, event, payload, namespace=namespace)
        ((name, told),) = clients.events(connection_id)
        assert clients.acks(connection_id) == [failure(told["message"])]
        return name, told["message"]

    def test_that_never_was_is_not_found(
        self, clients: Clients, event: str, namespace: str, error: str
    ) -> None:
        payload = {"callId": f"{77:024x}"}
        assert self.refused(clients, event, namespace, payload) == (error, "Call not found")

    def test_that_is_somebody_else_s_is_not_found(
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
        clients.telecaller("call:reject", call_id)
        text = "Call is no longer available"
        assert self.refused(clients, event, namespace, {"callId": call_id}) == (error, text)

    @pytest.mark.parametrize("payload", [None, {}, [], "x", {"callId": ""}, {"callId": None}])
    def test_that_is_not_named_is_an_invalid_request(
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
def test_an_initiate_that_cannot_be_is_a_call_error(
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
def test_somebody_who_may_not_be_called_is_no_longer_available(
    clients: Clients, account: Account
) -> None:
    accounts.save(account)
    assert clients.initiate() == ""
    text = "This person is no longer available for calls."
    assert clients.events("u1") == [("call:error", {"message": text})]
    assert stage.free("ulla", "tina")


@pytest.mark.parametrize("telecaller", ["there", "offline", "busy", "unknown"])
def test_a_suspended_caller_is_told_so_before_anything_else(
    clients: Clients, telecaller: str
) -> None:
    accounts.save(Account(id="ulla", role="USER", name="Ulla", account_status="SUSPENDED"))
    if telecaller == "offline":
        for device in ("t1", "t2"):
            departure.depart(Registry([]), clients.fakes.ports, device)
    if telecaller == "busy":
        stage.start(f"{5:024x}", "uma", "tina")
    callee = "nobody" if telecaller == "unknown" else "tina"
    assert clients.initiate(telecallerId=callee) == ""
    text = "Your account is not available. Please contact support."
    assert clients.events("u1") == [("call:error", {"message": text})]
    assert stage.user("ulla").current_call is None
    assert clients.events("t1") == []


def test_a_caller_in_a_call_a_busy_and_an_offline_telecaller_have_their_texts(
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
        departure.depart(REGISTRY, clients.fakes.ports, device)
    clients.forget()
    clients.initiate("m1")
    offline = "Tina is currently offline. Please try again later."
    assert clients.events("m1") == [("call:error", {"message": offline})]


def test_a_post_that_finds_nobody_hands_the_connection_to_the_disconnect_task(
    clients: Clients,
) -> None:
    clients.fakes.connections.gone = {"t2", "u2"}
    call_id = clients.initiate()
    assert call_id
    assert sorted(clients.fakes.tasks.disconnected) == ["t2", "u2"]
    assert [name for name, _ in clients.events("t1")] == ["call:incoming"]
    assert stage.call_of(stage.telecaller("tina")).id == call_id


def test_a_telecaller_of_whom_no_device_is_left_is_unavailable_and_both_are_free(
    clients: Clients,
) -> None:
    clients.fakes.connections.gone = {"t1", "t2"}
    assert clients.initiate() == ""
    assert clients.events("u1") == [("call:error", {"message": UNREACHABLE})]
    assert clients.acks("u1") == [failure(UNREACHABLE)]
    assert clients.events("u2") == []
    assert sorted(clients.fakes.tasks.disconnected) == ["t1", "t2"]
    assert stage.free("ulla", "tina")


def test_a_call_whose_timer_cannot_be_started_ends_at_once(clients: Clients) -> None:
    clients.fakes.tasks.ring_error = TimeoutError("no state machine")
    assert clients.initiate() == ""
    assert clients.events("u1") == [("call:error", {"message": INTERNAL})]
    assert clients.acks("u1") == [failure(INTERNAL)]
    for device in ("t1", "t2"):
        assert [name for name, _ in clients.events(device)] == ["call:incoming", "call:cancelled"]
    assert stage.free("ulla", "tina")


def test_a_post_that_fails_otherwise_ends_the_call_at_once(clients: Clients) -> None:
    clients.fakes.connections.broken = {"t2"}
    assert clients.initiate() == ""
    assert stage.free("ulla", "tina")
    assert clients.events("u1") == [("call:error", {"message": INTERNAL})]


def test_the_room_of_an_answered_call_is_deleted_after_it(clients: Clients) -> None:
    call_id = clients.initiate()
    clients.telecaller("call:accept", call_id)
    assert clients.fakes.tasks.rooms == []
    clients.telecaller("call:end", call_id)
    assert clients.fakes.tasks.rooms == [call_id]


def test_a_room_that_cannot_be_queued_for_deletion_changes_nothing_else(clients: Clients) -> None:
    clients.fakes.tasks.room_error = TimeoutError("no queue")
    call_id = clients.initiate()
    clients.telecaller("call:accept", call_id)
    clients.forget()
    clients.telecaller("call:end", call_id)
    assert clients.events("u1") == [("call:ended", {"callId": call_id})]
    assert clients.acks("t1") == [None]
    assert stage.free("ulla", "tina")


def test_nobody_answers_and_every_device_of_both_is_told(clients: Clients) -> None:
    call_id = clients.initiate()
    clients.forget()
    for _ in range(2):
        ring_timeout(Background.on(clients.fakes.ports), stage.telecaller("tina"), call_id)
    for device in ("u1", "u2", "t1", "t2"):
        assert clients.events(device) == [("call:missed", {"callId": call_id})]
    assert stage.free("ulla", "tina")


def test_the_timer_of_an_answered_call_does_nothing(clients: Clients) -> None:
    call_id = clients.initiate()
    clients.telecaller("call:accept", call_id)
    clients.forget()
    ring_timeout(Background.on(clients.fakes.ports), stage.telecaller("tina"), call_id)
    assert clients.fakes.connections.posted == []
    assert stage.call_of(stage.telecaller("tina")).status == "ACCEPTED"


@pytest.mark.parametrize("accepted", [False, True], ids=["ringing", "accepted"])
@pytest.mark.parametrize("leaver", ["user", "telecaller"])
def test_the_last_connection_that_goes_ends_the_call_for_the_other(
    clients: Clients, leaver: str, accepted: bool
) -> None:
    call_id = clients.initiate()
    if accepted:
        clients.telecaller("call:accept", call_id)
    clients.forget()
    leaving, staying = ("u", "t") if leaver == "user" else ("t", "u")
    departure.depart(REGISTRY, clients.fakes.ports, f"{leaving}1")
    assert clients.fakes.connections.posted == []
    assert not stage.free("ulla", "tina")
    departure.depart(REGISTRY, clients.fakes.ports, f"{leaving}2")
    expected = "call:ended" if accepted else "call:missed"
    for device in (f"{staying}1", f"{staying}2"):
        assert clients.events(device) == [(expected, {"callId": call_id})]
    assert stage.free("ulla", "tina")
    record = stage.record_of(call_id, "ulla")
    assert record
    assert record.status == ("COMPLETED" if accepted else "MISSED")


def test_somebody_who_goes_without_a_call_disturbs_nobody(clients: Clients) -> None:
    for device in ("u1", "u2", "t1", "t2"):
        departure.depart(REGISTRY, clients.fakes.ports, device)
    assert clients.fakes.connections.posted == []


def test_a_frame_that_is_delivered_twice_is_handled_once(clients: Clients) -> None:
    payload: dict[str, Any] = {"telecallerId": "tina", "callType": "AUDIO"}
    clients.send("u1", "call:initiate", payload)
    call_id = clients.acks("u1")[0]["callId"]
    clients.forget()
    clients.send("u1", "call:initiate", payload, again=True)
    assert clients.fakes.connections.posted == []
    clients.telecaller("call:accept", call_id)
    clients.forget()
    reference = {"callId": call_id}
    clients.send("t1", "call:accept", reference, namespace=TELECALLER.path, again=True)
    assert clients.fakes.connections.posted == []
    clients.send("u1", "call:end", reference)
    clients.forget()
    clients.send("u1", "call:end", reference, again=True)
    assert clients.fakes.connections.posted == []
    assert len(stage.records()) == 1


@pytest.mark.parametrize(
    ("event", "namespace", "allowed", "answer"),
    [
        ("call:initiate", USER.path, 5, ("call:error", "Too many call attempts.")),
        ("call:cancel", USER.path, 20, ("error", "Too many requests.")),
        ("call:end", USER.path, 20, ("error", "Too many requests.")),
        ("call:accept", TELECALLER.path, 20, ("error", "Too many requests.")),
        ("call:reject", TELECALLER.path, 20, ("error", "Too many requests.")),
        ("call:end", TELECALLER.path, 20, ("error", "Too many requests.")),
    ],
)
def test_a_person_may_send_an_event_so_often_a_minute_on_all_devices(
    clients: Clients, event: str, namespace: str, allowed: int, answer: tuple[str, str]
) -> None:
    request = {"callId": f"{9:024x}", "telecallerId": "nobody", "callType": "AUDIO"}
    devices = ("u1", "u2") if namespace == USER.path else ("t1", "t2")

    def told(number: int) -> tuple[str, str]:
        clients.forget()
        device = devices[number % 2]
        clients.send(device, event, request, namespace=namespace)
        ((name, payload),) = clients.events(device)
        return name, payload["message"].removesuffix(" Please wait a moment.")

    assert answer not in [told(number) for number in range(allowed)]
    assert told(0) == answer
    clients.fakes.clock.now += 60_000
    assert told(0) != answer


def test_an_unknown_event_is_named_in_the_error(clients: Clients) -> None:
    clients.send("u1", "call:teleport", {"callId": "x"})
    ((name, told),) = clients.events("u1")
    assert name == "error"
    assert "call:teleport" in told["message"]
    assert clients.acks("u1") == [failure(told["message"])]


def test_an_event_of_another_namespace_is_unknown(clients: Clients) -> None:
    clients.send("u1", "call:accept", {"callId": "x"})
    assert [name for name, _ in clients.events("u1")] == ["error"]


def test_what_decoding_found_wrong_is_answered_as_the_event_s_error(clients: Clients) -> None:
    clients.send("u1", "call:cancel", refusal="callId: number out of range")
    text = "callId: number out of range"
    assert clients.events("u1") == [("call:error", {"message": text})]
    assert clients.acks("u1") == [failure(text)]
    clients.forget()
    clients.send("u1", "", refusal="event name must not be empty")
    assert clients.events("u1") == [("error", {"message": "event name must not be empty"})]


@pytest.mark.parametrize("connection_id", ["nobody", "u1"])
def test_a_connection_that_is_not_in_the_namespace_is_closed(
    clients: Clients, connection_id: str
) -> None:
    clients.send(connection_id, "call:end", {"callId": "x"}, namespace=TELECALLER.path)
    assert clients.fakes.connections.closed == [connection_id]
    assert clients.fakes.connections.posted == []


def test_a_connection_that_is_leaving_is_closed(clients: Clients) -> None:
    connections.mark_leaving("u1")
    clients.send("u1", "call:initiate", {"telecallerId": "tina", "callType": "AUDIO"})
    assert clients.fakes.connections.closed == ["u1"]
    assert stage.free("ulla", "tina")


class TestNative:
    """The same over plain JSON frames, without a namespace in them."""

    @pytest.fixture(autouse=True)
    def native(self, clients: Clients) -> None:
        stage.connect(USER.path, "nina", "n1", Wire.NATIVE)

    def frames(self, clients: Clients) -> list[Any]:
        return [json.loads(frame) for frame in clients.fakes.connections.to("n1")]

    def test_a_request_is_answered_in_native_frames(self, clients: Clients) -> None:
        payload = {"telecallerId": "tina", "callType": "VIDEO"}
        clients.send("n1", "call:initiate", payload, namespace=None, ack="a1", wire=Wire.NATIVE)
        ringing, acknowledged = self.frames(clients)
        call_id = acknowledged["data"]["callId"]
        assert ringing == {
            "event": "call:ringing",
            "data": {"callId": call_id, "telecaller": CALLEE},
        }
        assert acknowledged == {"ack": "a1", "data": {"callId": call_id}}
        assert [name for name, _ in clients.events("t1")] == ["call:incoming"]

    def test_a_refusal_is_an_error_event_and_a_failed_acknowledgement(
        self, clients: Clients
    ) -> None:
        clients.send("n1", "call:end", {}, namespace=None, ack=7, wire=Wire.NATIVE)
        text = "Invalid call request"
        assert self.frames(clients) == [
            {"event": "call:error", "data": {"message": text}},
            {"ack": 7, "error": {"message": text}},
        ]

    def test_without_an_id_there_is_no_acknowledgement(self, clients: Clients) -> None:
        clients.send("n1", "nothing", namespace=None, ack=None, wire=Wire.NATIVE)
        ((frame),) = self.frames(clients)
        assert frame["event"] == "error"

    def test_a_socket_io_event_on_a_native_connection_is_an_invalid_packet(
        self, clients: Clients
    ) -> None:
        with pytest.raises(InvalidPacket):
            clients.send("n1", "call:end", {"callId": "x"})

    def test_a_native_frame_on_a_socket_io_connection_closes_it(self, clients: Clients) -> None:
        clients.send("u1", "call:end", {}, namespace=None, wire=Wire.NATIVE)
        assert clients.fakes.connections.closed == ["u1"]


class Text(Inbound, frozen=True):
    text: str


def with_handlers() -> Registry:
    """Handlers that go wrong in the ways in which handlers do."""
    product = Product("broken")

    @product.on("crash", namespaces=[USER.path], error_event="call:error")
    def crash(context: Context, _: None) -> None:
        raise ZeroDivisionError("internal detail")

    @product.on("refuse", namespaces=[USER.path], payload=Text, error_event="call:error")
    def refuse(context: Context, request: Text) -> None:
        raise Refusal(request.text)

    @product.on("refuse elsewhere", namespaces=[USER.path])
    def refuse_elsewhere(context: Context, _: None) -> None:
        raise Refusal("no", event="special:error")

    def slow(_: Text) -> str:
        time.sleep(0.01)
        return "read before"

    @product.on("preloaded", namespaces=[USER.path], payload=Text, preload=slow)
    def preloaded(context: Context, request: Text) -> object:
        return {"preloaded": context.preloaded, "person": context.session.person_id}

    def failing(_: Text) -> None:
        raise ConnectionError("internal detail")

    @product.on("preload fails", namespaces=[USER.path], payload=Text, preload=failing)
    def never(context: Context, request: Text) -> None: ...

    return Registry([product])


class TestAHandler:
    @pytest.fixture(autouse=True)
    def use_handlers(self, clients: Clients) -> None:
        clients.registry = with_handlers()

    def test_that_crashes_is_answered_with_the_generic_text(self, clients: Clients) -> None:
        clients.send("u1", "crash")
        assert clients.events("u1") == [("call:error", {"message": INTERNAL})]
        assert clients.acks("u1") == [failure(INTERNAL)]

    def test_that_refuses_is_answered_as_it_says(self, clients: Clients) -> None:
        clients.send("u1", "refuse", {"text": "because"})
        clients.send("u1", "refuse elsewhere", ack=None)
        assert clients.events("u1") == [
            ("call:error", {"message": "because"}),
            ("special:error", {"message": "no"}),
        ]
        assert clients.acks("u1") == [failure("because")]

    def test_finds_what_its_preload_read(self, clients: Clients) -> None:
        clients.send("u1", "preloaded", {"text": "x", "unknown": 1})
        assert clients.acks("u1") == [{"preloaded": "read before", "person": "ulla"}]

    def test_whose_preload_fails_is_not_run(self, clients: Clients) -> None:
        clients.send("u1", "preload fails", {"text": "x"})
        assert [message for _, message in clients.events("u1")] == [{"message": INTERNAL}]
        assert clients.acks("u1") == [failure(INTERNAL)]

    def test_whose_payload_is_wrong_is_not_run(self, clients: Clients) -> None:
        clients.send("u1", "preloaded", {"text": 5})
        ((_, told),) = clients.events("u1")
        assert told["message"].startswith("text: ")


def test_an_admin_is_answered_with_the_counts(clients: Clients) -> None:
    stage.connect(ADMIN.path, "ada", "a1")
    clients.send("a1", "presence:request-counts", namespace=ADMIN.path)
    assert clients.events("a1") == [
        (
            "presence:counts",
            {"onlineUsers": 0, "onlineTelecallers": 0, "timestamp": "2026-01-19T10:30:00.000Z"},
        )
    ]
    assert clients.acks("a1") == [None]
