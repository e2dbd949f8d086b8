"""What can happen between a caller's ``call:initiate`` and the ringing call."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from msgspec.structs import replace

from functions.calls import initiating, starting
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.state import Trigger
from functions.products import REGISTRY
from local.accounts import save as save_account
from shared.aws.tables import transact
from shared.calling.telling import tell
from shared.errors import INTERNAL
from shared.identity.accounts import Account
from shared.pipeline import departure, greeting
from shared.pipeline.context import Arrival
from shared.realtime import connections, people
from shared.realtime.address import Address, Delivery, Wire
from shared.realtime.emitter import Emitter
from tests.integration import stage
from tests.integration.chat import Overtaken
from tests.integration.clients import UNREACHABLE, Clients, failure

INITIATE = {"telecallerId": "tina", "callType": "AUDIO"}
OTHER = f"{1:024x}"
ULLA = Account(id="ulla", role="USER", name="Ulla")
SUSPENDED = replace(ULLA, account_status="SUSPENDED")
TINA = Account(id="tina", role="TELECALLER", name="Tina", approval_status="APPROVED")
PENDING = replace(TINA, approval_status="PENDING")


def names(clients: Clients, device: str) -> list[str]:
    """Return the names of the events that a device received."""
    return [name for name, _ in clients.events(device)]


def statuses() -> list[str]:
    """Return the statuses of the finished calls."""
    return [record.status for record in stage.records()]


def test_a_telecaller_without_any_device_left_is_unavailable_and_both_are_free(
    clients: Clients,
) -> None:
    clients.fakes.connections.gone = {"t1", "t2"}
    assert clients.initiate() == ""
    assert clients.events("u1") == [("call:error", {"message": UNREACHABLE})]
    assert clients.acks("u1") == [failure(UNREACHABLE)]
    assert names(clients, "u2") == ["call:missed"], "it may show the call, read on its first screen"
    assert set(clients.fakes.tasks.ended_connections) == {"t1", "t2"}
    assert stage.free("ulla", "tina")
    assert statuses() == ["MISSED"]


def test_a_call_whose_timer_cannot_be_started_ends_at_once(clients: Clients) -> None:
    clients.fakes.tasks.ring_error = TimeoutError("no state machine")
    assert clients.initiate() == ""
    assert clients.events("u1") == [("call:error", {"message": INTERNAL})]
    assert clients.acks("u1") == [failure(INTERNAL)]
    assert names(clients, "u2") == ["call:ended"], "it may show the call, read on its first screen"
    for device in ("t1", "t2"):
        assert names(clients, device) == ["call:incoming", "call:cancelled"]
    assert stage.free("ulla", "tina")
    assert statuses() == ["CANCELLED"]


def act_first(
    clients: Clients,
    monkeypatch: pytest.MonkeyPatch,
    event: str,
    error: Exception | None = None,
) -> None:
    """Let the telecaller act before the timer starts. If ``error`` is given, the start fails."""

    def ring(*, call_id: str, person: str, seconds: int) -> None:
        clients.telecaller(event, call_id)
        if error:
            raise error

    monkeypatch.setattr(clients.fakes.tasks, "ring", ring)


def test_an_answered_call_needs_no_timer(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    act_first(clients, monkeypatch, "call:accept", TimeoutError("no state machine"))
    call_id = clients.initiate()
    assert clients.acks("u1") == [{"callId": call_id}]
    assert {*names(clients, "u1")} == {"call:ringing", "call:accepted"}
    assert {*names(clients, "t1")} == {"call:incoming", "call:accepted"}
    assert stage.call_of(stage.telecaller("tina")).status == "ACCEPTED"
    clients.telecaller("call:end", call_id)
    assert clients.fakes.tasks.rooms == [call_id]


def test_the_user_receives_the_accept_after_the_ring(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(emit: Emitter, *deliveries: Delivery) -> bool:
        """Let the telecaller accept while it is on its way that the call rings."""
        if deliveries[0].event == "call:ringing":
            clients.telecaller("call:accept", stage.call_of(stage.telecaller("tina")).id)
        return tell(emit, *deliveries)

    monkeypatch.setattr(initiating, "tell", overtaken)
    call_id = clients.initiate()
    heard = clients.events("u1")
    assert [name for name, _ in heard] == ["call:accepted", "call:ringing", "call:accepted"]
    assert heard[0][1] == heard[-1][1]
    assert clients.acks("u1") == [{"callId": call_id}]


@pytest.mark.parametrize("error", [None, TimeoutError("no state machine")])
def test_the_user_receives_the_end_of_a_call_that_ends_before_its_timer_starts(
    clients: Clients, monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    act_first(clients, monkeypatch, "call:reject", error)
    call_id = clients.initiate()
    for device in ("u1", "u2"):
        assert clients.events(device) == [("call:rejected", {"callId": call_id})]
    assert clients.acks("u1") == [{"callId": call_id}]


@pytest.mark.parametrize("broken", [{"t2"}, {"t1", "t2"}, {"u2"}])
def test_a_post_that_fails_cancels_nothing(clients: Clients, broken: set[str]) -> None:
    clients.fakes.connections.broken = broken
    call_id = clients.initiate()
    assert clients.acks("u1") == [{"callId": call_id}]
    assert names(clients, "u1") == ["call:ringing"]
    for device in {"t1", "t2"} - broken:
        assert names(clients, device) == ["call:incoming"]
    assert stage.call_of(stage.telecaller("tina")).status == "RINGING"


@pytest.mark.parametrize(
    ("event", "by", "others"),
    [
        ("call:accept", "t1", {"u1": "call:accepted", "u2": "call:accepted"}),
        ("call:reject", "t1", {"u1": "call:rejected", "u2": "call:rejected"}),
        ("call:cancel", "u1", {"t1": "call:cancelled", "u2": "call:ended"}),
    ],
)
def test_a_transition_of_which_one_device_receives_nothing_is_acknowledged(
    clients: Clients, event: str, by: str, others: dict[str, str]
) -> None:
    call_id = clients.initiate()
    clients.forget()
    clients.fakes.connections.broken = {"t2"}
    namespace = TELECALLER.path if by == "t1" else USER.path
    clients.send(by, event, {"callId": call_id}, namespace=namespace)
    assert clients.acks(by) == [None]
    for device, expected in others.items():
        assert names(clients, device) == [expected]


def test_a_device_that_joins_before_the_call_starts_rings_once(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    def join() -> None:
        stage.connect(TELECALLER.path, "tina", "t3")

    monkeypatch.setattr(starting, "transact", Overtaken(transact, join))
    clients.initiate()
    for device in ("t1", "t2", "t3"):
        assert names(clients, device) == ["call:incoming"]


def greet(clients: Clients, connection_id: str) -> None:
    """Run what the products do when a client has joined."""
    row = connections.get(connection_id)
    assert row
    greeting.greet(
        REGISTRY,
        clients.fakes.ports,
        Arrival.of_opening(row),
        connection=row,
        session=row.all_sessions()[0],
        auth={},
    )


def test_a_device_that_joins_while_it_rings_rings(clients: Clients) -> None:
    clients.initiate()
    stage.connect(TELECALLER.path, "tina", "t3")
    greet(clients, "t3")
    assert clients.events("t3") == clients.events("t1")
    assert names(clients, "t3") == ["call:incoming"]


def test_a_device_that_rings_does_not_ring_again_when_it_is_greeted(clients: Clients) -> None:
    clients.initiate()
    greet(clients, "t1")
    assert names(clients, "t1") == ["call:incoming"]


def test_a_device_that_joins_when_the_call_is_answered_does_not_ring(clients: Clients) -> None:
    call_id = clients.initiate()
    clients.telecaller("call:accept", call_id)
    stage.connect(TELECALLER.path, "tina", "t3")
    greet(clients, "t3")
    assert clients.events("t3") == []


def another_user_calls() -> None:
    assert stage.start(OTHER, "uma", "tina") is None


def another_user_hangs_up() -> None:
    assert stage.finish(stage.rows("tina", "uma"), OTHER, Trigger.CANCEL)


@pytest.mark.parametrize(
    ("happens", "passes"),
    [
        (another_user_calls, another_user_hangs_up),
        (partial(save_account, SUSPENDED), partial(save_account, ULLA)),
        (partial(save_account, PENDING), partial(save_account, TINA)),
    ],
    ids=["busy", "suspended", "unapproved"],
)
def test_a_refused_initiate_starts_no_call_when_it_is_delivered_again(
    clients: Clients, happens: Callable[[], None], passes: Callable[[], None]
) -> None:
    happens()
    assert clients.initiate() == ""
    passes()
    clients.forget()
    clients.send("u1", "call:initiate", INITIATE, again=True)
    assert clients.fakes.connections.posted == []
    assert stage.free("ulla", "tina")
    assert clients.initiate()


def leave_namespace(clients: Clients, connection_id: str) -> None:
    """End the connection's session in the namespace; the connection stays."""
    connection = connections.get(connection_id)
    assert connection
    assert departure.end_session(REGISTRY, clients.fakes.ports, connection, USER.path)


