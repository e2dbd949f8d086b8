"""The accounts of persons, as the team's own system sends them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from pynamodb.attributes import JSONAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from shared.aws.event_order import is_older
from shared.aws.tables import Table, TableName, Transaction, TransactionRefused, transact
from shared.identity import wallet
from shared.identity.wallet import Wallet
from shared.ids import Id
from shared.realtime import people

_ATTEMPTS = 16
"""How often an account is written anew if other writers change it at the same time."""

Text = Annotated[str, msgspec.Meta(max_length=4_000)]
"""A text of an account. It is limited because sessions keep copies of it, and an event may carry
several: a row holds 400 KB, a message 128 KB."""

Coins = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
"""A number of coins."""


Rates = Annotated[
    dict[Literal["AUDIO", "VIDEO"], Coins],
    msgspec.Meta(extra_json_schema={"propertyNames": {"enum": ["AUDIO", "VIDEO"]}}),
]


class Account(msgspec.Struct, frozen=True, rename="camel"):
    """An account. ``coins`` is the balance in coins, ``rates`` are coins per started minute."""

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
    rates: Rates = {}

    @property
    def active(self) -> bool:
        """Whether the account is not suspended."""
        return self.account_status == "ACTIVE"

    @property
    def approved(self) -> bool:
        """Whether the account has been approved."""
        return self.approval_status == "APPROVED"


class ByRole(GlobalSecondaryIndex["AccountRow"]):
    """The active and approved accounts of a role, sorted by their ids."""

    class Meta:
        index_name = "listed"
        projection = AllProjection()

    listed = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)


class AccountRow(Table):
    """The row of an account.

    id: the account's id.
    account: the account's document.
    upserted_at: when the document was made, as the team's system dates it, epoch ms. 0 if the
        document does not come from an event.
    listed: the account's role if the account is active and approved, else absent. It is the key of
        the index, so that the index has only these accounts.
    """

    class Meta:
        table_name = TableName("accounts")

    id = UnicodeAttribute(hash_key=True)
    account = JSONAttribute()
    upserted_at = NumberAttribute(attr_name="upsertedAt", default=0)
    listed = UnicodeAttribute(null=True)

    by_role = ByRole()


def parse(text: bytes) -> list[Account]:
    """Read a JSON array of accounts.

    Raises ``msgspec.ValidationError`` with the index and the field that are wrong.
    """
    return msgspec.json.decode(text, type=list[Account])


def save(account: Account, wallets: Sequence[str]) -> None:
    """Write an account, and open its balances.

    The account's coins are the first balance. A balance that exists stays as it is, because calls
    may have changed it.

    wallets: the namespaces in which the account has a balance.
    """
    AccountRow(account.id, account=msgspec.to_builtins(account), listed=_listed(account)).save()
    for namespace in wallets:
        wallet.open_balance(namespace, account.id, account.coins)


def upsert(account: Account, happened_at_ms: int, wallets: Sequence[str]) -> Account:
    """Write an account that a team's system reports, unless a newer one is there. Idempotent.

    Returns the account that is kept. Raises ``RuntimeError`` if other writers have changed the
    account in every attempt.

    The coins of a document are the balance as if no coins had been spent or earned here. So the
    balance changes by the difference to the document before, but never falls below 0. The same
    document again changes nothing, and coins that were spent stay spent.

    happened_at_ms: when the document was made, epoch ms.
    wallets: the namespaces in which the account has a balance.
    """
    for _ in range(_ATTEMPTS):
        row = _row(account.id)
        before = None if row is None else msgspec.convert(row.account, Account)
        if row is not None and before is not None:
            outdated = is_older(happened_at_ms, row.upserted_at)
            if outdated or (account == before and happened_at_ms <= row.upserted_at):
                return before
        if _replace(account, happened_at_ms, row, before, wallets):
            return account
    raise RuntimeError(f"account {account.id} cannot be written: it has changed in every attempt")


def _replace(
    account: Account,
    at_ms: int,
    row: AccountRow | None,
    before: Account | None,
    wallets: Sequence[str],
) -> bool:
    """Write an account and its balance in one transaction.

    Returns False, and writes nothing, if the account or the balance has changed meanwhile.
    """
    document = AccountRow.account.set(msgspec.to_builtins(account))
    unchanged: Condition = AccountRow.id.does_not_exist()
    if row is not None:
        # 0: the document does not come from an event, and the row may not have the attribute.
        unchanged = AccountRow.upserted_at == row.upserted_at
        if not row.upserted_at:
            unchanged = AccountRow.upserted_at.does_not_exist() | unchanged
    role = _listed(account)
    listed = AccountRow.listed.set(role) if role else AccountRow.listed.remove()
    coins_before = before.coins if before is not None and before.role == account.role else 0
    holder = people.get(wallets[0], account.id, Wallet) if wallets else None

    def add_items(transaction: Transaction) -> None:
        transaction.update(
            "account",
            AccountRow(account.id),
            actions=[document, listed, AccountRow.upserted_at.set(at_ms)],
            condition=unchanged,
        )
        if holder is not None and account.coins != coins_before:
            coins = max(0, int(holder.coins) + account.coins - coins_before)
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


def _listed(account: Account) -> str | None:
    """Return the role under which the index lists an account. Returns None if it does not."""
    return account.role if account.active and account.approved else None


def of_role(role: str, limit: int, before: str | None) -> list[Account]:
    """Return active and approved accounts of a role, the greatest id first.

    They are read through an index, which may be some milliseconds behind.

    limit: the most accounts to return.
    before: only accounts with a smaller id are returned. With None, all are.
    """
    smaller = None if before is None else ByRole.id < before
    rows = AccountRow.by_role.query(role, smaller, scan_index_forward=False, limit=limit)
    return [msgspec.convert(row.account, Account) for row in rows]


def some(account_ids: Sequence[str]) -> list[Account]:
    """Return the accounts with these ids in the order of the ids, without those that do not
    exist."""
    found = {row.id: row.account for row in AccountRow.batch_get(account_ids)}
    return [msgspec.convert(found[id_], Account) for id_ in account_ids if id_ in found]


def _row(account_id: str) -> AccountRow | None:
    try:
        return AccountRow.get(account_id, consistent_read=True)
    except AccountRow.DoesNotExist:
        return None


def balance(account: Account, wallets: Sequence[str]) -> int:
    """Return the account's balance now, or the document's coins if the account has no balance.

    wallets: the namespaces in which the account has a balance.
    """
    return int(people.get(wallets[0], account.id, Wallet).coins) if wallets else account.coins


def get(account_id: str) -> Account | None:
    """Return an account, read strongly consistently.

    Returns None if the team's system has never sent the account.
    """
    row = _row(account_id)
    return None if row is None else msgspec.convert(row.account, Account)
