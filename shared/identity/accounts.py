"""The accounts of persons, as the team's own system sends them."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Annotated, Literal

import msgspec
from pynamodb.attributes import JSONAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection

from shared.aws.event_order import is_older
from shared.aws.tables import Table, TableName, Transaction, transact_if
from shared.identity import tokens, wallet
from shared.identity.wallet import Wallet
from shared.ids import SEPARATOR, Id, compose, decompose
from shared.realtime import people

_ATTEMPTS = 16
"""How often an account is written anew if other writers change it at the same time."""

_COMPARED = 64
"""How many characters of a name are compared. A key holds 1,024 bytes, with the id."""

_GREATEST = "\U0010ffff"
"""The greatest character."""

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
    """An account.

    permissions: what the person may do in chat. If they are listed, even with an empty list, those
        of the token do not count.
    coins: the balance in coins.
    rates: coins per started minute.
    """

    id: Id = msgspec.field(name="_id")
    role: Id
    name: Text
    profile: Text | None = None
    language: Text | None = None
    about: Text | None = None
    account_status: Literal["ACTIVE", "SUSPENDED"] = "ACTIVE"
    approval_status: Literal["APPROVED", "PENDING", "REJECTED"] = "PENDING"
    permissions: Annotated[list[Id], msgspec.Meta(max_length=100)] | None = None
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


class ByName(GlobalSecondaryIndex["AccountRow"]):
    """The accounts by the first letter of their names, sorted by name."""

    class Meta:
        index_name = "named"
        projection = KeysOnlyProjection()

    initial = UnicodeAttribute(hash_key=True)
    named = UnicodeAttribute(range_key=True)


class AccountRow(Table):
    """The row of an account.

    id: the account's id.
    account: the account's document.
    upserted_at: when the document was made, as the team's system dates it, epoch ms. 0 if the
        document does not come from an event.
    listed: the account's role if the account is active and approved, else absent. It is the key of
        the index, so that the index has only these accounts.
    initial, named: the first letter of the name, and the name with the id, both without case. They
        are the keys of the index by name. Absent if the account has no name.
    """

    class Meta:
        table_name = TableName("accounts")

    id = UnicodeAttribute(hash_key=True)
    account = JSONAttribute()
    upserted_at = NumberAttribute(attr_name="upsertedAt", default=0)
    listed = UnicodeAttribute(null=True)
    initial = UnicodeAttribute(null=True)
    named = UnicodeAttribute(null=True)

    by_role = ByRole()
    by_name = ByName()


class ClaimedAccount(msgspec.Struct, frozen=True):
    """The account that a token names, whether or not the token is valid.

    id: the account's id. None if the token names none.
    account: the account. None if the team's system has never sent it.
    """

    id: str | None
    account: Account | None

    def of(self, account_id: str) -> Account | None:
        """Return the account of an id, as ``get`` does. It is read only if it is another one."""
        return self.account if self.id == account_id else get(account_id)


class Change(msgspec.Struct, frozen=True):
    """An account before and after a change, and when it was changed, epoch ms."""

    before: Account
    after: Account
    at_ms: int


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
    row = AccountRow(account.id, account=msgspec.to_builtins(account))
    for name, value in _index_keys(account).items():
        setattr(row, name, value)
    row.save()
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


def change(
    account_id: str,
    now_ms: int,
    edit: Callable[[Account], Account],
    also: Callable[[Account, Account], Table],
) -> Change | None:
    """Change an account from inside the stack, and write another row in the same transaction.

    The change counts as newer than what the team's system has reported before. It keeps the
    balance. If it changes nothing, only the other row is written. Returns None, and writes nothing,
    if there is no such account. Raises ``RuntimeError`` as ``upsert`` does.

    edit: returns the account as it is to be.
    also: returns the other row. It is called with the account before and after.
    """
    for _ in range(_ATTEMPTS):
        row = _row(account_id)
        if row is None:
            return None
        before = msgspec.convert(row.account, Account)
        after = edit(before)
        at_ms = max(now_ms, int(row.upserted_at) + 1)
        if after == before:
            also(before, after).save()
            return Change(before, after, int(row.upserted_at))
        if _replace(after, at_ms, row, before, (), also=also(before, after)):
            return Change(before, after, at_ms)
    raise RuntimeError(f"account {account_id} cannot be written: it has changed in every attempt")


def _replace(
    account: Account,
    at_ms: int,
    row: AccountRow | None,
    before: Account | None,
    wallets: Sequence[str],
    *,
    also: Table | None = None,
) -> bool:
    """Write an account and its balance, and the row ``also``, in one transaction.

    Returns False, and writes nothing, if the account or the balance has changed meanwhile.
    """
    document = AccountRow.account.set(msgspec.to_builtins(account))
    keys = [
        getattr(AccountRow, name).set(value) if value else getattr(AccountRow, name).remove()
        for name, value in _index_keys(account).items()
    ]
    coins_before = before.coins if before is not None and before.role == account.role else 0
    holder = people.get(wallets[0], account.id, Wallet) if wallets else None

    def add_items(transaction: Transaction) -> None:
        transaction.update(
            "account",
            AccountRow(account.id),
            actions=[document, *keys, AccountRow.upserted_at.set(at_ms)],
            condition=_is_still(row),
        )
        if also is not None:
            transaction.put("also", also)
        if holder is not None and account.coins != coins_before:
            coins = max(0, int(holder.coins) + account.coins - coins_before)
            transaction.update(
                "balance",
                Wallet(holder.person),
                actions=[Wallet.coins.set(coins)],
                condition=wallet.holds(int(holder.coins)),
            )

    return transact_if(add_items)


def _is_still(row: AccountRow | None) -> Condition:
    """Return the condition that the row is as it was read; None if it did not exist."""
    if row is None:
        absent: Condition = AccountRow.id.does_not_exist()
        return absent
    unchanged: Condition = AccountRow.upserted_at == row.upserted_at
    if not row.upserted_at:  # not from an event: the row may not have the attribute
        unchanged = AccountRow.upserted_at.does_not_exist() | unchanged
    return unchanged


def _index_keys(account: Account) -> dict[str, str | None]:
    """Return the attributes by which the indexes find an account. None: the index leaves it out."""
    name = folded(account.name)
    return {
        "listed": account.role if account.active and account.approved else None,
        "initial": name[:1] or None,
        "named": compose(name, account.id) if name else None,
    }


def folded(name: str) -> str:
    """Return the beginning of a name in the form in which names are compared: without case."""
    return unicodedata.normalize("NFKC", name).casefold().strip()[:_COMPARED]


def of_name(prefix: str, limit: int, before: str | None) -> list[str]:
    """Return the keys of the accounts whose names begin with a text, in the order of the names.

    They are read through an index, which may be some milliseconds behind. ``id_of`` returns the id
    in a key.

    prefix: the text, ``folded`` and not empty.
    limit: the most keys to return.
    before: the key after which to begin. With None, the first ones are returned.
    """
    begin = compose(prefix, "")[: -len(SEPARATOR)]
    first, last = max(begin, f"{before or ''}\0", key=str.encode), f"{begin}{_GREATEST}"
    if first.encode() > last.encode():
        return []
    between = ByName.named.between(first, last)
    rows = AccountRow.by_name.query(prefix[0], between, limit=limit)
    return [row.named for row in islice(rows, limit)]


def id_of(key: str) -> str:
    """Return the id of an account in a key of the index by name."""
    return decompose(key, 2)[1]


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
    by_id = {row.id: row.account for row in AccountRow.batch_get(account_ids)}
    return [msgspec.convert(by_id[id_], Account) for id_ in account_ids if id_ in by_id]


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


def read_claimed(token: object) -> ClaimedAccount:
    """Read the account that a token names, before the token is checked."""
    account_id = tokens.claimed_account(token)
    return ClaimedAccount(account_id, get(account_id) if account_id else None)


def get(account_id: str) -> Account | None:
    """Return an account, read strongly consistently.

    Returns None if the team's system has never sent the account.
    """
    row = _row(account_id)
    return None if row is None else msgspec.convert(row.account, Account)
