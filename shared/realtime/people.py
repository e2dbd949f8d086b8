"""The people table: one row per person and namespace, with the person's live connections.

A row is never deleted, so its history of changes is a stream that functions can follow. Rows are
read by key and strongly consistently: an index would be late, and a ring must not be late.

Products keep attributes of their own on the same rows. They declare a subclass of ``Person`` with
these attributes, and read a row as this class: ``people.get(namespace, person_id, Subclass)``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar, overload

import msgspec
from pynamodb.attributes import BooleanAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.condition import Condition

from shared.aws.tables import (
    Table,
    TableName,
    Transaction,
    TransactionRefused,
    batches,
    is_still,
    transact,
)
from shared.ids import compose, decompose
from shared.realtime import connections, rooms, session_store
from shared.realtime.address import Address, Wire
from shared.settings import settings


class Person(Table):
    """A person in a namespace.

    person: the namespace and the person's id, as ``key`` composes them.
    members: the connections with a session of this person, each as ``Address.member``. The
        attribute is absent if there is none.
    missed: the events that no connection has received, while one of them was lost and its client
        might come back: ``shared.realtime.missed``. The attribute is absent if there is none.
    away: the sessions that have lost their connection and can be recovered, each as an address with
        ``Wire.AWAY`` behind the time until which it is so, composed.
    devices: the ids of the person's devices that a push can wake. The attribute is absent if there
        is none.
    awaited: True if the connection that ended last was lost, so that the person has not gone by
        themselves. Only with ``ring_by_push``.
    """

    class Meta:
        table_name = TableName("people")

    person = UnicodeAttribute(hash_key=True)
    members = UnicodeSetAttribute(attr_name="connections", null=True)
    missed: Any = UnicodeSetAttribute(null=True)
    away = UnicodeSetAttribute(null=True)
    devices: Any = UnicodeSetAttribute(null=True)
    awaited = BooleanAttribute(null=True)

    @property
    def namespace(self) -> str:
        """The namespace in the key."""
        return decompose(self.person, 2)[0]

    @property
    def person_id(self) -> str:
        """The person's id in the key."""
        return decompose(self.person, 2)[1]

    @property
    def online(self) -> bool:
        """Whether the person has a connection."""
        return bool(self.members)

    @property
    def addresses(self) -> list[Address]:
        """The addresses of all of the person's sessions in the namespace.

        They include those of lost sessions that can be recovered, whose events are logged.
        """
        return [*self.connected, *lost_addresses(self.namespace, self.away, self.members)]

    @property
    def connected(self) -> list[Address]:
        """The addresses of the person's sessions in the namespace that have a connection."""
        return [Address.of_member(self.namespace, member) for member in self.members or ()]

    @property
    def can_be_woken(self) -> bool:
        """Whether a push can bring the person back: ``ring_by_push``."""
        return bool(self.devices and self.awaited) and settings().ring_by_push

    def others(self, than: Address) -> list[Address]:
        """Return the addresses of the person's other devices."""
        return [address for address in self.addresses if not address.is_same(than)]


AnyPerson = TypeVar("AnyPerson", bound=Person)

_ROUNDS = 8
"""How often a join is attempted. Each time, the person has missed another event."""


def lost_addresses(
    namespace: str, away: Iterable[str] | None, members: Iterable[str] | None
) -> list[Address]:
    """Return the addresses of lost sessions that can still be recovered and have not come back.

    away, members: see ``Person``.
    """
    if not away:
        return []
    now, back = int(time.time()), {one.rpartition(":")[2] for one in members or ()}
    lost = [(int(until), member) for until, member in (decompose(one, 2) for one in away)]
    addresses = [Address.of_member(namespace, member) for until, member in lost if until > now]
    return [one for one in addresses if one.sid not in back]


def is_wakeable(row: Mapping[str, Any]) -> bool:
    """Return ``Person.can_be_woken`` of a row in DynamoDB's form (``{"S": …}``)."""
    needed = Person.devices.attr_name, Person.awaited.attr_name
    return all(name in row for name in needed) and settings().ring_by_push


def can_ring(members: set[str] | None) -> Condition:
    """Return the condition that a person has these connections and no others. If there is none,
    there is one by now, or a push can wake the person."""
    if members:
        return is_still(Person.members, members)
    condition: Condition = Person.members.exists()
    if settings().ring_by_push:
        condition = ~condition & Person.devices.exists() & Person.awaited.exists()
    return condition


def key(namespace: str, person_id: str) -> str:
    """Return the key of a person's row."""
    return compose(namespace, person_id)


def group(namespace: str, person_id: str) -> str:
    """Return the group of the broadcasts to a person, which arrive in order."""
    return compose("person", namespace, person_id)


