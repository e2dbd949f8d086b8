"""The tables that products declare, in the form that DynamoDB takes."""

from __future__ import annotations

from typing import Any

from shared.pipeline.deployment import TableSpec


def table_definition(row: TableSpec) -> dict[str, Any]:
    """Return one table as arguments of ``CreateTable``."""
    keys = {name: "S" for name in (row.key, row.sort_key) if name}
    for index in row.indexes:
        keys |= {index.key: "S", index.sort_key: "N" if index.sort_by_number else "S"}
    definition: dict[str, Any] = {
        "TableName": row.name,
        "KeySchema": _key_schema(row.key, row.sort_key),
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind} for name, kind in keys.items()
        ],
        "BillingMode": "PAY_PER_REQUEST",
    }
    if row.indexes:
        definition["GlobalSecondaryIndexes"] = [
            {
                "IndexName": index.name,
                "KeySchema": _key_schema(index.key, index.sort_key),
                "Projection": {"ProjectionType": index.projection},
            }
            for index in row.indexes
        ]
    return definition


def _key_schema(key: str, sort_key: str | None) -> list[dict[str, str]]:
    kinds = ((key, "HASH"), (sort_key, "RANGE"))
    return [{"AttributeName": name, "KeyType": kind} for name, kind in kinds if name]
