"""The first steps of a call, with which most tests begin."""

from __future__ import annotations

from shared.identity.accounts import Account
from tests.e2e.clients import Client


def ring(user: Client, telecaller: Client, callee: Account, call_type: str = "AUDIO") -> str:
    """Start a call and wait until it rings on both sides. Returns the call's id."""
    answer = user.ask("call:initiate", {"telecallerId": callee.id, "callType": call_type})
    assert answer.keys() == {"callId"}, answer
    call_id: str = answer["callId"]
    assert telecaller.wait("call:incoming")["callId"] == call_id
    assert user.wait("call:ringing")["callId"] == call_id
    return call_id


def answer(user: Client, telecaller: Client, call_id: str) -> None:
    """Accept a call and wait until both sides receive ``call:accepted``."""
    assert telecaller.ask("call:accept", {"callId": call_id}) is None
    telecaller.wait("call:accepted", callId=call_id)
    user.wait("call:accepted", callId=call_id)
