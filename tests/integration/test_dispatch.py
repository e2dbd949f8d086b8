"""The pipeline around every handler, with the real tables and recorded posts."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from functions.calls.namespaces import TELECALLER, USER
from functions.products import REGISTRY
from shared.aws.log import logger
from shared.errors import INTERNAL, Refusal
from shared.pipeline import departure
from shared.pipeline.context import Context, Decided
from shared.pipeline.declarations import TOO_MANY_REQUESTS, Limit
from shared.pipeline.payloads import Inbound
from shared.pipeline.product import Product
from shared.pipeline.registry import Registry
from shared.protocol.errors import InvalidPacket
from shared.realtime import connections, lifecycle, people, session_store
from shared.realtime.address import Address, Wire
from shared.realtime.connections import Connection
from shared.realtime.namespaces import ADMIN
from shared.settings import settings
from tests.conftest import UseSettings
from tests.fakes import NOW_MS
from tests.integration import stage
from tests.integration.clients import CALLEE, Clients, failure


def test_frames_carry_the_namespace(clients: Clients) -> None:
    call_id = clients.initiate()
    ((frame),) = clients.fakes.connections.to("t1")
    assert frame.startswith('42/telecaller,["call:incoming",{')
    assert clients.fakes.connections.to("u1")[-1] == f'43/user,1[{{"callId":"{call_id}"}}]'


def test_an_event_that_asks_for_no_acknowledgement_gets_none(clients: Clients) -> None:
    payload = {"telecallerId": "tina", "callType": "VIDEO"}
    clients.send("u1", "call:initiate", payload, ack=None)
    assert [name for name, _ in clients.events("u1")] == ["call:ringing"]
    assert clients.acks("u1") == []


def test_an_acknowledgement_may_have_the_id_zero(clients: Clients) -> None:
    clients.send("u1", "call:cancel", {}, ack=0)
    assert clients.fakes.connections.to("u1")[-1].startswith("43/user,0[")


def test_a_post_to_a_gone_connection_starts_its_disconnect_task(
    clients: Clients,
) -> None:
    clients.fakes.connections.gone = {"t2", "u2"}
    call_id = clients.initiate()
    assert call_id
    assert sorted(clients.fakes.tasks.ended_connections) == ["t2", "u2"]
    assert [name for name, _ in clients.events("t1")] == ["call:incoming"]
    assert stage.call_of(stage.telecaller("tina")).id == call_id


def test_a_disconnect_task_that_cannot_be_started_does_not_disturb_the_sender(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(_: str) -> None:
        raise PermissionError

    clients.fakes.connections.gone = {"t2"}
    monkeypatch.setattr(clients.fakes.tasks, "end_connection", denied)
    assert clients.initiate()
    assert [name for name, _ in clients.events("t1")] == ["call:incoming"]
    assert [name for name, _ in clients.events("u1")] == ["call:ringing"]


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
def test_an_event_of_a_person_is_limited_per_minute_over_all_devices(
    clients: Clients, event: str, namespace: str, allowed: int, answer: tuple[str, str]
) -> None:
    request = {"callId": f"{9:024x}", "telecallerId": "nobody", "callType": "AUDIO"}
    devices = ("u1", "u2") if namespace == USER.path else ("t1", "t2")

    def error_after(number: int) -> tuple[str, str]:
        clients.forget()
        device = devices[number % 2]
        clients.send(device, event, request, namespace=namespace)
        ((name, payload),) = clients.events(device)
        return name, payload["message"].removesuffix(" Please wait a moment.")

    assert answer not in [error_after(number) for number in range(allowed)]
    assert error_after(0) == answer
    clients.fakes.clock.now += 60_000
    assert error_after(0) != answer


def test_an_unknown_event_is_named_in_the_error(clients: Clients) -> None:
    clients.send("u1", "call:teleport", {"callId": "x"})
    ((name, error),) = clients.events("u1")
    assert name == "error"
    assert "call:teleport" in error["message"]
    assert clients.acks("u1") == [failure(error["message"])]


def test_an_event_of_another_namespace_is_unknown(clients: Clients) -> None:
    clients.send("u1", "call:accept", {"callId": "x"})
    assert [name for name, _ in clients.events("u1")] == ["error"]


def test_a_decoding_error_is_answered_with_the_event_s_error_event(clients: Clients) -> None:
    clients.send("u1", "call:cancel", refusal="callId: number out of range")
    text = "callId: number out of range"
    assert clients.events("u1") == [("call:error", {"message": text})]
    assert clients.acks("u1") == [failure(text)]
    clients.forget()
    clients.send("u1", "", refusal="event name must not be empty")
    assert clients.events("u1") == [("error", {"message": "event name must not be empty"})]


@pytest.mark.parametrize("connection_id", ["nobody", "joined nothing"])
def test_a_connection_that_is_in_no_namespace_is_closed(
    clients: Clients, connection_id: str
) -> None:
    connections.create(Connection("joined nothing", wire="s", expires_at=stage.EXPIRES_AT))
    clients.send(connection_id, "call:end", {"callId": "x"}, namespace=TELECALLER.path)
    assert clients.fakes.connections.closed == [connection_id]
    assert clients.fakes.connections.posted == []


def test_an_event_for_a_namespace_that_the_connection_has_not_joined_is_dropped(
    clients: Clients,
) -> None:
    """The connection stays open: a call may be going on in the namespace that it has joined."""
    for ack in (None, 7):
        clients.send("u1", "call:end", {"callId": "x"}, namespace=TELECALLER.path, ack=ack)
    assert clients.fakes.connections.closed == []
    refused = '43/telecaller,7[{"error":{"message":"Invalid namespace"}}]'
    assert clients.fakes.connections.to("u1") == [refused]


def test_a_connection_that_is_leaving_is_closed(clients: Clients) -> None:
    lifecycle.mark_leaving("u1")
    clients.send("u1", "call:initiate", {"telecallerId": "tina", "callType": "AUDIO"})
    assert clients.fakes.connections.closed == ["u1"]
    assert stage.free("ulla", "tina")


class TestLastWords:
    """What arrived before its client's goodbye is served, if it is handled a moment after it."""

    def cancels_last(self, clients: Clients, left_ms: int) -> str:
        """Cancel a call with a frame that is handled after the end at ``left_ms``."""
        call_id = clients.initiate()
        lifecycle.mark_leaving("u1", left_ms)
        clients.send("u1", "call:cancel", {"callId": call_id})
        return call_id

    def test_of_a_connection(self, clients: Clients) -> None:
        call_id = self.cancels_last(clients, NOW_MS + 2)
        assert clients.events("t1")[-1] == ("call:cancelled", {"callId": call_id})

    def test_but_not_what_arrived_after_the_end(self, clients: Clients) -> None:
        self.cancels_last(clients, NOW_MS + 1)
        assert clients.fakes.connections.closed == ["u1"]
        assert not stage.free("ulla", "tina")

    def test_nor_after_the_backend_has_ended_the_connection(self, clients: Clients) -> None:
        call_id = clients.initiate()
        for left_ms in (0, NOW_MS + 10):  # API Gateway reports the end, too
            lifecycle.mark_leaving("u1", left_ms)
        clients.send("u1", "call:cancel", {"callId": call_id})
        assert clients.fakes.connections.closed == ["u1"]
        assert not stage.free("ulla", "tina")

    def test_of_a_session(self, clients: Clients) -> None:
        call_id = clients.initiate()
        row = connections.get("u1")
        assert row
        session_store.mark_ended(row, USER.path, NOW_MS + 2)
        for event in ("call:cancel", "call:end"):
            clients.send("u1", event, {"callId": call_id})
        assert clients.acks("u1") == [{"callId": call_id}, None]
        assert clients.fakes.connections.closed == ["u1"]

    def test_the_consequences_wait_for_them(
        self, clients: Clients, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slept: list[float] = []
        monkeypatch.setattr(time, "sleep", slept.append)
        departure.end_connection(REGISTRY, clients.fakes.ports, "u1", NOW_MS - 200)
        assert slept == [pytest.approx(settings().last_words_seconds - 0.2)]
        departure.end_connection(REGISTRY, clients.fakes.ports, "t1")
        assert len(slept) == 1


def test_an_event_makes_its_session_reachable(clients: Clients) -> None:
    """A native client may send before the opener has run."""
    stage.connect(USER.path, "nina", "n1", Wire.NATIVE)
    address = Address(USER.path, Wire.NATIVE, "n1")
    people.leave(address, "nina")
    connections.Connection("n1").update([connections.Connection.joining.add({USER.path})])
    payload = {"telecallerId": "tina", "callType": "AUDIO"}
    clients.send("n1", "call:initiate", payload, namespace=None, ack="a", wire=Wire.NATIVE)
    assert people.get(USER.path, "nina").addresses == [address]
    clients.telecaller("call:accept", stage.call_of(stage.telecaller("tina")).id)
    frames = [json.loads(frame) for frame in clients.fakes.connections.to("n1")]
    assert [one.get("event") for one in frames] == ["call:ringing", None, "call:accepted"]


class TestNative:
    """The same with native frames, which carry no namespace."""

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

    @pytest.mark.parametrize(("ack", "frames"), [(1, [{"ack": 1, "data": None}]), (None, [])])
    def test_a_ping_only_keeps_the_connection(
        self, ack: int | None, frames: list[Any], clients: Clients
    ) -> None:
        clients.send("n1", "ping", namespace=None, ack=ack, wire=Wire.NATIVE)
        assert self.frames(clients) == frames

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
    """Return a registry with handlers that fail in every way in which handlers can fail."""
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

    add_answers(product)
    return Registry([product])


def add_answers(product: Product) -> None:
    """Add handlers that are answered in every other way."""

    def load(context: Context, request: Text) -> str:
        return f"{context.session.person_id} {request.text}"

    limit = Limit("limit_call_end_per_minute")

    @product.on("loaded", namespaces=[USER.path], payload=Text, limit=limit, load=load)
    def loaded(context: Context, request: Text) -> object:
        return context.loaded

    @product.on("decided", namespaces=[USER.path], payload=Text)
    def decided(context: Context, request: Text) -> Decided[str]:
        def tell() -> None:
            context.emit.post("u2", request.text)
            if request.text == "fails":
                raise ConnectionError("internal detail")

        return Decided("stands", tell)


class TestAHandler:
    @pytest.fixture(autouse=True)
    def use_handlers(self, clients: Clients) -> None:
        clients.registry = with_handlers()

    def test_that_crashes_is_answered_with_the_generic_text(self, clients: Clients) -> None:
        clients.send("u1", "crash")
        assert clients.events("u1") == [("call:error", {"message": INTERNAL})]
        assert clients.acks("u1") == [failure(INTERNAL)]

    def test_that_crashes_is_acknowledged_even_if_the_error_event_cannot_be_posted(
        self, clients: Clients, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        post = clients.fakes.connections.post

        def no_events(connection_id: str, frame: str) -> bool:
            if frame.startswith("42"):
                raise TimeoutError
            return post(connection_id, frame)

        monkeypatch.setattr(clients.fakes.connections, "post", no_events)
        with pytest.raises(TimeoutError):
            clients.send("u1", "crash")
        assert clients.acks("u1") == [failure(INTERNAL)]

    def test_that_refuses_is_answered_with_its_text_and_its_error_event(
        self, clients: Clients
    ) -> None:
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
        assert logger.get_current_keys()["event_name"] == "preload fails"
        assert [message for _, message in clients.events("u1")] == [{"message": INTERNAL}]
        assert clients.acks("u1") == [failure(INTERNAL)]

    def test_finds_what_has_been_loaded_for_its_session(
        self, clients: Clients, use_settings: UseSettings
    ) -> None:
        use_settings(limit_call_end_per_minute=1)
        for _ in range(2):
            clients.send("u1", "loaded", {"text": "x"})
        assert clients.acks("u1") == ["ulla x", failure(TOO_MANY_REQUESTS)]

    @pytest.mark.parametrize(("text", "times"), [("told", 1), ("fails", 2)])
    def test_that_has_decided_is_acknowledged_whether_or_not_it_can_tell(
        self, clients: Clients, text: str, times: int
    ) -> None:
        clients.send("u1", "decided", {"text": text})
        clients.send("u1", "decided", {"text": text}, ack=None)
        assert clients.acks("u1") == ["stands"]
        assert clients.fakes.connections.to("u2") == [text] * 2 * times

    def test_whose_payload_is_wrong_is_not_run(self, clients: Clients) -> None:
        clients.send("u1", "preloaded", {"text": 5})
        ((_, error),) = clients.events("u1")
        assert error["message"].startswith("text: ")


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
