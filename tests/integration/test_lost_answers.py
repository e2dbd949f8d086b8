"""Writes whose answer is lost. The SDK repeats them; they must not fail on their own success."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from functions.chat import call_rows
from shared.aws import clients as aws
from tests.fakes import Fakes
from tests.integration import stage
from tests.integration.chat import Chat
from tests.integration.clients import Clients
from tests.integration.engines import Engine
from tests.integration.test_transactions import answer

WRITES = ("UpdateItem", "TransactWriteItems")


class LosesAnswers:
    """Between the client and the engine: lets writes reach the engine and loses their answers.

    lose: how many answers of writes that mention ``about`` are lost from now on.
    """

    def __init__(self) -> None:
        self.lose = 0
        self.about = ""
        self.lost: list[str] = []
        self._endpoint = aws.client("dynamodb")._endpoint  # type: ignore[attr-defined]

    def before_send(self, request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        target = request.headers["X-Amz-Target"]
        operation = (target if isinstance(target, str) else target.decode()).split(".")[-1]
        assert isinstance(request.body, str | bytes)
        body = request.body if isinstance(request.body, str) else request.body.decode()
        if not self.lose or operation not in WRITES or self.about not in body:
            return None
        self.lose -= 1
        self.lost.append(operation)
        assert self._endpoint.http_session.send(request).status_code == 200
        failed = answer("InternalServerError")
        failed.status_code = 500
        return failed


@pytest.fixture
def network(
    tables: object, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LosesAnswers]:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    network = LosesAnswers()
    with engine.by_sdk(network.before_send):
        yield network


def names(fakes: Fakes, connection_id: str) -> list[str]:
    return [name for name, _ in fakes.events(connection_id)]


@pytest.mark.parametrize("lost", [1, 3])
def test_an_accept(clients: Clients, network: LosesAnswers, lost: int) -> None:
    call_id = clients.initiate()
    clients.forget()
    network.lose, network.about = lost, "acceptedBy"
    clients.telecaller("call:accept", call_id)
    assert network.lost == ["UpdateItem"] * lost
    assert clients.acks("t1") == [None]
    for device in ("t1", "u1", "u2"):
        assert names(clients.fakes, device) == ["call:accepted"]
    assert names(clients.fakes, "t2") == ["call:cancelled"]


def test_a_start(clients: Clients, network: LosesAnswers) -> None:
    network.lose, network.about = 2, "peerName"
    call_id = clients.initiate()
    assert network.lost == ["TransactWriteItems"] * 2
    assert call_id
    assert names(clients.fakes, "t1") == ["call:incoming"]
    assert names(clients.fakes, "u1") == ["call:ringing"]


@pytest.mark.parametrize(
    ("event", "by", "expected"),
    [
        ("call:reject", "t1", "call:rejected"),
        ("call:cancel", "u1", "call:cancelled"),
        ("call:end", "t1", "call:ended"),
        ("call:end", "u1", "call:ended"),
    ],
)
def test_an_end(
    clients: Clients, network: LosesAnswers, event: str, by: str, expected: str
) -> None:
    call_id = clients.initiate()
    if event == "call:end":
        clients.telecaller("call:accept", call_id)
    clients.forget()
    network.lose, network.about = 2, "callerId"
    if by == "t1":
        clients.telecaller(event, call_id)
    else:
        clients.send(by, event, {"callId": call_id})
    assert network.lost == ["TransactWriteItems"] * 2
    assert clients.acks(by) == [None]
    assert names(clients.fakes, "u1" if by == "t1" else "t1") == [expected]
    assert stage.free("ulla", "tina")


@pytest.fixture
def chat(tables: object, fakes: Fakes) -> Chat:
    """Anna and Bert with one tab each."""
    chat = Chat(fakes)
    for person, tab in (("anna", "a1"), ("bert", "b1")):
        chat.tab(person, tab)
    return chat


def test_an_invite_and_its_answer(chat: Chat, network: LosesAnswers) -> None:
    network.lose, network.about = 2, "callerTab"
    chat.send("a1", "call:invite", {"targetUserId": "bert", "callType": "audio", "offer": 1})
    call_id = chat.answer("a1")["callId"]
    assert names(chat.fakes, "b1") == ["call:incoming"]
    network.lose, network.about = 2, "acceptedBy"
    chat.send("b1", "call:accept", {"callId": call_id, "answer": 2})
    assert chat.answer("b1") is None
    assert names(chat.fakes, "a1") == ["call:accepted"]
    network.lose, network.about = 2, "callerId"
    chat.send("b1", "call:end", {"callId": call_id})
    assert chat.answer("b1") is None
    assert names(chat.fakes, "a1") == ["call:accepted", "call:ended"]
    assert network.lost == ["TransactWriteItems"] * 2 + ["UpdateItem"] * 2 + network.lost[:2]
    assert call_rows.get(call_id) is None
