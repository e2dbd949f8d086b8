"""The rows of the two people in a call."""

from __future__ import annotations

from typing import Any

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UnicodeSetAttribute

from functions.calls.namespaces import TELECALLER, USER
from shared.calling import ring
from shared.identity.wallet import Wallet
from shared.realtime import people
from shared.realtime.untold import MarkedRow


class CurrentCall(ring.CallOnRow):
    """The call that a person is in.

    status: set on the telecaller's row only, so that one item decides every transition.
    peer_id, peer_name, peer_profile: the other party of the call.
    rate: coins per started minute.
    started_at, accepted_at: epoch ms.
    accepted_by: the id of the message that accepted the call.
    accepted_on: the telecaller's connection that accepted the call, as ``Address.member``.
    rings_on: set on the telecaller's row only, the connections to which the event that starts the
        call sends ``call:incoming``, each as ``Address.member``. Others ring when they join.
    accepted_in: made anew for every attempt to accept. By it, a write that is repeated because its
        answer was lost recognizes its own success.
    attendance: set on the telecaller's row only, who has joined and left the LiveKit room; see
        ``attendance.read``. None without LiveKit's webhooks.
    """

    type = UnicodeAttribute()
    peer_id = UnicodeAttribute(attr_name="peerId")
    peer_name = UnicodeAttribute(attr_name="peerName")
    peer_profile = UnicodeAttribute(attr_name="peerProfile", null=True)
    rate = NumberAttribute(default=0)
    started_at = NumberAttribute(attr_name="startedAt")
    rings_on: Any = UnicodeSetAttribute(attr_name="ringsOn", null=True)
    accepted_at: Any = NumberAttribute(attr_name="acceptedAt", null=True)
    accepted_by = UnicodeAttribute(attr_name="acceptedBy", null=True)
    accepted_on = UnicodeAttribute(attr_name="acceptedOn", null=True)
    accepted_in = UnicodeAttribute(attr_name="acceptedIn", null=True)
    attendance = UnicodeAttribute(null=True)


class PartyRow(Wallet, MarkedRow):
    """The row of a user or a telecaller. A person is free exactly if their row has no call.

    The marks of a call's transitions are on the telecaller's row.

    last_call: only on a user's row, the id of the user's last call that is over.
    refused_call: only on a user's row, the id that the call of the last refused attempt would have
        had.
    """

    call = CurrentCall(attr_name=ring.ATTRIBUTE, null=True)
    last_call = UnicodeAttribute(attr_name="lastCall", null=True)
    refused_call = UnicodeAttribute(attr_name="refusedCall", null=True)

    @property
    def current_call(self) -> CurrentCall | None:
        """The call that the person is in, or None."""
        return self.call

    def is_in(self, call_id: str) -> bool:
        """Return whether the person is in this call."""
        call = self.current_call
        return call is not None and call.id == call_id


class PartyRows(msgspec.Struct, frozen=True):
    """The rows of both parties of a call."""

    telecaller: PartyRow
    user: PartyRow


def get(namespace: str, person_id: str) -> PartyRow:
    """Return a person's row, read strongly consistently. Returns an empty row if there is none."""
    return people.get(namespace, person_id, PartyRow)


def get_both(telecaller_id: str, user_id: str) -> PartyRows:
    """Return the rows of both parties."""
    return PartyRows(get(TELECALLER.path, telecaller_id), get(USER.path, user_id))


def with_peer(mine: PartyRow) -> PartyRows:
    """Return the rows of both parties of the call that a person is in.

    mine: that person's row.
    """
    peer_id = mine.call.peer_id
    if mine.namespace == TELECALLER.path:
        return PartyRows(mine, get(USER.path, peer_id))
    return PartyRows(get(TELECALLER.path, peer_id), mine)


def of_key(namespace: str, person_id: str) -> PartyRow:
    """Return a row that has only its key, for a write."""
    return PartyRow(people.key(namespace, person_id))
