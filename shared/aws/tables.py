"""What the DynamoDB models have in common: where their table is, one client, retries.

Models are declared at import and find their table's name on first use.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pynamodb.connection import Connection as DynamoDBConnection
from pynamodb.exceptions import (
    DeleteError,
    PutError,
    PynamoDBException,
    TransactWriteError,
    UpdateError,
)
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from shared.aws import clients
from shared.aws.retry import pause
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

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type) -> str:
        return settings().tables[self.name]


def _use_shared_client(connection: Any) -> None:
    connection._client = clients.client("dynamodb")


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

    def delete_if(self, condition: Condition) -> bool:
        """``delete``; False, and nothing deleted, if the condition does not hold."""
        return _held(lambda: self.delete(condition=condition))


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
    except (DeleteError, PutError, UpdateError) as error:
        if error.cause_response_code == "ConditionalCheckFailedException":
            return False
        raise
    return True


class Transaction:
    """Collects the items of one transaction, each under a name.

    The name of an item is what ``TransactionRefused`` calls it by when its condition fails. Two
    items may share a name when the writer treats their failure alike.
    """

    def __init__(self, write: TransactWrite) -> None:
        self._write = write
        self._checks: list[str] = []
        self._deletes: list[str] = []
        self._puts: list[str] = []
        self._updates: list[str] = []

    @property
    def names(self) -> list[str]:
        """The names in the order in which pynamodb sends the items."""
        return [*self._checks, *self._deletes, *self._puts, *self._updates]

    def check(self, name: str, row: Model, condition: Condition) -> None:
        """Require that ``condition`` holds for the row with the key of ``row``."""
        self._checks.append(name)
        keys = row._hash_keyname, row._range_keyname
        hash_key, range_key = (getattr(row, key) if key else None for key in keys)
        self._write.condition_check(type(row), hash_key, range_key, condition=condition)

    def delete(self, name: str, row: Model, condition: Condition | None = None) -> None:
        """Delete a row."""
        self._deletes.append(name)
        self._write.delete(row, condition=condition)

    def put(self, name: str, row: Model, condition: Condition | None = None) -> None:
        """Write a whole row."""
        self._puts.append(name)
        self._write.save(row, condition=condition)

    def update(
        self,
        name: str,
        row: Model,
        actions: list[Action],
        condition: Condition | None = None,
        *,
        return_old: bool = False,
    ) -> None:
        """Change attributes of a row. ``return_old``: a refusal carries the row as it stood."""
        self._updates.append(name)
        returned = "ALL_OLD" if return_old else None
        self._write.update(row, actions=actions, condition=condition, return_values=returned)


class TransactionRefused(Exception):
    """A condition of a transaction did not hold, so nothing was written."""

    def __init__(self, reasons: Iterable[tuple[str, CancellationReason | None]]) -> None:
        self._failed = {
            name: reason for name, reason in reasons if reason and reason.code == CONDITION_FAILED
        }
        super().__init__(", ".join(self._failed))

    def failed(self, name: str) -> bool:
        """Return whether the condition of an item with this name did not hold."""
        return name in self._failed

    def row(self, name: str) -> Mapping[str, Any]:
        """Return the failed item's row as it stood, in DynamoDB's form (``{"S": …}``).

        Empty if the item's condition held, its row does not exist, or it was not asked for.
        """
        reason = self._failed.get(name)
        return (reason.raw_item if reason else None) or {}


def transact(add_items: Callable[[Transaction], None], token: str | None = None) -> None:
    """Commit the writes that ``add_items`` adds, all or none.

    Contention is tried again with jitter under the same client token, so an attempt whose answer
    was lost is not applied twice. With a ``token`` that says what is written, a repeated invocation
    is not applied twice either, within DynamoDB's 10 minutes.

    Raises ``TransactionRefused`` when a condition does not hold.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
    """
    connection = DynamoDBConnection()
    _use_shared_client(connection)
    token = token or uuid.uuid4().hex
    attempts = settings().transaction_attempts
    for attempt in range(1, attempts + 1):
        names: list[str] = []
        try:
            with TransactWrite(connection=connection, client_request_token=token) as write:
                transaction = Transaction(write)
                add_items(transaction)
                names = transaction.names
        except TransactWriteError as error:
            reasons = error.cancellation_reasons
            if any(reason and reason.code == CONDITION_FAILED for reason in reasons):
                raise TransactionRefused(zip(names, reasons, strict=True)) from error
            contended = any(reason and reason.code in _CONTENDED for reason in reasons)
            in_progress = error.cause_response_code == "TransactionInProgressException"
            if attempt == attempts or not (contended or in_progress):
                raise
            _pause(attempt)
        else:
            return
