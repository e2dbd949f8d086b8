"""The balances of persons, in coins. Accounts open and change a balance; calls are paid from it."""

from __future__ import annotations

from pynamodb.attributes import NumberAttribute
from pynamodb.expressions.condition import Condition

from shared.realtime import people
from shared.realtime.people import Person


class Wallet(Person):
    """A person's row with the person's balance.

    coins: the balance, in coins. It is on the person's row because the transaction that ends a
        call, and charges for the call, writes this row anyway.
    """

    coins = NumberAttribute(default=0)


def open_balance(namespace: str, person_id: str, coins: int) -> None:
    """Give a person their first coins. A balance that exists stays as it is. Idempotent."""
    Wallet(people.key(namespace, person_id)).update([Wallet.coins.set(Wallet.coins | coins)])


def covers(coins: int) -> Condition | None:
    """Return the condition that the balance is ``coins`` or more. Returns None for 0 coins."""
    return Wallet.coins >= coins if coins else None


def holds(coins: int) -> Condition:
    """Return the condition that the balance is ``coins``. A row without a balance holds 0."""
    condition: Condition = Wallet.coins == coins
    return condition if coins else condition | Wallet.coins.does_not_exist()