@overload
def get(namespace: str, person_id: str) -> Person: ...
@overload
def get(namespace: str, person_id: str, row: type[AnyPerson]) -> AnyPerson: ...
def get(namespace: str, person_id: str, row: type[Any] = Person) -> Any:
    """Return a person's row, read strongly consistently, as the class ``row``.

    Returns an empty row if the person has never connected.
    """
    try:
        return row.get(key(namespace, person_id), consistent_read=True)
    except row.DoesNotExist:
        return row(key(namespace, person_id))


class Joined(msgspec.Struct, frozen=True):
    """A session that can be reached now, or in a moment, when it has caught up.

    missed: ``Person.missed`` at that moment. Later events are sent to the session itself.
    row: the person's row at that moment, as DynamoDB has it; empty if nothing was missed.
    """

    missed: frozenset[str]
    row: Mapping[str, Any]


def join(
    address: Address,
    person_id: str,
    *,
    expires_at: int,
    everybody: bool,
    due_at: int | None = None,
    replaces: session_store.Replaced | None = None,
    catch_up: Callable[[Joined], object] | None = None,
) -> Joined | None:
    """Make a session reachable by its person's id and, if ``everybody``, by its namespace.

    Idempotent. Returns None, and writes nothing, if the connection has left the namespace
    meanwhile, or the session that is to be replaced is another by now: the connection's row is
    checked in the same transaction.

    expires_at: when the connection ends at the latest, epoch seconds.
    due_at: when the sweep looks at the connection next, epoch seconds. None leaves it as it is.
    replaces: the session before it had a person, if it is given one now.
    catch_up: is called with what the person has missed before anything else reaches the session,
        and again if there is more by then.
    """
    member, missed = address.member, frozenset[str]()
    row: Mapping[str, Any] = {}

    def add_items(transaction: Transaction) -> None:
        transaction.update(
            "connection",
            connections.Connection(address.connection_id),
            actions=session_store.joined(address.namespace, due_at, replaces),
            condition=session_store.is_as_it_was(address.namespace, replaces),
        )
        if everybody:
            transaction.put(
                "member", rooms.Member.of(address.namespace, address, expires_at, person_id)
            )
        transaction.update(
            "person",
            Person(key(address.namespace, person_id)),
            actions=[Person.members.add({member})],
            condition=is_still(Person.missed, set(missed) or None),
            return_old=True,
        )

    for _ in range(_ROUNDS):
        try:
            transact(add_items)
        except TransactionRefused as refused:
            if refused.failed("connection"):
                return None
            row, before = refused.row("person"), missed
            missed = frozenset(row.get("missed", {}).get("SS", ()))
            if catch_up and missed - before:
                catch_up(Joined(missed - before, row))
        else:
            return Joined(missed, row)
    raise RuntimeError(f"{address.connection_id} misses events all the time")


def connected(namespace: str, row: type[AnyPerson]) -> Iterator[AnyPerson]:
    """Yield the rows of all persons who are connected to a namespace with ``everybody``.

    Rows are read a page at a time and eventually consistently, at half the price. So a caller that
    changes a row must check it again as it is then.
    """
    for keys in batches(key(namespace, person_id) for person_id in rooms.people(namespace)):
        yield from row.batch_get(keys)


@overload
def leave(
    address: Address,
    person_id: str,
    *,
    former: Iterable[Address] = (),
    kept_until: int | None = None,
    lost: bool = False,
) -> Person: ...
@overload
def leave(
    address: Address,
    person_id: str,
    row: type[AnyPerson],
    *,
    former: Iterable[Address] = (),
    kept_until: int | None = None,
    lost: bool = False,
) -> AnyPerson: ...
def leave(
    address: Address,
    person_id: str,
    row: type[Any] = Person,
    *,
    former: Iterable[Address] = (),
    kept_until: int | None = None,
    lost: bool = False,
) -> Any:
    """Remove a session from its person's row. Idempotent.

    Returns the row as it is after this write, as the class ``row``.

    former: the addresses that the session had before, if it has come back and is not up to date.
    kept_until: until when the session can be recovered, epoch seconds. None if it cannot.
    lost: whether the client has not said goodbye.
    """
    person = row(key(address.namespace, person_id))
    actions = [row.members.delete({one.member for one in (address, *former)})]
    if settings().ring_by_push:
        actions.append(row.awaited.set(True) if lost else row.awaited.remove())
    if kept_until is not None:
        away = address._replace(wire=Wire.AWAY).member
        actions.append(row.away.add({compose(str(kept_until), away)}))
    person.update(actions)
    if person.missed and not person.online:
        person.update_if([row.missed.remove()], row.members.does_not_exist())
    now = int(time.time())
    if over := {one for one in person.away or () if int(decompose(one, 2)[0]) <= now}:
        person.update([row.away.delete(over)])
    return person
