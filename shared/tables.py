"""What the DynamoDB models have in common: where their table is, one client, retries.

Models are declared at import and find their table's name on first use.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pynamodb.connection import Connection as DynamoDBConnection
from pynamodb.exceptions import PutError, PynamoDBException, TransactWriteError, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from shared import aws
from shared.pause import pause
from shared.settings import settings

if TYPE_CHECKING:
    from pynamodb.connection.table import TableConnection
    from pynamodb.exceptions import CancellationReason

CONDITION_FAILED = "ConditionalCheckFailed"
_CONTENDED = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
_IN_A_TRANSACTION = "TransactionConflictException"

_pause = partial(pause, first=0.02, longest=0.5)

T = TypeVar("T")


class TableName:
    """``table_name`` of a model's ``Meta``: read from the settings when it is first needed."""

    def __init__(self, setting: str) -> None:
        self._setting = setting

    def __get__(self, instance: object, owner: type) -> str:
        return str(getattr(settings(), self._setting))


def _use_shared_client(connection: Any) -> None:
    connection._client = aws.client("dynamodb")


class Table(Model):
    """A model on the process's one DynamoDB client.

    pynamodb makes a client per model, each of which costs tens of milliseconds of a cold start.
    """

    @classmethod
    def _get_connection(cls) -> TableConnection:
        table = super()._get_connection()
        _use_shared_client(table.connection)
        return table

    def save(self, *args: Any, **arguments: Any) -> dict[str, Any]:
        return _past_transactions(lambda: super(Table, self).save(*args, **arguments))

    def update(self, *args: Any, **arguments: Any) -> Any:
        return _past_transactions(lambda: super(Table, self).update(*args, **arguments))

    def delete(self, *args: Any, **arguments: Any) -> Any:
        return _past_transactions(lambda: super(Table, self).delete(*args, **arguments))

    def save_if(self, condition: Condition) -> bool:
        """``save``; False, and nothing written, where the condition does not hold."""
        return _held(lambda: self.save(condition=condition))

    def update_if(self, actions: Sequence[Action], condition: Condition) -> bool:
        """``update``; False, and nothing written, where the condition does not hold."""
        return _held(lambda: self.update(actions, condition=condition))


def _past_transactions(write: Callable[[], T]) -> T:
    """A single write is refused while a transaction has its item; the SDK does not try it again.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
    """
    for attempt in range(1, settings().transaction_attempts):
        try:
            return write()
        except PynamoDBException as error:
            if error.cause_response_code != _IN_A_TRANSACTION:
                raise
        _pause(attempt)
    return write()


def _held(write: Callable[[], Any]) -> bool:
    """Whether the condition of a single-item write held; raises what else it was refused for."""
    try:
        write()
    except (PutError, UpdateError) as error:
        if error.cause_response_code == "ConditionalCheckFailedException":
            return False
        raise
    return True


class TransactionRefused(Exception):
    """A transaction's condition did not hold.

    ``reasons``: one per item in request order, None where it was not this item's; ``raw_item`` of
    a reason is the row as it stood, where that was asked for.
    """

    def __init__(self, reasons: list[CancellationReason | None]) -> None:
        super().__init__(", ".join(reason.code if reason else "-" for reason in reasons))
        self.reasons = reasons


def transact(add_items: Callable[[TransactWrite], Any], token: str | None = None) -> None:
    """Commit the writes that ``add_items`` adds, all or none.

    pynamodb sends them as condition checks, deletes, puts, updates, in that order. Contention is
    tried again with jitter under the same client token, so an attempt whose answer was lost is not
    applied twice; give a ``token`` that says what is written and neither is a whole repeated
    invocation, within DynamoDB's 10 minutes. Raises ``TransactionRefused`` when a condition fails.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
    """
    connection = DynamoDBConnection()
    _use_shared_client(connection)
    token = token or uuid.uuid4().hex
    attempts = settings().transaction_attempts
    for attempt in range(1, attempts + 1):
        try:
            with TransactWrite(connection=connection, client_request_token=token) as transaction:
                add_items(transaction)
        except TransactWriteError as error:
            reasons = error.cancellation_reasons
            if any(reason and reason.code == CONDITION_FAILED for reason in reasons):
                raise TransactionRefused(reasons) from error
            contended = any(reason and reason.code in _CONTENDED for reason in reasons)
            in_progress = error.cause_response_code == "TransactionInProgressException"
            if attempt == attempts or not (contended or in_progress):
                raise
            _pause(attempt)
        else:
            return
