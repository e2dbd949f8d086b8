"""The rows of a chat call.

While a call lasts, it is a row of the people table, where the ring timer looks for it. The rows of
its two parties have its id, each with the id of the other party. The sweep finds it in a list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec
from pynamodb.attributes import (
    BooleanAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)

from functions.chat.namespaces import CHAT
from functions.chat.state import FINAL, Status
from shared.aws.tables import Table, TableName
from shared.calling import ring
from shared.ids import compose, decompose
from shared.protocol import json
from shared.realtime import people
from shared.realtime.address import Address
from shared.realtime.untold import Mark, MarkedRow
from shared.settings import settings

LIST = "calls"
"""The topic of the list of calls that are not over."""

_LISTED_SECONDS = 86_400


class ChatCall(ring.CallOnRow):
    """The call itself. ``caller_tab`` and ``callee_tab``: the connections that it is between, the
    callee's from the accept on, as members of their people. ``caller_name``: as the callee's phones
    show it. ``accepted_by``: the id of the message
    that accepted. ``accepted_in``: made anew for every attempt to accept; by it, a write that is
    repeated because its answer was lost recognizes its own success. Times are epoch milliseconds.
    """

    type = UnicodeAttribute()
    caller_id = UnicodeAttribute(attr_name="callerId")
    callee_id = UnicodeAttribute(attr_name="calleeId")
    caller_name = UnicodeAttribute(attr_name="callerName", null=True)
    caller_tab = UnicodeAttribute(attr_name="callerTab")
    callee_tab = UnicodeAttribute(attr_name="calleeTab", null=True)
    started_at = NumberAttribute(attr_name="startedAt")
    accepted_at: Any = NumberAttribute(attr_name="acceptedAt", null=True)
    accepted_by = UnicodeAttribute(attr_name="acceptedBy", null=True)
    accepted_in = UnicodeAttribute(attr_name="acceptedIn", null=True)

    def peer_of(self, person_id: str) -> str:
        """Return the id of the other party."""
        return str(self.callee_id if person_id == self.caller_id else self.caller_id)

    @property
    def started(self) -> Mark:
        """The mark of the invite."""
        return Mark(int(self.started_at), self.id, Status.RINGING)


class HeldCandidate(NamedTuple):
    """An ICE candidate that the other party cannot use yet.

    id: the id of the frame that brought it, by which candidates sort.
    sender_id: the person who sent it.
    """

    id: str
    sender_id: str
    candidate: Any

    @property
    def text(self) -> str:
        """The candidate as the call's row keeps it."""
        return compose(self.id, json.dumps([self.sender_id, self.candidate]))

    @classmethod
    def of(cls, text: str) -> HeldCandidate:
        """Read the text of a candidate."""
        id_, value = decompose(text, 2)
        sender_id, candidate = msgspec.json.decode(value, type=tuple[str, Any])
        return cls(id_, sender_id, candidate)


class CallRow(MarkedRow):
    """The row of its own on which a chat call rings and lasts, until its end has been announced.

    call: the call. A call with a final status is over.
    answer: the WebRTC answer as JSON, from the accept until the caller has received it.
    held: candidates, each as ``HeldCandidate.text``. Those of the caller wait for
        ``call:incoming``, those of the callee for ``call:accepted``.
    rings_on: the callee's tabs on which the call rings, as ``Address.member``.
    dismissed: the callee's tabs that know that another tab has the call, as ``Address.member``.
    """

    class Meta:
        table_name = TableName("people")

    person = UnicodeAttribute(hash_key=True)
    call: Any = ChatCall(attr_name=ring.ATTRIBUTE)
    answer = UnicodeAttribute(null=True)
    held: Any = UnicodeSetAttribute(null=True)
    dismissed: Any = UnicodeSetAttribute(null=True)
    rings_on: Any = UnicodeSetAttribute(attr_name="ringsOn", null=True)

    @property
    def over(self) -> bool:
        """Whether the call is over."""
        return self.call.status in FINAL

    @property
    def ringing(self) -> list[Address]:
        """The addresses of the tabs on which the call rings."""
        return addresses_of(self.rings_on)

    @property
    def informed(self) -> set[str]:
        """The tabs of ``dismissed``, each as ``Address.receiver``."""
        return {one.receiver for one in addresses_of(self.dismissed)}

    def held_of(self, person_id: str) -> list[HeldCandidate]:
        """Return the candidates that wait and that a person has sent, in order."""
        every = sorted(HeldCandidate.of(text) for text in self.held or ())
        return [one for one in every if one.sender_id == person_id]


