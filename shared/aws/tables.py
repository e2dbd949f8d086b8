"""The base of the DynamoDB models, with one client and with retries, and transactions.

Models are declared at import and read their table's name from the settings on first use.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from pynamodb.attributes import UnicodeAttribute
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

MOST_READ = 100
"""The most rows that one BatchGetItem reads."""

CONDITION_FAILED = "ConditionalCheckFailed"
_CONTENTION = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
_TRANSACTION_CONFLICT = "TransactionConflictException"

_pause = partial(pause, first=0.02, longest=0.5)

T = TypeVar("T")
Row = TypeVar("Row", bound="Table")


class TableName:
    """The ``table_name`` of a model's ``Meta``, read from the settings when it is first needed."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type) -> str:
        return settings().tables[self.name]


def _use_shared_client(connection: Any) -> None:
    connection._client = clients.client("dynamodb")


class Table(Model):
    """A model that uses the process's one DynamoDB client.

    pynamodb itself makes a client per model, and each takes tens of milliseconds of a cold start.
    """

    @classmethod
    def _get_connection(cls) -> TableConnection:
        table = super()._get_connection()
        _use_shared_client(table.connection)
        return table

    def save(self, *args: Any, **arguments: Any) -> dict[str, Any]:
        """Write the whole row; wait while a transaction holds it."""
        return _retry_on_conflict(lambda: super(Table, self).save(*args, **arguments))

    def update(self, *args: Any, **arguments: Any) -> Any:
        """Change attributes of the row; wait while a transaction holds it."""
        return _retry_on_conflict(lambda: super(Table, self).update(*args, **arguments))

    def delete(self, *args: Any, **arguments: Any) -> Any:
        """Delete the row; wait while a transaction holds it."""
        return _retry_on_conflict(lambda: super(Table, self).delete(*args, **arguments))

    def save_if(self, condition: Condition) -> bool:
        """Write the row if the condition holds; otherwise write nothing and return False."""
        return _condition_held(lambda: self.save(condition=condition))

    def update_if(self, actions: Sequence[Action], condition: Condition) -> bool:
        """Change the row if the condition holds; otherwise write nothing and return False."""
        return _condition_held(lambda: self.update(actions, condition=condition))

    def replace_if(self: Row, actions: Sequence[Action], condition: Condition) -> Row | None:
        """Change the row if the condition holds, and return the row as it was before.

        Returns None, and writes nothing, if the condition does not hold.
        """
        kind = type(self)
        old: dict[str, Any] = {}

        def write() -> None:
            old.update(
                kind._get_connection().update_item(
                    getattr(self, str(self._hash_keyname)),
                    actions=actions,
                    condition=condition,
                    return_values="ALL_OLD",
                )
            )

        held = _condition_held(partial(_retry_on_conflict, write))
        return kind.from_raw_data(old["Attributes"]) if held else None

    def delete_if(self, condition: Condition) -> bool:
        """Delete the row if the condition holds; otherwise delete nothing and return False."""
        return _condition_held(lambda: self.delete(condition=condition))


class WrittenOnce(Table):
    """A row that the first of several writes with the same key creates.

    writer: a random id of the write that has created the row.
    """

    writer = UnicodeAttribute(null=True)

    def create(self) -> bool:
        """Write the row if it does not exist; otherwise write nothing and return False.

        The SDK repeats a write whose answer is lost. The repeated write finds the row that it has
        created itself, and that is a success.
        """
        self.writer = uuid.uuid4().hex
        absent = type(self)._hash_key_attribute().does_not_exist()  # type: ignore[no-untyped-call]
        return self.save_if(absent | (WrittenOnce.writer == self.writer))


def _retry_on_conflict(write: Callable[[], T]) -> T:
    """Make a write of a single item, and try again while a transaction holds the item.

    DynamoDB refuses the write during the transaction, and the SDK does not try it again.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
    """
    for attempt in range(1, settings().transaction_attempts):
        try:
            return write()
        except PynamoDBException as error:
            if error.cause_response_code != _TRANSACTION_CONFLICT:
                raise
        _pause(attempt)
    return write()


def _condition_held(write: Callable[[], Any]) -> bool:
    """Make a write of a single item; return whether its condition held. Raises other errors."""
    try:
        write()
    except (DeleteError, PutError, UpdateError) as error:
        if error.cause_response_code == "ConditionalCheckFailedException":
            return False
        raise
    return True


def is_still(attribute: Any, value: object) -> Condition:
    """Return the condition that an attribute has the value that was read; None if it had none."""
    condition: Condition = attribute.does_not_exist() if value is None else attribute == value
    return condition


def batches(keys: Iterable[T]) -> Iterator[list[T]]:
    """Yield keys in lists of ``MOST_READ`` at most, each taken when it is needed."""
    remaining = iter(keys)
    while batch := list(islice(remaining, MOST_READ)):
        yield batch


def forget_clients() -> None:
    """Make every client and connection anew on its next use, for example for another endpoint."""
    clients.client.cache_clear()  # type: ignore[attr-defined]
    models = Table.__subclasses__()
    while models:
        model = models.pop()
        model._connection = None
        models += model.__subclasses__()


class Transaction:
    """The items of one transaction, each under a name.

    ``TransactionRefused`` reports an item whose condition failed by its name. Two items may share a
    name if the caller treats their failures alike.
    """

    def __init__(self, write: TransactWrite) -> None:
        self._write = write
        self._checks: list[str] = []
        self._deletes: list[str] = []
        self._puts: list[str] = []
        self._updates: list[str] = []

    @property
    def names(self) -> list[str]:
        """The names, in the order in which pynamodb sends the items."""
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
        """Change attributes of a row.

        With ``return_old``, a refusal has the row as it was (``TransactionRefused.row``).
        """
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
        """Return the failed item's row as it was, in DynamoDB's form (``{"S": …}``).

        Returns an empty mapping if the item's condition held, the row does not exist, or the item
        was added without ``return_old``.
        """
        reason = self._failed.get(name)
        return (reason.raw_item if reason else None) or {}


def transact(add_items: Callable[[Transaction], None], token: str | None = None) -> None:
    """Commit the writes that ``add_items`` adds, all or none.

    After contention the transaction is tried again, with jitter and under the same client token. So
    an attempt whose answer was lost is not applied twice. If the caller gives a ``token`` that
    identifies the writes, a repeated invocation is not applied twice either, within the 10 minutes
    for which DynamoDB remembers the token.

    Raises ``TransactionRefused`` if a condition does not hold.
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
            contended = any(reason and reason.code in _CONTENTION for reason in reasons)
            in_progress = error.cause_response_code == "TransactionInProgressException"
            if attempt == attempts or not (contended or in_progress):
                raise
            _pause(attempt)
        else:
            return


def transact_if(add_items: Callable[[Transaction], None]) -> bool:
    """Commit the writes as ``transact`` does, if all conditions hold.

    Otherwise write nothing and return False.
    """
    try:
        transact(add_items)
    except TransactionRefused:
        return False
    return True