def drop(clients: Clients, connection_id: str) -> None:
    clients.fakes.connections.gone.add(connection_id)
    departure.end_connection(REGISTRY, clients.fakes.ports, connection_id)


@pytest.mark.parametrize("leave", [drop, leave_namespace])
def test_a_call_is_missed_if_its_caller_leaves_just_before_it_starts(
    clients: Clients, monkeypatch: pytest.MonkeyPatch, leave: Callable[[Clients, str], None]
) -> None:
    leave(clients, "u2")
    monkeypatch.setattr(starting, "transact", Overtaken(transact, partial(leave, clients, "u1")))
    clients.send("u1", "call:initiate", INITIATE)
    for device in ("t1", "t2"):
        assert names(clients, device) == ["call:incoming", "call:missed"]
    assert stage.free("ulla", "tina")
    assert statuses() == ["MISSED"]


def test_a_call_rings_if_another_device_of_its_caller_stays(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "transact", Overtaken(transact, partial(drop, clients, "u1")))
    clients.send("u1", "call:initiate", INITIATE)
    assert names(clients, "u2") == ["call:ringing"]
    assert not stage.free("ulla", "tina")


def test_a_device_that_calls_before_it_can_be_reached_receives_ringing(clients: Clients) -> None:
    for device in ("u1", "u2"):
        people.leave(Address(USER.path, Wire.SOCKETIO, device), "ulla")
    assert clients.initiate()
    assert names(clients, "u1") == ["call:ringing"]
    assert not stage.free("ulla", "tina")
