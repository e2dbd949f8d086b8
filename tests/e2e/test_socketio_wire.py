"""Socket.IO on the wire, by the sections of the Socket.IO protocol, version 5.

Every point of the protocol's own test suite has a test, except those of binary data:

==========  ========================================================================================
connect     ``TestConnectionToANamespace``; what came with CONNECT is in ``test_protocol.py``, a
            client that sends none in ``test_liveness.py``
message     ``TestSendingAndReceivingData``, ``TestPacketEncoding``; arguments that come back are in
            ``test_protocol.py``
disconnect  ``TestDisconnectionFromANamespace``
==========  ========================================================================================

Its part about Engine.IO is in ``test_transports_wire.py``.

https://socket.io/docs/v4/socket-io-protocol/
https://github.com/socketio/socket.io-protocol/blob/main/test-suite/test-suite.js
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.e2e.client_native import Raw
from tests.e2e.people import token
from tests.e2e.world import World


@pytest.fixture
def raw(world: World) -> Iterator[Raw]:
    """A WebSocket that has received its open packet."""
    raw = world.raw()
    assert raw.receive().startswith("0{")
    yield raw
    raw.close()


def connect(world: World, raw: Raw) -> None:
    """Let a user join ``/user``."""
    account = world.people.take("USER")
    raw.send(f"40/user,{json.dumps({'token': token(account)})}")
    assert raw.receive().startswith('40/user,{"sid":"')
    world.stack.wait_connections("/user", account.id)


class TestConnectionToANamespace:
    def test_the_main_namespace_has_no_name(self, raw: Raw) -> None:
        raw.send("40")
        answer = raw.receive()
        assert answer.startswith("40{")
        assert json.loads(answer[2:]).keys() == {"sid"}

    def test_a_namespace_with_a_payload(self, world: World, raw: Raw) -> None:
        connect(world, raw)

    @pytest.mark.parametrize(
        ("packet", "answer"),
        [
            ("40/random", '44/random,{"message":"Invalid namespace"}'),
            ("40/random,", '44/random,{"message":"Invalid namespace"}'),
            ("40/user,", '44/user,{"message":"Authentication token required"}'),
        ],
    )
    def test_a_refusal_is_a_connect_error_and_the_connection_stays(
        self, raw: Raw, packet: str, answer: str
    ) -> None:
        raw.send(packet)
        assert raw.receive() == answer
        raw.send("40")
        assert raw.receive().startswith("40{")

    def test_each_namespace_of_a_connection_has_a_session_of_its_own(
        self, world: World, raw: Raw
    ) -> None:
        connect(world, raw)
        raw.send("40")
        assert raw.receive().startswith("40{")
        for prefix in ("/user,", ""):
            raw.send(f'42{prefix}1["nothing"]')
            assert _answered(raw, f"43{prefix}1[")


class TestSendingAndReceivingData:
    def test_an_event_without_an_id_is_not_acknowledged(self, world: World, raw: Raw) -> None:
        connect(world, raw)
        raw.send('42/user,["nothing",1,{"2":[true]}]')
        assert raw.receive().startswith('42/user,["')
        raw.send("2probe")
        assert raw.receive() == "3probe"

    @pytest.mark.parametrize("number", ["0", "456"])
    def test_an_acknowledgement_has_the_id_of_its_event(
        self, world: World, raw: Raw, number: str
    ) -> None:
        connect(world, raw)
        raw.send(f'42/user,{number}["nothing",{{"3":[false]}}]')
        assert _answered(raw, f"43/user,{number}[")

    def test_an_acknowledgement_that_nobody_has_asked_for_is_ignored(
        self, world: World, raw: Raw
    ) -> None:
        connect(world, raw)
        raw.send('43/user,9["x"]')
        raw.send('42/user,1["nothing"]')
        assert _answered(raw, "43/user,1[")


class TestDisconnectionFromANamespace:
    def test_the_connection_stays_without_any_namespace(self, raw: Raw) -> None:
        for _ in range(2):
            raw.send("40")
            assert raw.receive().startswith("40{")
            raw.send("41")
        raw.send("2probe")
        assert raw.receive() == "3probe"

    def test_the_other_namespaces_stay(self, world: World, raw: Raw) -> None:
        connect(world, raw)
        raw.send("40")
        assert raw.receive().startswith("40{")
        raw.send("41/user,")
        raw.send('421["nothing"]')
        assert _answered(raw, "431[")


class TestPacketEncoding:
    @pytest.mark.parametrize(
        "packet",
        ["4", "4abc", "47", "42", "42{}", '42{"a":1}', "42[]", '42abc["x"]', '42["x"', "40/user,{"],
    )
    def test_a_packet_that_is_none_closes_the_connection(self, raw: Raw, packet: str) -> None:
        raw.send(packet)
        raw.closed()

    def test_an_event_before_any_connect_closes_the_connection(self, raw: Raw) -> None:
        raw.send('42["x"]')
        raw.closed()


def _answered(raw: Raw, start: str) -> bool:
    """Read frames until one begins with ``start``, at most three."""
    return any(raw.receive().startswith(start) for _ in range(3))
