"""DynamoDB: requests go to a real engine, without the SDK's client, which is slower than it.

Every row that is written is kept here too. That is where streams get the rows before and after a
write, where the judge looks, and what makes it quick to return to an earlier state. Reads by key
are answered from there, and a query that is repeated while its table does not change is answered as
before: most requests are those of sweeps that find nothing to do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from shared.pipeline.deployment import TableSpec
from tests.direct import Direct
from tests.table_definition import table_definition

Item = dict[str, Any]
"""A row in DynamoDB's form (``{"S": …}``). It is replaced, never changed."""

Key = tuple[str, ...]
Rows = dict[str, dict[Key, Item]]
Change = tuple[str, Key, Item | None, Item | None]
"""A table, a key, and the row before and after a write."""

MOST_WRITES = 25


class Dynamo:
    """One engine with the tables of the stack. Its tables have the names of their specs."""

    def __init__(self, url: str, tables: tuple[TableSpec, ...]) -> None:
        self._request = Direct(url).call
        self.specs = {table.name: table for table in tables}
        self.rows: Rows = {name: {} for name in self.specs}
        self._restored = 0
        self._queried: dict[str, dict[bytes, Any]] = {name: {} for name in self.specs}
        for table in tables:
            self._request("CreateTable", table_definition(table))

    def call(self, operation: str, params: dict[str, Any]) -> tuple[Any, list[Change]]:
        """Make a request. Returns the answer and what it changed. Raises ``ClientError``."""
        match operation:
            case "GetItem" if "ProjectionExpression" not in params:
                return self._got(params), []
            case "BatchGetItem":
                return self._got_batch(params), []
            case "Query":
                return self._found(params), []
            case "UpdateItem" if params.get("ReturnValues", "NONE") == "NONE":
                # The new row is wanted for the streams.
                answer, changes = self.call(operation, params | {"ReturnValues": "ALL_NEW"})
                return {name: answer[name] for name in answer if name != "Attributes"}, changes
        token = params.get("ClientRequestToken")
        if token:
            params = params | {"ClientRequestToken": self._own_token(token)}
        answer = self._request(operation, params)
        return answer, list(self._changes(self._written(operation, params, answer)))

    def _got(self, params: dict[str, Any]) -> dict[str, Any]:
        """Answer a read by key."""
        table = params["TableName"]
        item = self.rows[table].get(self._key(table, params["Key"]))
        return {} if item is None else {"Item": item}

    def _got_batch(self, params: dict[str, Any]) -> dict[str, Any]:
        """Answer a read of several keys."""
        responses = {
            table: [
                item
                for key in wanted["Keys"]
                if (item := self.rows[table].get(self._key(table, key))) is not None
            ]
            for table, wanted in params["RequestItems"].items()
        }
        return {"Responses": responses, "UnprocessedKeys": {}}

    def _found(self, params: dict[str, Any]) -> Any:
        """Answer a query."""
        known, query = self._queried[params["TableName"]], msgspec.json.encode(params)
        if query not in known:
            known[query] = self._request("Query", params)
        return known[query]

    def _own_token(self, token: str) -> str:
        """The engine remembers tokens, also those of a past that has been taken back."""
        return hashlib.sha256(f"{self._restored} {token}".encode()).hexdigest()[:36]

    def copy(self) -> Rows:
        """Return all rows as they are now."""
        return {name: dict(rows) for name, rows in self.rows.items()}

    def scan(self) -> Rows:
        """Return all rows as the engine has them."""
        return {
            name: {
                self._key(name, item): item
                for item in self._request("Scan", {"TableName": name})["Items"]
            }
            for name in self.rows
        }

    def restore(self, wanted: Rows) -> None:
        """Make the tables hold these rows again."""
        self._restored += 1
        writes: list[tuple[str, dict[str, Any]]] = []
        for name, rows in self.rows.items():
            before = len(writes)
            writes += [
                (name, {"DeleteRequest": {"Key": self._key_item(name, item)}})
                for key, item in rows.items()
                if key not in wanted[name]
            ]
            writes += [
                (name, {"PutRequest": {"Item": item}})
                for key, item in wanted[name].items()
                if rows.get(key) is not item
            ]
            if len(writes) > before:
                self._queried[name].clear()
        for begin in range(0, len(writes), MOST_WRITES):
            by_table: dict[str, list[dict[str, Any]]] = {}
            for name, write in writes[begin : begin + MOST_WRITES]:
                by_table.setdefault(name, []).append(write)
            self._request("BatchWriteItem", {"RequestItems": by_table})
        self.rows = {name: dict(rows) for name, rows in wanted.items()}

    def expire(self, now_s: float) -> None:
        """Delete the rows whose time to live is over, as DynamoDB does some time later."""
        wanted = {
            name: {
                key: item
                for key, item in rows.items()
                if not (self.specs[name].expires and _number(item.get("expiresAt")) <= now_s)
            }
            for name, rows in self.rows.items()
        }
        if wanted != self.rows:
            self.restore(wanted)

    def key_item(self, table: str, item: Item) -> Item:
        """Return the key attributes of a row."""
        return self._key_item(table, item)

    def _written(
        self, operation: str, params: dict[str, Any], answer: Any
    ) -> Iterator[tuple[str, Item, Item | None]]:
        """Yield table, key and new row of everything that a request may have written."""
        if operation == "TransactWriteItems":
            yield from self._transacted(params["TransactItems"])
            return
        table = params.get("TableName", "")
        if operation == "PutItem":
            yield table, params["Item"], params["Item"]
        elif operation == "DeleteItem":
            yield table, params["Key"], None
        elif operation == "UpdateItem":
            row = answer.get("Attributes") if params.get("ReturnValues") == "ALL_NEW" else None
            if row is None:
                ((_, _, row),) = self._read([(table, params["Key"])])
            yield table, params["Key"], row
        elif operation in {"BatchWriteItem", "CreateTable"}:
            raise NotImplementedError(operation)

    def _transacted(self, parts: list[dict[str, Any]]) -> Iterator[tuple[str, Item, Item | None]]:
        updated: list[tuple[str, Item]] = []
        for part in parts:
            ((kind, write),) = part.items()
            match kind:
                case "Put":
                    yield write["TableName"], write["Item"], write["Item"]
                case "Delete":
                    yield write["TableName"], write["Key"], None
                case "Update":
                    updated.append((write["TableName"], write["Key"]))
        if updated:
            yield from self._read(updated)

    def _read(self, keys: list[tuple[str, Item]]) -> Iterator[tuple[str, Item, Item | None]]:
        """Read rows, in one request."""
        gets = [{"Get": {"TableName": table, "Key": key}} for table, key in keys]
        answer = self._request("TransactGetItems", {"TransactItems": gets})
        for (table, key), found in zip(keys, answer["Responses"], strict=True):
            yield table, key, found.get("Item")

    def _changes(self, written: Iterator[tuple[str, Item, Item | None]]) -> Iterator[Change]:
        for table, item, after in written:
            key, rows = self._key(table, item), self.rows[table]
            before = rows.pop(key, None)
            if after is not None:
                rows[key] = after
            if before != after:
                self._queried[table].clear()
                yield table, key, before, after

    def _key_item(self, table: str, item: Item) -> Item:
        spec = self.specs[table]
        return {name: item[name] for name in (spec.key, spec.sort_key) if name}

    def _key(self, table: str, item: Item) -> Key:
        return tuple(value["S"] for value in self._key_item(table, item).values())


def plain(value: Any) -> Any:
    """Return a value without DynamoDB's types: sets and lists as lists, numbers as numbers."""
    ((kind, held),) = value.items()
    match kind:
        case "N":
            return float(held) if "." in held else int(held)
        case "M":
            return {name: plain(one) for name, one in held.items()}
        case "L":
            return [plain(one) for one in held]
        case "NULL":
            return None
        case _:
            return held


def row(item: Item) -> dict[str, Any]:
    """Return a row without DynamoDB's types."""
    return {name: plain(value) for name, value in item.items()}


def _number(value: Item | None) -> float:
    return float(value["N"]) if value else float("inf")