class Party(Table):
    """A person's row in the people table, as far as calls need it.

    members: the person's connections, as ``Address.member``.
    away: the person's lost sessions, as in ``people.Person``.
    calls: the person's calls, each composed of the call's id and the id of the other party.
    devices, awaited: as in ``people.Person``.
    """

    class Meta:
        table_name = TableName("people")

    person = UnicodeAttribute(hash_key=True)
    members: Any = UnicodeSetAttribute(attr_name="connections", null=True)
    away: Any = UnicodeSetAttribute(null=True)
    calls: Any = UnicodeSetAttribute(null=True)
    devices: Any = UnicodeSetAttribute(null=True)
    awaited = BooleanAttribute(null=True)

    @property
    def connected(self) -> list[Address]:
        """The addresses of the person's sessions that have a connection."""
        return addresses_of(self.members)

    def addresses(self, tab: str | None = None) -> list[Address]:
        """Return the connection ``tab``, or all sessions of the person if it is None or gone.

        They include lost sessions that can be recovered, whose events are logged. If the session of
        ``tab`` has another connection by now, the person's other sessions may have received what it
        has missed.
        """
        if tab and tab in (self.members or ()):
            return [address(tab)]
        return self.connected + self.lost

    @property
    def lost(self) -> list[Address]:
        """The addresses of lost sessions that can be recovered."""
        return people.lost_addresses(CHAT.path, self.away, self.members or set())

    def with_peers(self) -> list[tuple[str, str]]:
        """Return the call's id and the other party's id for every call."""
        entries = [decompose(entry, 2) for entry in sorted(self.calls or ())]
        return [(call_id, peer_id) for call_id, peer_id in entries]

    def is_in(self, call_id: str) -> bool:
        """Return whether the person is in this call."""
        return any(call_id == entry for entry, _ in self.with_peers())


class Listed(Table):
    """A call that is not over, or whose end has not been announced, for the sweep.

    item: the call's id, which sorts by the moment at which the call began to ring.
    incoming: the payload of ``call:incoming`` as JSON, for tabs that come while the call rings.
        None if it is too long. It is kept here because this row is not written again while the call
        lasts.
    """

    class Meta:
        table_name = TableName("chat")

    topic = UnicodeAttribute(hash_key=True)
    item = UnicodeAttribute(range_key=True)
    expires_at = NumberAttribute(attr_name="expiresAt")
    incoming = UnicodeAttribute(null=True)

    @classmethod
    def of(cls, call: ChatCall, incoming: str) -> Listed:
        """Return the entry of a call that begins to ring.

        incoming: the payload of ``call:incoming`` as JSON.
        """
        fits = len(incoming.encode()) <= settings().kept_offer_bytes
        expires_at = int(call.started_at) // 1000 + _LISTED_SECONDS
        return cls(LIST, call.id, expires_at=expires_at, incoming=incoming if fits else None)


def address(tab: str) -> Address:
    """Return the address of a tab, which is given as ``Address.member``."""
    return Address.of_member(CHAT.path, tab)


def addresses_of(tabs: Iterable[str] | None) -> list[Address]:
    """Return the addresses of some tabs, in the order of their names. Returns none for None."""
    return [address(tab) for tab in sorted(tabs or ())]


def of_key(call_id: str) -> CallRow:
    """Return a call's row that has only its key, for a write."""
    return CallRow(ring.row_of_call(call_id))


def find(call_id: str) -> CallRow | None:
    """Return the row of a call, strongly consistent. Returns None if there is none."""
    try:
        return CallRow.get(ring.row_of_call(call_id), consistent_read=True)
    except CallRow.DoesNotExist:
        return None


def get(call_id: str) -> CallRow | None:
    """Return the row of a call, strongly consistent. Returns None if the call does not exist or is
    over."""
    row = find(call_id)
    return None if row is None or row.over else row


def party(person_id: str) -> Party:
    """Return the row, strongly consistent. Returns an empty one if the person never connected."""
    row = people.key(CHAT.path, person_id)
    try:
        return Party.get(row, consistent_read=True)
    except Party.DoesNotExist:
        return Party(row)


def listed() -> Iterator[str]:
    """Yield the ids of the calls in the list, the oldest first."""
    for row in Listed.query(LIST, page_size=100):
        yield row.item


def newest(limit: int, before: str | None) -> list[str]:
    """Return ids of the calls in the list, the newest first.

    limit: the most ids to return.
    before: the id of a call; only older calls are returned. With None, all are.
    """
    older = None if before is None else Listed.item < before
    rows = Listed.query(LIST, older, scan_index_forward=False, limit=limit)
    return [row.item for row in rows]


def incoming(call_id: str) -> str | None:
    """Return the payload of a call's ``call:incoming`` as JSON. Returns None if it is not kept."""
    try:
        return Listed.get(LIST, call_id, consistent_read=True).incoming
    except Listed.DoesNotExist:
        return None


def forget(call_id: str) -> None:
    """Take a call off the list. Idempotent."""
    Listed(LIST, call_id).delete()


def several(call_ids: list[str]) -> dict[str, CallRow]:
    """Return the rows of calls by their ids, strongly consistent, as far as they exist."""
    keys = [ring.row_of_call(call_id) for call_id in call_ids]
    return {row.call.id: row for row in CallRow.batch_get(keys, consistent_read=True)}


def parties(rows: list[CallRow]) -> Iterator[Party]:
    """Yield the rows of the parties of calls, eventually consistent."""
    people_ids = {one for row in rows for one in (row.call.caller_id, row.call.callee_id)}
    return Party.batch_get([people.key(CHAT.path, one) for one in sorted(people_ids)])
