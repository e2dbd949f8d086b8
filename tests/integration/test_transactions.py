"""Contention. No engine here shows it, so its answers replace those of the engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from pynamodb.exceptions import PynamoDBException, TransactWriteError

from functions.calls.namespaces import USER
from functions.calls.state import Trigger
from shared.aws.tables import Transaction, TransactionRefused, transact
from shared.realtime import connections, lifecycle, people, session_store
from shared.realtime.address import Address, Wire
from shared.realtime.connections import Connection
from shared.realtime.people import Person
from tests.conftest import UseSettings
from tests.integration import stage
from tests.integration.engines import Engine

pytestmark = pytest.mark.usefixtures("tables")

CALL = f"{1:024x}"


class Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content


def answer(code: str, **more: object) -> AWSResponse:
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": code, **more}
    headers = HTTPHeaders()
    headers["content-type"] = "application/x-amz-json-1.0"
    return AWSResponse("", 400, headers, Body(json.dumps(body).encode()))


def cancelled(*codes: str) -> AWSResponse:
    reasons = [{"Code": code, "Message": code} for code in codes]
    return answer("TransactionCanceledException", CancellationReasons=reasons)


class Network:
    """Stands between the client and the engine: records requests, and may answer them itself."""

    def __init__(self) -> None:
        self.answers: list[AWSResponse] = []
        self.sent: list[dict[str, Any]] = []

    def before_send(self, request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        assert isinstance(request.body, str | bytes)
        self.sent.append(json.loads(request.body))
        return self.answers.pop(0) if self.answers else None

    @property
    def tokens(self) -> list[str]:
        return [body["ClientRequestToken"] for body in self.sent]


@pytest.fixture
def network(tables: object, engine: Engine) -> Iterator[Network]:
    network = Network()
    with engine.by_sdk(network.before_send):
        yield network


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the pauses between attempts, in seconds. No time passes in them."""
    slept: list[float] = []
    monkeypatch.setattr("shared.aws.retry.time.sleep", slept.append)
    return slept


def put_one(transaction: Transaction) -> None:
    transaction.put("one", Person("/user#one"))


def put_two(transaction: Transaction) -> None:
    put_one(transaction)
    transaction.put("two", Person("/user#two"))


CONTENTION = [
    cancelled("TransactionConflict"),
    cancelled("None", "TransactionConflict"),
    cancelled("ThrottlingError", "None"),
    cancelled("ProvisionedThroughputExceeded"),
]


@pytest.mark.parametrize("number", range(len(CONTENTION)))
def test_a_transaction_under_contention_is_tried_again_with_the_same_token(
    network: Network, pauses: list[float], number: int
) -> None:
    network.answers = [CONTENTION[number]] * 3
    transact(put_one)
    assert len(network.sent) == 4
    assert len(set(network.tokens)) == 1
    assert len(pauses) == 3
    assert all(0 <= pause <= 0.5 for pause in pauses)
    assert Person.count("/user#one") == 1


def test_a_given_token_is_used(network: Network) -> None:
    transact(put_one, token="a token")
    assert network.tokens == ["a token"]


def test_without_a_given_token_every_transaction_has_its_own(network: Network) -> None:
    transact(put_one)
    transact(put_one)
    assert len(set(network.tokens)) == 2


def test_a_transaction_under_endless_contention_is_given_up(
    network: Network, pauses: list[float], use_settings: UseSettings
) -> None:
    use_settings(transaction_attempts=5)
    network.answers = [cancelled("TransactionConflict")] * 9
    with pytest.raises(TransactWriteError):
        transact(put_one)
    assert len(network.sent) == 5
    assert len(pauses) == 4


def test_a_failed_condition_is_not_tried_again(network: Network) -> None:
    network.answers = [cancelled("None", "ConditionalCheckFailed")]
    with pytest.raises(TransactionRefused, match="two") as refused:
        transact(put_two)
    assert refused.value.failed("two")
    assert not refused.value.failed("one")
    assert len(network.sent) == 1


def test_a_failed_condition_beside_contention_is_not_tried_again(network: Network) -> None:
    network.answers = [cancelled("TransactionConflict", "ConditionalCheckFailed")]
    with pytest.raises(TransactionRefused):
        transact(put_two)
    assert len(network.sent) == 1


@pytest.mark.parametrize("response", ["ValidationError", "ItemCollectionSizeLimitExceeded"])
def test_a_permanent_error_is_not_tried_again(network: Network, response: str) -> None:
    network.answers = [cancelled(response)]
    with pytest.raises(TransactWriteError):
        transact(put_one)
    assert len(network.sent) == 1


def test_a_transaction_still_in_progress_is_sent_again(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.answers = [answer("TransactionInProgressException")] * 2
    transact(put_one)
    assert len(set(network.tokens)) == 1
    assert Person.count("/user#one") == 1


def test_a_call_starts_despite_contention(network: Network) -> None:
    stage.online("tina")
    network.answers = [cancelled("None", "TransactionConflict")] * 2
    assert stage.start(CALL, "ulla", "tina") is None
    assert stage.telecaller("tina").current_call


def test_a_call_ends_despite_contention(network: Network) -> None:
    stage.online("tina")
    stage.start(CALL, "ulla", "tina")
    rows = stage.rows("tina", "ulla")
    network.answers = [cancelled("None", "None", "TransactionConflict")] * 2
    assert stage.finish(rows, CALL, Trigger.CANCEL)
    assert stage.free("ulla", "tina")


# A single write that meets a transaction on the same item is refused, and the SDK does not try it
# again: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
CONFLICT = "TransactionConflictException"

SINGLE_WRITES: dict[str, Callable[[], object]] = {
    "accept": lambda: stage.accept("tina", CALL),
    "leave": lambda: not people.leave(Address(USER.path, Wire.SOCKETIO, "c1"), "ulla").online,
    "open": lambda: lifecycle.mark_opened("c1"),
    "begin to leave": lambda: lifecycle.mark_leaving("c1"),
    "begin a session": lambda: session_store.add_session("c2", stage.session_of(USER.path, "ulla")),
}


@pytest.fixture
def people_and_calls(tables: object) -> None:
    stage.connect(USER.path, "ulla", "c1")
    connections.create(Connection("c2", wire="s", expires_at=stage.EXPIRES_AT))
    stage.online("tina")
    stage.start(CALL, "ulla", "tina")


@pytest.mark.parametrize("write", list(SINGLE_WRITES))
def test_a_single_write_that_meets_a_transaction_is_tried_again(
    people_and_calls: None, network: Network, write: str
) -> None:
    network.answers = [answer(CONFLICT)] * 3
    assert SINGLE_WRITES[write]()
    assert network.sent.count(network.sent[0]) == 4


def test_a_single_write_that_always_meets_a_transaction_is_given_up(
    people_and_calls: None, network: Network, use_settings: UseSettings
) -> None:
    use_settings(transaction_attempts=4)
    network.answers = [answer(CONFLICT)] * 9
    with pytest.raises(PynamoDBException):
        stage.accept("tina", CALL)
    assert len(network.sent) == 4


def test_a_single_write_whose_condition_fails_is_not_tried_again(
    people_and_calls: None, network: Network
) -> None:
    assert stage.accept("tina", f"{9:024x}") is None
    assert len(network.sent) == 1
