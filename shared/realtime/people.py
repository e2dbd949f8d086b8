"""One row per person and namespace: the live connections and the current call.

Never deleted, so that its history of changes is a stream others can follow. Read consistently and
by key: an index would be late, and a ring may not be.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from pynamodb.attributes import (
    MapAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)

from shared.aws.tables import Table, TableName, Transaction, TransactionRefused, transact
from shared.realtime import connections, rooms
from shared.realtime.address import Address


class CurrentCall(MapAttribute[str, Any]):
    """The call a person is in. ``status`` is kept on the row of the person who is called, and only
    there, so that every transition is decided by one item. ``rate``: coins per started minute.
    Times are epoch milliseconds; ``accepted_by`` is the id of the message that accepted."""

    id = UnicodeAttribute()
    type = UnicodeAttribute()
    status = UnicodeAttribute(null=True)
    peer_id = UnicodeAttribute(attr_name="peerId")
    peer_name = UnicodeAttribute(attr_name="peerName")
    peer_profile = UnicodeAttribute(attr_name="peerProfile", null=True)
    rate = NumberAttribute(default=0)
    started_at = NumberAttribute(attr_name="startedAt")
    accepted_at: Any = NumberAttribute(attr_name="acceptedAt", null=True)
    accepted_by = UnicodeAttribute(attr_name="acceptedBy", null=True)


class Person(Table):
    """``coins`` is the balance. It stands here because the transaction that ends a call, and
    charges for it, writes this row anyway. Of a caller, ``last_call`` is the id of the last call
    that is over, ``refused_call`` the one that the last attempt which was refused would have had.
    """

    class Meta:
        table_name = TableName("people")

    person = UnicodeAttribute(hash_key=True)
    members = UnicodeSetAttribute(attr_name="connections", null=True)
    call = CurrentCall(null=True)
    last_call = UnicodeAttribute(attr_name="lastCall", null=True)
    refused_call = UnicodeAttribute(attr_name="refusedCall", null=True)
    coins = NumberAttribute(default=0)

    @property
    def namespace(self) -> str:
        return self.person.split("#", 1)[0]

    @property
    def person_id(self) -> str:
        return self.person.split("#", 1)[1]

    @property
    def current_call(self) -> CurrentCall | None:
        return self.call

    @property
    def online(self) -> bool:
        return bool(self.members)

    @property
    def addresses(self) -> list[Address]:
        return [Address.of_member(self.namespace, member) for member in self.members or ()]

    def others(self, than: Address) -> list[Address]:
        """The person's other devices."""
        return [address for address in self.addresses if address != than]


def key(namespace: str, person_id: str) -> str:
    return f"{namespace}#{person_id}"


def get(namespace: str, person_id: str) -> Person:
    """The row, strongly consistent; an empty one for somebody who never connected."""
    try:
        return Person.get(key(namespace, person_id), consistent_read=True)
    except Person.DoesNotExist:
        return Person(key(namespace, person_id))


def open_balance(namespace: str, person_id: str, coins: int) -> None:
    """Give a person their first coins; a balance that exists stays as it is."""
    Person(key(namespace, person_id)).update([Person.coins.set(Person.coins | coins)])


def join(address: Address, person_id: str, *, expires_at: int, everybody: bool) -> bool:
    """Make a session reachable by its person's id, and by the namespace when ``everybody``.

    One transaction with a check of the connection's row: a connection that has left meanwhile
    joins nothing, and False is returned.
    """
    member = address.member

    def add_items(transaction: Transaction) -> None:
        transaction.check(
            "connection",
            connections.Connection(address.connection_id),
            condition=connections.is_live(address.namespace),
        )
        if everybody:
            transaction.put(
                "member", rooms.Member.of(address.namespace, address, expires_at, person_id)
            )
        transaction.update(
            "person",
            Person(key(address.namespace, person_id)),
            actions=[Person.members.add({member})],
        )

    try:
        transact(add_items)
    except TransactionRefused:
        return False
    return True


def connected(namespace: str) -> Iterator[Person]:
    """The rows of everybody who is connected to a namespace with ``everybody``, a page at a time.

    A moment late, at half the price: whoever acts on a row decides on it as it is then.
    """
    ids = rooms.people(namespace)
    while keys := [key(namespace, person_id) for person_id in islice(ids, connections.PAGE)]:
        yield from Person.batch_get(keys)


def leave(address: Address, person_id: str) -> Person:
    """Forget a connection; the row as it is then. Any number of times."""
    person = Person(key(address.namespace, person_id))
    person.update([Person.members.delete({address.member})])
    return person
