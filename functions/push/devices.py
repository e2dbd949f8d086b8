"""The devices that people have registered, and what has been pushed to them.

A device is a token on a platform. It belongs to one person: whoever registers it has it from then
on. So there are two rows of a device, one in the list of its person, and one that says whose it is.
They change in one transaction, together with the ids on the person's rows of the people table.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import Any

from pynamodb.attributes import (
    BooleanAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)

from shared.aws.tables import (
    Table,
    TableName,
    Transaction,
    is_still,
    transact_if,
)
from shared.ids import compose
from shared.ports import Push
from shared.realtime import people
from shared.realtime.people import Person

_ROUNDS = 8
_OWNER = "owner"
_SENT_SECONDS = 2 * 86_400
"""How long it is known what has been pushed. Nothing is delivered again later."""


class Device(Table):
    """A device of a person, in the person's list.

    owner: ``person`` and the person's id, composed.
    id: a digest of platform and token.
    platform: ``APNS``, ``APNS_VOIP`` or ``FCM``.
    endpoint: the ARN of the device's endpoint in Amazon SNS.
    namespaces: the namespaces in which the person's row has the id of the device.
    registered_at: epoch ms.
    """

    class Meta:
        table_name = TableName("devices")

    owner = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True, attr_name="item")
    platform = UnicodeAttribute()
    endpoint = UnicodeAttribute()
    namespaces: Any = UnicodeSetAttribute(null=True)
    registered_at = NumberAttribute(attr_name="registeredAt")


class Owner(Table):
    """Whose a device is.

    device: ``device`` and the id of the device, composed.
    namespaces: as in ``Device``.
    """

    class Meta:
        table_name = TableName("devices")

    device = UnicodeAttribute(hash_key=True, attr_name="owner")
    item = UnicodeAttribute(range_key=True, default=_OWNER)
    person_id = UnicodeAttribute(attr_name="personId")
    namespaces: Any = UnicodeSetAttribute(null=True)


class Sent(Table):
    """A push to a device.

    push: ``push``, the kind, what it is about, and the person's id, composed.
    id: the id of the device.
    platform, endpoint: those of the device.
    done: whether SNS has accepted the push. If not, it may be under way.
    expires_at: epoch seconds.
    """

    class Meta:
        table_name = TableName("devices")

    push = UnicodeAttribute(hash_key=True, attr_name="owner")
    id = UnicodeAttribute(range_key=True, attr_name="item")
    platform = UnicodeAttribute()
    endpoint = UnicodeAttribute()
    done = BooleanAttribute(default=False)
    expires_at = NumberAttribute(attr_name="expiresAt")


def id_of(platform: str, token: str) -> str:
    """Return the id of a device, 32 hexadecimal digits."""
    return hashlib.sha256(compose(platform, token).encode()).hexdigest()[:32]


def of_person(person_id: str) -> list[Device]:
    """Return a person's devices, the newest first, read strongly consistently."""
    found = Device.query(_list(person_id), consistent_read=True)
    return sorted(found, key=lambda one: (-int(one.registered_at), one.id))


def register(person_id: str, namespaces: Sequence[str], device: Device) -> None:
    """Put a device into a person's list, and take it from the person who had it. Idempotent.

    namespaces: the namespaces of the person, in which the device can be woken.
    device: the device; its ``owner`` and ``namespaces`` are set.
    """
    device.owner, device.namespaces = _list(person_id), set(namespaces) or None
    for _ in range(_ROUNDS):
        if transact_if(partial(_move, known=_owner(device.id), person_id=person_id, device=device)):
            return
    raise RuntimeError(f"device {device.id} changes hands all the time")


def _move(transaction: Transaction, known: Owner | None, person_id: str, device: Device) -> None:
    """Add the writes that give a device to a person. ``known``: who has it, or None."""
    owner = Owner(_device(device.id), person_id=person_id, namespaces=device.namespaces)
    before = known.person_id if known else None
    transaction.put("owner", owner, condition=is_still(Owner.person_id, before))
    transaction.put("device", device)
    if known and before != person_id:
        transaction.delete("former", Device(_list(known.person_id), device.id))
        for namespace in sorted(known.namespaces or ()):
            _update(transaction, namespace, known.person_id, Person.devices.delete({device.id}))
    for namespace in sorted(device.namespaces or ()):
        _update(transaction, namespace, person_id, Person.devices.add({device.id}))


def forget(person_id: str, device_id: str) -> Device | None:
    """Take a device out of a person's list, and return it. Returns None if it is not there."""
    device = next(
        iter(Device.query(_list(person_id), Device.id == device_id, consistent_read=True)), None
    )
    if device is None:
        return None

    def add_items(transaction: Transaction) -> None:
        owner = Owner(_device(device_id), _OWNER)
        transaction.delete("owner", owner, condition=Owner.person_id == person_id)
        transaction.delete("device", Device(device.owner, device_id))
        for namespace in sorted(device.namespaces or ()):
            _update(transaction, namespace, person_id, Person.devices.delete({device_id}))

    return device if transact_if(add_items) else None


def _update(transaction: Transaction, namespace: str, person_id: str, action: Any) -> None:
    transaction.update(namespace, Person(people.key(namespace, person_id)), actions=[action])


def _owner(device_id: str) -> Owner | None:
    try:
        return Owner.get(_device(device_id), _OWNER, consistent_read=True)
    except Owner.DoesNotExist:
        return None


def sent(kind: str, push: Push) -> dict[str, Sent]:
    """Return what has been pushed to a person about the same, by device.

    kind: the kind of the pushes.
    """
    rows = Sent.query(_push(kind, push), consistent_read=True)
    return {row.id: row for row in rows}


def note_sent(push: Push, to: Device | Sent, now_ms: int, *, done: bool) -> None:
    """Write down that a push to a device begins, or that SNS has accepted it."""
    Sent(
        _push(push.kind, push),
        to.id,
        platform=to.platform,
        endpoint=to.endpoint,
        done=done,
        expires_at=now_ms // 1000 + _SENT_SECONDS,
    ).save()


def _push(kind: str, push: Push) -> str:
    """Return the key of what has been pushed."""
    return compose("push", kind, push.about, push.person_id)


def _list(person_id: str) -> str:
    """Return the key of a person's list."""
    return compose("person", person_id)


def _device(device_id: str) -> str:
    """Return the key of the row that says whose a device is."""
    return compose("device", device_id)
