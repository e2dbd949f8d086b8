"""The events of the call product's documents: the registry has them with exactly their fields."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

import functions.calls.events
import functions.calls.presence.events
from functions.products import REGISTRY
from local.settings import ROOT
from shared.pipeline.declarations import EventHandler
from shared.pipeline.payloads import Outbound

# namespace, event, fields of the payload, error event
SENT = [
    ("/user", "call:initiate", {"telecallerId", "callType"}, "call:error"),
    ("/user", "call:cancel", {"callId"}, "call:error"),
    ("/user", "call:end", {"callId"}, "call:error"),
    ("/user", "telecallers:watch", set[str](), "error"),
    ("/user", "telecallers:unwatch", set[str](), "error"),
    ("/telecaller", "call:accept", {"callId"}, "error"),
    ("/telecaller", "call:reject", {"callId"}, "error"),
    ("/telecaller", "call:end", {"callId"}, "error"),
    ("/admin", "presence:request-counts", set[str](), "error"),
]

PARTY = {"_id": str, "name": str, "profile": str | None}
LIVEKIT = {"token": str, "url": str, "roomName": str}
DETAILS = {
    "_id": str,
    "name": str,
    "profile": str | None,
    "language": str | None,
    "about": str | None,
}
CALL = {"callId": str}
MESSAGE = {"message": str}

# event, fields; an event with different fields in two namespaces has two rows
RECEIVED: list[tuple[str, dict[str, Any]]] = [
    ("call:ringing", CALL | {"telecaller": PARTY}),
    ("call:incoming", CALL | {"callType": str, "caller": PARTY}),
    ("call:accepted", CALL | {"livekit": LIVEKIT}),
    ("call:accepted", CALL | {"callType": str, "caller": PARTY, "livekit": LIVEKIT}),
    ("call:rejected", CALL),
    ("call:missed", CALL),
    ("call:cancelled", CALL),
    ("call:ended", CALL | {"reason": str}),
    ("call:balance-low", CALL | {"secondsLeft": int}),
    ("call:error", MESSAGE),
    ("error", MESSAGE),
    (
        "telecaller:presence-changed",
        {"telecallerId": str, "presence": str, "telecaller": DETAILS},
    ),
    ("presence:counts", {"onlineUsers": int, "onlineTelecallers": int, "timestamp": str}),
]


def row(namespace: str, event: str) -> EventHandler:
    found = REGISTRY.find(namespace, event)
    assert found, f"{event} has no row in {namespace}"
    return found


def fields(struct: Any) -> dict[str, Any]:
    """Return the wire names and types of a struct's fields, also of the structs inside it."""
    found = {}
    for info in msgspec.inspect.type_info(struct).fields:  # type: ignore[attr-defined]
        found[info.encode_name] = _kind(info.type)
    return found


def _kind(type_: Any) -> Any:
    match type_:
        case msgspec.inspect.StructType():
            return fields(type_.cls)
        case msgspec.inspect.Metadata():  # the choices of a text
            return _kind(type_.type)
        case msgspec.inspect.UnionType():
            kinds = [_kind(part) for part in type_.types if part != msgspec.inspect.NoneType()]
            (kind,) = kinds
            return kind if isinstance(kind, dict) else kind | None
        case msgspec.inspect.IntType():
            return int
        case msgspec.inspect.StrType() | msgspec.inspect.LiteralType():
            return str
    raise AssertionError(f"no field of ours is a {type_}")


def outbound(base: type[Outbound] = Outbound) -> Iterator[type[Outbound]]:
    for found in base.__subclasses__():
        yield found
        yield from outbound(found)


SENT_BY_THE_CALL_PRODUCT = [
    struct
    for struct in outbound()
    if struct.__module__
    in {
        functions.calls.events.__name__,
        functions.calls.presence.events.__name__,
        "shared.pipeline.payloads",
    }
]


@pytest.mark.parametrize(("namespace", "event", "names", "error"), SENT)
def test_an_event_that_a_client_sends_has_a_row(
    namespace: str, event: str, names: set[str], error: str
) -> None:
    found = row(namespace, event)
    assert found.error_event == error
    if names:
        assert {info.encode_name for info in msgspec.structs.fields(found.payload)} == names
    else:
        assert found.payload is None


def test_the_call_product_s_namespaces_have_no_other_rows() -> None:
    documented = {(namespace, event) for namespace, event, _, _ in SENT}
    ours = {key for key, found in REGISTRY.handlers.items() if found.product == "calls"}
    assert ours == documented


@pytest.mark.parametrize(
    ("namespace", "event", "setting", "often"),
    [
        ("/user", "call:initiate", "limit_call_initiate_per_minute", 5),
        ("/user", "call:cancel", "limit_call_cancel_per_minute", 20),
        ("/user", "call:end", "limit_call_end_per_minute", 20),
        ("/telecaller", "call:accept", "limit_call_accept_per_minute", 20),
        ("/telecaller", "call:reject", "limit_call_reject_per_minute", 20),
        ("/telecaller", "call:end", "limit_call_end_per_minute", 20),
    ],
)
def test_the_documented_limits_are_the_defaults(
    namespace: str, event: str, setting: str, often: int, use_settings: Any
) -> None:
    limit = row(namespace, event).limit
    assert limit
    assert limit.setting == setting
    assert getattr(use_settings(), setting) == often


@pytest.mark.parametrize(("event", "expected"), RECEIVED)
def test_an_event_that_a_client_receives_has_exactly_its_documented_fields(
    event: str, expected: dict[str, Any]
) -> None:
    assert expected in [
        fields(struct) for struct in SENT_BY_THE_CALL_PRODUCT if struct.event == event
    ]


def test_no_undocumented_event_is_sent() -> None:
    documented = [(event, names) for event, names in RECEIVED]
    for struct in SENT_BY_THE_CALL_PRODUCT:
        assert (struct.event, fields(struct)) in documented
    assert len(SENT_BY_THE_CALL_PRODUCT) == len(RECEIVED)


def test_a_payload_is_written_under_its_documented_names() -> None:
    from functions.calls.events import Incoming, Party

    written = msgspec.to_builtins(Incoming("1", "AUDIO", Party("ulla", "Ulla", None)))
    assert written == {
        "callId": "1",
        "callType": "AUDIO",
        "caller": {"_id": "ulla", "name": "Ulla", "profile": None},
    }


def test_the_registry_needs_neither_the_environment_nor_aws() -> None:
    code = """
import socket

def refuse(*_):
    raise AssertionError("importing connects to something")

socket.socket.connect = refuse
from functions.products import REGISTRY
from shared.aws import clients
assert REGISTRY.find("/user", "call:initiate")
assert not clients.session.cache_info().currsize
assert not clients._made.cache_info().currsize
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={}, check=True)
