"""Rows of numbers in the counts table, in attributes of any name."""

from __future__ import annotations

from collections.abc import Mapping

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from shared.aws.tables import Table, TableName


class Numbers(Table):
    """A row of numbers. Products declare a subclass if they need attributes of a known name."""

    class Meta:
        table_name = TableName("counts")

    name = UnicodeAttribute(hash_key=True)
    expires_at = NumberAttribute(attr_name="expiresAt", null=True)


def additions(numbers: Mapping[str, int]) -> list[Action]:
    """Return the parts of an update that add these numbers to a row."""
    return [Path(name).add(number) for name, number in numbers.items() if number]


def read(name: str) -> dict[str, int]:
    """Return all numbers of a row, by attribute name, read strongly consistently. Returns an empty
    dictionary if there is no such row."""
    items = Numbers._get_connection().get_item(name, consistent_read=True).get("Item", {})
    return {key: int(value["N"]) for key, value in items.items() if "N" in value}
