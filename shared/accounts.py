"""Accounts: who people are. They come from the team's own system and are only read here."""

from __future__ import annotations

from typing import Literal

import msgspec
from pynamodb.attributes import JSONAttribute, UnicodeAttribute

from shared.realtime import people
from shared.realtime.namespaces import NAMESPACES
from shared.tables import Table, TableName


class Account(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The contract's account document. ``coins`` and ``rates`` are coins per started minute."""

    id: str = msgspec.field(name="_id")
    role: str
    name: str
    profile: str | None = None
    language: str | None = None
    about: str | None = None
    account_status: Literal["ACTIVE", "SUSPENDED"] = "ACTIVE"
    approval_status: Literal["APPROVED", "PENDING", "REJECTED"] = "PENDING"
    permissions: list[str] = []
    coins: int = 0
    rates: dict[Literal["AUDIO", "VIDEO"], int] = {}

    @property
    def active(self) -> bool:
        return self.account_status == "ACTIVE"

    @property
    def approved(self) -> bool:
        return self.approval_status == "APPROVED"


class AccountRow(Table):
    class Meta:
        table_name = TableName("accounts_table")

    id = UnicodeAttribute(hash_key=True)
    account = JSONAttribute()


def parse(text: bytes) -> list[Account]:
    """Read a JSON array of accounts; raises ``msgspec.ValidationError`` naming index and field."""
    return msgspec.json.decode(text, type=list[Account])


def save(account: Account) -> None:
    """Write the account; its coins are the balance to begin with, not one that calls have changed
    since."""
    AccountRow(account.id, account=msgspec.to_builtins(account)).save()
    for namespace in NAMESPACES.values():
        if namespace.role == account.role:
            people.open_balance(namespace.path, account.id, account.coins)


def balance(account: Account) -> int:
    """The coins of today, where calls are paid for from them; else what the account says."""
    for namespace in NAMESPACES.values():
        if namespace.role == account.role:
            return int(people.get(namespace.path, account.id).coins)
    return account.coins


def get(account_id: str) -> Account | None:
    """The account, strongly consistent, or None where the team's system never sent one."""
    try:
        row = AccountRow.get(account_id, consistent_read=True)
    except AccountRow.DoesNotExist:
        return None
    return msgspec.convert(row.account, Account)
