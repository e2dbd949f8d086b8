"""The HTTP routes of the console, on real engines."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterator
from functools import partial
from typing import Any
from unittest.mock import Mock

import jwt
import msgspec
import pytest

from functions.backend import main as backend
from functions.calls.namespaces import TELECALLER, USER
from functions.calls.presence import stream
from functions.http import main
from functions.products import REGISTRY
from local.accounts import save as save_account
from shared import times
from shared.identity.accounts import Account
from shared.settings import Settings
from tests.fakes import JWT_SECRET, LIVEKIT_SECRET, NOW_MS, Fakes
from tests.integration import stage
from tests.integration.chat import Chat
from tests.integration.conftest import Race
from tests.integration.engines import Engine
from tests.integration.followed import following
from tests.integration.postponed import run_postponed

NO_TIMES: Any = {"verify_exp": False, "verify_nbf": False}
CALL = f"{times.sortable(NOW_MS)}{'0' * 13}"


class Console:
    """Sends requests of an admin, or of another person, as API Gateway does.

    Before a request, the streams are handled.
    """

    def __init__(self, fakes: Fakes, streamed: deque[dict[str, Any]]) -> None:
        self.fakes = fakes
        self._streamed = streamed

    def ask(
        self, key: str, body: object = None, who: str = "root", role: str = "ADMIN", **query: str
    ) -> tuple[int, Any]:
        """Return the status, and the body or the text of its error."""
        while self._streamed:
            records = [self._streamed.popleft()]
            stream.handler({"Records": records, "requestContext": {"requestId": "r"}}, None)
        self.fakes.clock.now += 1
        method, path = key.split(" ")
        claims = {"sub": who, "role": role, "name": who.title(), "exp": int(time.time()) + 600}
        event = {
            "version": "2.0",
            "rawPath": path,
            "headers": {"authorization": f"Bearer {jwt.encode(claims, JWT_SECRET)}"},
            "queryStringParameters": query,
            "body": json.dumps(body) if body is not None else None,
            "requestContext": {"http": {"method": method}, "stage": "$default"},
        }
        answer = main.handler(event, Mock(aws_request_id="r"))
        found = msgspec.json.decode(answer["body"])
        return answer["statusCode"], found.get("error", {}).get("message", found)

    def items(self, key: str, **query: str) -> list[Any]:
        status, body = self.ask(key, **query)
        assert status == 200, body
        found: list[Any] = body["items"]
        return found

    def log(self, **query: str) -> list[tuple[str, ...]]:
        """Return the audit log: action, subject, from, to and outcome, newest first."""
        names = ("adminName", "action", "subjectId", "from", "to", "outcome")
        return [
            tuple(one[name] for name in names) for one in self.items("GET /admin/audit", **query)
        ]


@pytest.fixture
def console(
    engine: Engine, tables: Settings, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Console]:
    """Return a console, with the streams of calls followed."""
    for module in (main, stream):
        monkeypatch.setattr(module, "ports", lambda: fakes.ports)

    streamed: deque[dict[str, Any]] = deque()
    with (
        following(engine, "people", streamed.append),
        following(engine, "calls", streamed.append),
    ):
        yield Console(fakes, streamed)


def a_call(*, answered_after: int | None = None, id_: str = CALL, rate: int = 10) -> None:
    """Let Ulla call Tina. If the call is answered, it goes on."""
    for path, person_id, connection_id in (
        (USER.path, "ulla", "u1"),
        (TELECALLER.path, "tina", "t1"),
    ):
        stage.connect(path, person_id, connection_id)
        role = REGISTRY.namespaces[path].role
        save_account(Account(id=person_id, role=role, name=person_id.title(), coins=1_000))
    assert stage.start(id_, "ulla", "tina", rate=rate) is None
    if answered_after is not None:
        assert stage.accept("tina", id_, NOW_MS + answered_after * 1_000)


def test_an_admin_finds_and_ends_a_call_that_goes_on(console: Console) -> None:
    a_call(answered_after=4)
    console.fakes.clock.now += 65_000
    (listed,) = console.items("GET /admin/calls/running")
    assert (listed["callId"], listed["status"]) == (CALL, "ACCEPTED")
    assert (listed["userName"], listed["telecallerName"]) == ("Ulla", "Tina")
    assert (listed["ringSeconds"], listed["durationSeconds"]) == (4, 61)
    for who, role in (("root", "ADMIN"), ("ulla", "USER"), ("tina", "TELECALLER")):
        status, found = console.ask(f"GET /calls/{CALL}", who=who, role=role)
        assert (status, found["callId"]) == (200, CALL)
    assert console.ask(f"GET /calls/{CALL}", who="other", role="USER")[0] == 404
    assert console.ask(f"POST /calls/{CALL}/end", {}, who="ulla", role="USER")[0] == 403
    for who, role in (("ulla", "USER"), ("tina", "TELECALLER")):
        status, room = console.ask(f"POST /calls/{CALL}/credentials", who=who, role=role)
        claims = jwt.decode(room["token"], LIVEKIT_SECRET, algorithms=["HS256"], options=NO_TIMES)
        assert (status, room["roomName"], claims["video"]["room"]) == (200, CALL, CALL)
        assert (claims["sub"], claims["name"]) == (who, f"Name of {who}")
    for who, role in (("root", "ADMIN"), ("other", "USER"), ("tina", "USER")):
        assert console.ask(f"POST /calls/{CALL}/credentials", who=who, role=role)[0] == 404
    status, ended = console.ask(f"POST /calls/{CALL}/end", {"reason": "complaint"})
    assert (status, ended["status"], ended["durationSeconds"], ended["coins"]) == (
        200, "COMPLETED", 61, 20,
    )  # fmt: skip
    assert console.fakes.events("u1") == [("call:ended", {"callId": CALL})]
    assert console.fakes.events("t1") == [("call:ended", {"callId": CALL})]
    assert (stage.user("ulla").coins, stage.telecaller("tina").coins) == (980, 1_020)
    assert console.items("GET /admin/calls/running") == []
    assert console.ask(f"POST /calls/{CALL}/end") == (200, ended)
    assert console.ask(f"GET /calls/{CALL}") == (200, ended)
    (recent,) = console.items("GET /admin/calls")
    assert recent["ringSeconds"] == 4
    assert recent.items() >= ended.items()
    assert console.log() == [
        ("Root", "call.end", CALL, "COMPLETED", "COMPLETED", "UNCHANGED"),
        ("Root", "call.end", CALL, "ACCEPTED", "COMPLETED", "DONE"),
    ]
    (_, first) = console.items("GET /admin/audit", subjectId=CALL)
    assert (first["reason"], first["adminId"]) == ("complaint", "root")
    _, stats = console.ask("GET /admin/calls/stats")
    assert stats["hour"] == stats["day"] | {"since": "2026-01-19T09:32:00.000Z"}
    assert stats["day"] == stats["days"][-1] == {
        "since": "2026-01-19T00:00:00.000Z", "calls": 1, "answered": 1, "missed": 0, "rejected": 0,
        "cancelled": 0, "answerRate": 1.0, "medianRingSeconds": 4.5, "averageSeconds": 61,
        "coins": 20,
    }  # fmt: skip
    assert len(stats["days"]) == 7


def test_a_call_that_rings_is_cancelled(console: Console) -> None:
    a_call()
    assert console.ask(f"POST /calls/{CALL}/credentials", who="ulla", role="USER")[0] == 404
    assert console.ask(f"POST /calls/{CALL}/end")[1]["status"] == "CANCELLED"
    assert console.fakes.events("u1") == [("call:ended", {"callId": CALL})]
    assert console.fakes.events("t1") == [("call:cancelled", {"callId": CALL})]
    assert console.log() == [("Root", "call.end", CALL, "RINGING", "CANCELLED", "DONE")]
    _, stats = console.ask("GET /admin/calls/stats")
    assert (stats["week"]["calls"], stats["week"]["answerRate"]) == (1, 0.0)
    assert stats["week"]["medianRingSeconds"] is None


@pytest.mark.parametrize(("answered", "status"), [(False, "CANCELLED"), (True, "COMPLETED")])
def test_an_admin_finds_and_ends_a_chat_call(
    console: Console, *, answered: bool, status: str
) -> None:
    chat = Chat(console.fakes)
    for person in ("anna", "bert"):
        chat.tab(person, person)
    chat.send("bert", "call:invite", {"targetUserId": "anna", "callType": "audio", "offer": {}})
    call_id = chat.answer("bert")["callId"]
    if answered:
        chat.send("anna", "call:accept", {"callId": call_id, "answer": {}})
    assert console.items("GET /admin/calls/running") == []
    (listed,) = console.items("GET /admin/calls/running", product="chat", limit="1")
    was = "ACCEPTED" if answered else "RINGING"
    assert (listed["callId"], listed["userId"], listed["status"]) == (call_id, "bert", was)
    for who, expected in (("root", 200), ("anna", 200), ("carl", 404)):
        role = "ADMIN" if who == "root" else "USER"
        assert console.ask(f"GET /calls/{call_id}", who=who, role=role)[0] == expected
    assert console.ask(f"POST /calls/{call_id}/end", {}, who="anna", role="USER")[0] == 403
    _, ended = console.ask(f"POST /calls/{call_id}/end", {"reason": "rude"})
    assert (ended["status"], ended["product"], ended["coins"]) == (status, "chat", 0)
    for tab in ("anna", "bert"):
        assert console.fakes.events(tab)[-1] == ("call:ended", {"callId": call_id})
    assert console.items("GET /admin/calls/running", product="chat") == []
    assert console.ask(f"POST /calls/{call_id}/end") == (200, ended)
    assert console.ask(f"GET /calls/{call_id}") == (200, ended)
    assert [one["callId"] for one in console.items("GET /admin/calls", product="chat")] == [call_id]
    assert console.log(subjectId=call_id) == [
        ("Root", "call.end", call_id, status, status, "UNCHANGED"),
        ("Root", "call.end", call_id, was, status, "DONE"),
    ]


def test_of_several_admins_one_ends_the_call(console: Console, race: Race) -> None:
    a_call(answered_after=1)
    end = partial(console.ask, f"POST /calls/{CALL}/end")
    assert {status for status, _ in race(*[end] * 4)} == {200}
    outcomes = [entry[-1] for entry in console.log()]
    assert sorted(outcomes) == ["DONE", "UNCHANGED", "UNCHANGED", "UNCHANGED"]


def test_what_does_not_exist_is_not_ended(console: Console) -> None:
    assert console.ask("POST /calls/unknown/end") == (404, "There is no such call")
    assert console.ask("GET /calls/unknown") == (404, "There is no such call")
    assert console.ask("POST /accounts/unknown/suspend") == (404, "There is no such account")
    for body, error in (
        ({"reason": 1}, "body.reason: expected str | null, got int"),
        ([], "body: expected object, got array"),
    ):
        assert console.ask(f"POST /calls/{CALL}/end", body) == (400, error)
    assert console.log() == []


def test_an_admin_finds_accounts_by_the_beginning_of_their_names(console: Console) -> None:
    names = {"a1": "Anna", "a2": "ANN Bee", "b": "Bert", "c": "Änne", "d": "", "e": "Ann#% x"}
    for id_, name in names.items():
        save_account(Account(id=id_, role="USER", name=name, account_status="SUSPENDED"))

    def found(name: str, **query: str) -> list[str]:
        return [one["_id"] for one in console.items("GET /accounts", name=name, **query)]

    assert found("ann") == ["a2", "e", "a1"]
    assert found("  Ann ") == ["a2", "e", "a1"]
    assert (found("ann#%"), found("Ä"), found("x"), found("annabelle")) == (["e"], ["c"], [], [])
    _, page = console.ask("GET /accounts", name="a", limit="2")
    assert found("a", limit="2", cursor=page["cursor"]) == ["a1"]
    assert found("b", cursor=page["cursor"]) == ["b"]
    assert console.ask("GET /accounts", name=" ")[0] == 400
    assert console.ask("GET /accounts", name="a", who="ulla", role="USER")[0] == 403


def test_an_admin_suspends_and_approves(console: Console) -> None:
    save_account(Account(id="tina", role="TELECALLER", name="Tina", coins=7))
    stage.connect(TELECALLER.path, "tina", "t1")
    assert console.items("GET /accounts/tina/sessions") == [
        {"namespace": TELECALLER.path, "devices": 1}
    ]
    assert console.ask("POST /accounts/tina/approve")[1]["approvalStatus"] == "APPROVED"
    deliver(console.fakes)
    assert console.fakes.tasks.expelled == []
    assert [one["_id"] for one in console.items("GET /telecallers")] == ["tina"]
    status, account = console.ask("POST /accounts/tina/suspend", {"reason": "rude"})
    assert (status, account["accountStatus"], account["approvalStatus"]) == (
        200, "SUSPENDED", "APPROVED",
    )  # fmt: skip
    deliver(console.fakes)
    assert console.fakes.tasks.expelled == [("t1", TELECALLER.path, "tina")]
    assert console.items("GET /telecallers") == []
    console.ask("POST /accounts/tina/suspend")
    deliver(console.fakes)
    assert len(console.fakes.tasks.expelled) == 2
    console.fakes.tasks.postponed.clear()
    console.fakes.tasks.bus_capacity = 0  # so the sessions follow only what was put off
    assert console.ask("POST /accounts/tina/suspend")[0] == 200
    assert len(console.fakes.tasks.expelled) == 2
    run_postponed(console.fakes)
    assert console.fakes.tasks.expelled[2:] == [("t1", TELECALLER.path, "tina")]
    console.ask("POST /accounts/tina/activate")
    run_postponed(console.fakes)
    assert len(console.fakes.tasks.expelled) == 3
    assert console.ask("GET /accounts/tina")[1]["coins"] == 7
    assert console.log(subjectId="tina") == [
        ("Root", "account.activate", "tina", "SUSPENDED", "ACTIVE", "DONE"),
        ("Root", "account.suspend", "tina", "SUSPENDED", "SUSPENDED", "UNCHANGED"),
        ("Root", "account.suspend", "tina", "SUSPENDED", "SUSPENDED", "UNCHANGED"),
        ("Root", "account.suspend", "tina", "ACTIVE", "SUSPENDED", "DONE"),
        ("Root", "account.approve", "tina", "PENDING", "APPROVED", "DONE"),
    ]
    page = console.ask("GET /admin/audit", limit="4")[1]
    (last,) = console.items("GET /admin/audit", cursor=page["cursor"])
    assert last["action"] == "account.approve"


def deliver(fakes: Fakes) -> None:
    """Handle what has been put on the bus."""
    while fakes.tasks.published:
        message = fakes.tasks.published.pop(0)
        event = {"detail-type": message.type, "detail": json.loads(message.data)}
        backend.deliver(REGISTRY, fakes.ports, event)
