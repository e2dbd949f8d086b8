"""Accounts: who people are. They come from the team's own system."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from pynamodb.attributes import JSONAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition

from shared.aws.event_order import is_older
from shared.aws.tables import Table, TableName, Transaction, TransactionRefused, transact
from shared.identity import wallet
from shared.identity.wallet import Wallet
from shared.ids import Id
from shared.realtime import people

_ROUNDS = 16

Text = Annotated[str, msgspec.Meta(max_length=4_000)]
"""Sessions keep copies, and events carry several: rows hold 400 KB, messages 128 KB."""

Coins = Annotated[int, msgspec.Meta(ge=0, le=10**12)]


class Account(msgspec.Struct, frozen=True, rename="camel"):
    """The contract's account document. ``coins`` and ``rates`` are coins per started minute."""

    id: Id = msgspec.field(name="_id")
    role: Id
    name: Text
    profile: Text | None = None
    language: Text | None = None
    about: Text | None = None
    account_status: Literal["ACTIVE", "SUSPENDED"] = "ACTIVE"
    approval_status: Literal["APPROVED", "PENDING", "REJECTED"] = "PENDING"
    permissions: Annotated[list[Id], msgspec.Meta(max_length=100)] = []
    coins: Coins = 0
    rates: dict[Literal["AUDIO", "VIDEO"], Coins] = {}

    @property
    def active(self) -> bool:
        return self.account_status == "ACTIVE"

    @property
    def approved(self) -> bool:
        return self.approval_status == "APPROVED"


class AccountRow(Table):
    class Meta:
        table_name = TableName("accounts")

    id = UnicodeAttribute(hash_key=True)
    account = JSONAttribute()
    upserted_at = NumberAttribute(attr_name="upsertedAt", default=0)


def parse(text: bytes) -> list[Account]:
    """Read a JSON array of accounts; raises ``msgspec.ValidationError`` naming index and field."""
    return msgspec.json.decode(text, type=list[Account])


def save(account: Account, wallets: Sequence[str]) -> None:
    """Write the account; its coins are the balance to begin with, not one that calls have changed
    since."""
    AccountRow(account.id, account=msgspec.to_builtins(account)).save()
    for namespace in wallets:
        wallet.open_balance(namespace, account.id, account.coins)


def upsert(account: Account, happened_at_ms: int, wallets: Sequence[str]) -> Account:
    """Keep the account as a team's system tells it, unless it told something newer; which one is
    kept then.

    Coins in a document say what the balance would be if nothing had been spent or earned here, so
    the balance changes by the difference to the document before, never to below 0: the same
    document again changes nothing, and coins that were spent stay spent.
    """
    for _ in range(_ROUNDS):
        row = _row(account.id)
        before = None if row is None else msgspec.convert(row.account, Account)
        if row is not None and before is not None:
            told_before = is_older(happened_at_ms, row.upserted_at)
            if told_before or (account == before and happened_at_ms <= row.upserted_at):
                return before
        if _replace(account, happened_at_ms, row, before, wallets):
            return account
    raise RuntimeError(f"account {account.id} cannot be written")


def _replace(
    account: Account,
    at_ms: int,
    row: AccountRow | None,
    before: Account | None,
    wallets: Sequence[str],
) -> bool:
    """Write account and balance as one; False where either has changed meanwhile."""
    document = AccountRow.account.set(msgspec.to_builtins(account))
    unchanged: Condition = AccountRow.id.does_not_exist()
    if row is not None:
        # Told at 0: kept without anybody having told it, and the attribute may not be there.
        unchanged = AccountRow.upserted_at == row.upserted_at
        if not row.upserted_at:
            unchanged = AccountRow.upserted_at.does_not_exist() | unchanged
    counted = before.coins if before is not None and before.role == account.role else 0
    holder = people.get(wallets[0], account.id, Wallet) if wallets else None

    def add_items(transaction: Transaction) -> None:
        transaction.update(
            "account",
            AccountRow(account.id),
            actions=[document, AccountRow.upserted_at.set(at_ms)],
            condition=unchanged,
        )
        if holder is not None and account.coins != counted:
            coins = max(0, int(holder.coins) + account.coins - counted)
            transaction.update(
                "balance",
                Wallet(holder.person),
                actions=[Wallet.coins.set(coins)],
                condition=wallet.holds(int(holder.coins)),
            )

    try:
        transact(add_items)
    except TransactionRefused:
        return False
    return True


def _row(account_id: str) -> AccountRow | None:
    try:
        return AccountRow.get(account_id, consistent_read=True)
    except AccountRow.DoesNotExist:
        return None


def balance(account: Account, wallets: Sequence[str]) -> int:
    """The coins of today, where calls are paid for from them; else what the account says."""
    return int(people.get(wallets[0], account.id, Wallet).coins) if wallets else account.coins


def get(account_id: str) -> Account | None:
    """The account, strongly consistent, or None where the team's system never sent one."""
    row = _row(account_id)
    return None if row is None else msgspec.convert(row.account, Account)
