"""Long polling and its upgrade on the wire, by the sections of the Engine.IO protocol.

The classes are named like those sections, and the groups of the protocol's own test suite: its
``message`` is ``TestMessage``. Every point of the suite has a test here, except those of binary
data, which API Gateway does not take. What is sent and received over a WebSocket is in
``test_socketio_wire.py``, and pings over it in ``test_liveness.py``.

https://socket.io/docs/v4/engine-io-protocol/
https://github.com/socketio/engine.io-protocol/blob/main/test-suite/test-suite.js
"""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest

from shared.identity.accounts import Account
from shared.protocol.polling import decode
from tests.e2e import backstage
from tests.e2e.chat import Tab, chat_token, tab, unique
from tests.e2e.client_native import Raw
from tests.e2e.client_polling import PATH, Polling
from tests.e2e.clients import Refused
from tests.e2e.people import token
from tests.e2e.stack import FRONTEND, Answer
from tests.e2e.waiting import until
from tests.e2e.world import World

PROTOCOLS = (4, 3)
MANY = 200


def error(answer: Answer) -> tuple[int, Any]:
    return answer.status, answer.body


def engine_error(code: int, message: str) -> tuple[int, Any]:
    return 400, {"code": code, "message": message}


UNKNOWN = engine_error(1, "Session ID unknown")
BAD = engine_error(3, "Bad request")
UNSUPPORTED = engine_error(5, "Unsupported protocol version")


def user(world: World, protocol: int = 4) -> Polling:
    """Return a session of a user that has joined by polling."""
    client = Polling(world.stack, protocol)
    account = world.people.take("USER")
    if protocol == 3:
        assert client.post(f"40/user?token={token(account)},").body == "ok"
        client.wait("40/user")
    else:
        client.join("/user", {"token": token(account)})
    until(lambda: _moved(world, client, account), "the client is reached by polling")
    return client


def _moved(world: World, client: Polling, account: Account) -> bool:
    """Let a POST find out that the client does not upgrade. Returns False if it still may."""
    client.post("6")  # a packet that changes nothing
    return world.stack.connections_of("/user", account.id) == 1


class TestHandshake:
    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_the_first_answer_opens_the_session(self, world: World, protocol: int) -> None:
        client = Polling(world.stack, protocol)
        assert client.answer.headers["Content-Type"] == "text/plain; charset=UTF-8"
        assert client.answer.headers["Cache-Control"] == "no-store"
        assert client.handshake == {
            "sid": client.sid,
            "upgrades": ["websocket"],
            "pingInterval": 300_000,
            "pingTimeout": 300_000,
            "maxPayload": 32_768,
        }
        assert client.opening[1:] == (["40"] if protocol == 3 else [])

    @pytest.mark.parametrize(
        ("method", "query", "expected"),
        [
            ("GET", "", engine_error(0, "Transport unknown")),
            ("GET", "EIO=4&transport=abc", engine_error(0, "Transport unknown")),
            ("GET", "EIO=4&transport=websocket", BAD),
            ("GET", "EIO=4", engine_error(0, "Transport unknown")),
            ("GET", "EIO=5&transport=polling", UNSUPPORTED),
            ("GET", "EIO=abc&transport=polling", UNSUPPORTED),
            ("GET", "transport=polling", UNSUPPORTED),
            ("POST", "EIO=4&transport=polling", engine_error(2, "Bad handshake method")),
            ("PUT", "EIO=4&transport=polling", engine_error(2, "Bad handshake method")),
            ("GET", "EIO=4&transport=polling&sid=abc", UNKNOWN),
            ("POST", "EIO=4&transport=polling&sid=abc", UNKNOWN),
        ],
    )
    def test_wrong_requests(
        self, world: World, method: str, query: str, expected: tuple[int, Any]
    ) -> None:
        body = b"4" if method == "POST" else None
        answer = world.stack.request(method, f"{PATH}?{query}", {}, body)
        assert error(answer) == expected

    def test_a_websocket_is_opened_by_its_first_frame(self, world: World) -> None:
        websocket = world.raw()
        opened = json.loads(websocket.receive().removeprefix("0"))
        assert opened.pop("sid")
        assert opened == {
            "upgrades": [],
            "pingInterval": 300_000,
            "pingTimeout": 300_000,
            "maxPayload": 32_768,
        }
        websocket.close()

    @pytest.mark.parametrize(
        "query",
        ["transport=websocket", "EIO=abc&transport=websocket", "EIO=4", "EIO=4&transport=abc"],
    )
    def test_a_websocket_without_a_known_version_or_transport_is_refused(
        self, world: World, query: str
    ) -> None:
        with pytest.raises(Refused):
            Raw(world.stack.url, f"{PATH}?{query}")

    def test_other_parameters_are_the_app_s_own(self, world: World) -> None:
        client = Polling(world.stack, query="&namespace=/user&t=abc&b64=1&j=0&sid=")
        assert client.packets() == ["6"]

    def test_the_cookie_of_the_first_request_counts_from_our_pages(self, world: World) -> None:
        cookie = f"authenticationToken={token(world.people.take('ADMIN'))}"
        for origin, start in ((FRONTEND, '40/admin,{"sid"'), ("https://other.example", "44/admin")):
            client = Polling(world.stack, headers={"Cookie": cookie, "Origin": origin})
            client.post("40/admin,")
            assert client.wait("4")[0].startswith(start)

    @pytest.mark.parametrize("origin", [FRONTEND, "https://other.example"])
    def test_pages_of_any_origin_may_poll(self, world: World, origin: str) -> None:
        client = Polling(world.stack, headers={"Origin": origin})
        allowed = origin if origin == FRONTEND else "*"
        for answer in (client.answer, client.post("3"), client.get()):
            assert answer.headers["Access-Control-Allow-Origin"] == allowed
            credentials = answer.headers["Access-Control-Allow-Credentials"]
            assert credentials == ("true" if origin == FRONTEND else None)
        refused = world.stack.get(f"{PATH}?EIO=4&transport=polling&sid=x", Origin=origin)
        assert refused.headers["Access-Control-Allow-Origin"] == allowed
        asked = {"Origin": origin, "Access-Control-Request-Headers": "x-app"}
        preflight = world.stack.request("OPTIONS", f"{PATH}?EIO=4&transport=polling", asked)
        assert preflight.status == 204
        assert preflight.headers["Access-Control-Allow-Headers"] == "x-app"
        assert "POST" in preflight.headers["Access-Control-Allow-Methods"]


class TestMessage:
    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_packets_go_both_ways(self, world: World, protocol: int) -> None:
        client = user(world, protocol)
        answer = client.post('42/user,1["ü🙂"]', '42/user,2["b"]')
        assert (answer.status, answer.body) == (200, "ok")
        assert answer.headers["Content-Type"] == "text/html"
        assert answer.headers["Cache-Control"] == "no-store"
        acknowledged = [one for one in client.wait("43/user,2") if one.startswith("43")]
        assert [one[:10] for one in acknowledged] == ["43/user,1[", "43/user,2["]

    def test_a_second_get_ends_the_session(self, world: World) -> None:
        client = user(world)
        first: list[Answer] = []
        thread = threading.Thread(target=lambda: first.append(client.get()))
        with backstage.settings_of(world.stack, "polling", poll_seconds=20):
            thread.start()
            until(lambda: backstage.waits(world.stack, f"~{client.sid}"), "the GET waits")
            assert client.get().status == 400
            thread.join()
        assert first[0].body == "1"
        assert error(client.get()) == UNKNOWN

    def test_a_second_post_ends_the_session(self, world: World) -> None:
        client = user(world)
        many = [f'42/user,{number}["x"]' for number in range(50)]
        first = threading.Thread(target=client.post, args=many)
        first.start()
        time.sleep(0.3)
        assert client.post("3").status == 400
        first.join()
        while (answer := client.get()).status == 200:
            assert "43/user," in answer.body, "what has been answered until then"
        assert error(answer) == UNKNOWN

    def test_a_body_that_is_too_large_is_refused(self, world: World) -> None:
        client = user(world)
        assert client.post_text("4" + "x" * 32_768).status == 413

    def test_binary_is_refused(self, world: World) -> None:
        client = user(world)
        assert client.post_text("4", "application/octet-stream").status == 400
        assert error(client.get()) == UNKNOWN

    @pytest.mark.parametrize("text", ["", "abc", "9"])
    def test_a_body_that_is_no_packet_ends_the_session(self, world: World, text: str) -> None:
        client = user(world)
        assert error(client.post_text(text)) == BAD
        assert error(client.get()) == UNKNOWN

    def test_a_wrong_length_ends_the_session(self, world: World) -> None:
        client = user(world, 3)
        assert error(client.post_text('14:42/user,1["a"]9:4')) == BAD
        assert error(client.get()) == UNKNOWN

    def test_a_packet_that_is_none_of_socketio_ends_the_session(self, world: World) -> None:
        client = user(world)
        assert client.post_text("4x").body == "ok"
        assert error(client.get()) == UNKNOWN


class TestHeartbeat:
    def test_who_does_not_answer_a_ping_is_gone(self, world: World) -> None:
        answering, silent = user(world), user(world)
        for _ in range(2):
            for client in (answering, silent):
                backstage.make_due(world.stack, f"~{client.sid}")
            backstage.invoke(world.stack, "sweep", {})
            assert "2" in answering.wait("2")
            assert answering.post("3").body == "ok"
        assert "2" in decode(silent.get().body, 4)
        assert error(silent.get()) == UNKNOWN

    def test_a_2x_client_is_answered_by_polling(self, world: World) -> None:
        client = user(world, 3)
        client.post("2")
        assert client.wait("3") == ["3"]

    def test_a_pong_is_a_sign_of_life(self, world: World) -> None:
        client = user(world)
        assert client.post("3").body == "ok"
        assert client.post("3").body == "ok"


class TestUpgrade:
    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_the_websocket_gets_no_open_packet_and_takes_over(
        self, world: World, protocol: int
    ) -> None:
        client = user(world, protocol)
        websocket = client.websocket()
        waiting: list[str] = []
        thread = threading.Thread(target=lambda: waiting.extend(client.packets()))
        thread.start()
        websocket.send("2probe")
        assert websocket.receive() == "3probe"
        thread.join()
        assert waiting[-1] == "6"
        websocket.send("5")
        websocket.send('42/user,1["a"]')
        assert any(websocket.receive().startswith("43/user,1[") for _ in range(2))
        assert error(client.get()) == BAD
        assert error(client.post("3")) == BAD
        websocket.close()

    def test_before_the_upgrade_polling_keeps_the_session(self, world: World) -> None:
        client = user(world)
        websocket = client.websocket()
        websocket.send("2probe")
        assert websocket.receive() == "3probe"
        client.post('42/user,1["a"]')
        assert client.wait("43")[-1].startswith("43/user,1[")
        websocket.close()
        client.post('42/user,2["a"]')
        assert client.wait("43")[-1].startswith("43/user,2[")

    def test_a_second_websocket_is_refused(self, world: World) -> None:
        client = user(world)
        websocket = client.websocket()
        with pytest.raises(Refused):
            client.websocket()
        websocket.send("2probe")
        assert websocket.receive() == "3probe"
        websocket.send("5")
        with pytest.raises(Refused):
            client.websocket()
        websocket.close()

    def test_an_upgrade_takes_ten_seconds_at_most(self, world: World) -> None:
        client = user(world)
        websocket = client.websocket()
        begin = time.monotonic()
        closing = threading.Thread(target=websocket.closed)
        closing.start()
        while closing.is_alive():
            assert time.monotonic() - begin < 60
            client.packets()
        assert time.monotonic() - begin > 8
        client.post('42/user,1["a"]')
        assert client.wait("43")[-1].startswith("43/user,1[")

    def test_nothing_is_lost_doubled_or_reordered(self, world: World) -> None:
        """Two people in a call send each other numbered events while one of them upgrades."""
        other, person = tab(world, unique("other")), unique("polling")
        client = Polling(world.stack)
        client.join("/")
        client.post(f'420["authenticate","{chat_token(person)}"]')
        client.wait("430")
        asked = {"targetUserId": person, "callType": "audio", "offer": {}}
        call_id = other.ask("call:invite", asked)["callId"]
        client.wait('42["call:incoming"')
        client.post(f'421["call:accept",{{"callId":"{call_id}","answer":{{}}}}]')
        client.wait("431")
        sending = threading.Thread(target=_send_all, args=(other, person))
        sending.start()
        received: list[str] = []
        for begin in range(0, MANY // 2, 20):
            numbers = range(begin, begin + 20)
            assert client.post(*(_candidate(other.person_id, n) for n in numbers)).body == "ok"
            received += client.packets()
        websocket = client.websocket()
        websocket.send("2probe")
        assert websocket.receive() == "3probe"
        received += client.packets()
        websocket.send("5")
        for number in range(MANY // 2, MANY):
            websocket.send(_candidate(other.person_id, number))
        while len(_numbers_of(received)) < MANY:
            received.append(websocket.receive())
        sending.join()
        assert _numbers_of(received) == list(range(MANY))
        until(lambda: len(_candidates(other)) == MANY, "all of the other's candidates")
        assert _candidates(other) == list(range(MANY))
        websocket.close()

    def test_packets_of_the_first_moment_are_handled_on_the_websocket(self, world: World) -> None:
        client, account = Polling(world.stack), world.people.take("USER")
        connect = f"40/user,{json.dumps({'token': token(account)})}"
        client.post(connect, *(f'42/user,{number}["x"]' for number in range(20)))
        client.wait("40/user")
        websocket = client.websocket()
        websocket.send("2probe")
        assert websocket.receive() == "3probe"
        websocket.send("5")
        for number in range(20, 40):
            websocket.send(f'42/user,{number}["x"]')
        found: list[str] = []
        while len(found) < 40:
            found += [one for one in [websocket.receive()] if one.startswith("43/user,")]
        assert [int(one[8:].partition("[")[0]) for one in found] == list(range(40))
        (connection_id,) = backstage.connection_ids(world.stack, account)
        assert not connection_id.startswith("~"), "the session belongs to the WebSocket"
        websocket.close()


def _send_all(other: Tab, person: str) -> None:
    for number in range(MANY):
        other.client.emit("call:ice_candidate", _fields(person, number))


def _fields(person: str, number: int) -> dict[str, Any]:
    return {"targetUserId": person, "candidate": {"number": number}}


def _candidate(person: str, number: int) -> str:
    return "42" + json.dumps(["call:ice_candidate", _fields(person, number)])


def _numbers_of(packets: list[str]) -> list[int]:
    """Return the numbers of the candidates among packets."""
    events = (json.loads(one[2:]) for one in packets if one.startswith('42["call:ice_candidate"'))
    return [event[1]["candidate"]["number"] for event in events]


def _candidates(other: Tab) -> list[int]:
    return [one["candidate"]["number"] for one in other.all("call:ice_candidate")]


class TestClose:
    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_the_client_ends_the_session(self, world: World, protocol: int) -> None:
        client = user(world, protocol)
        waiting: list[str] = []
        thread = threading.Thread(target=lambda: waiting.extend(client.packets()))
        thread.start()
        time.sleep(1)
        client.post("1")
        thread.join()
        assert waiting == ["6"]
        assert error(client.get()) == UNKNOWN

    def test_the_end_of_the_session_in_its_only_namespace_does_not_end_polling(
        self, world: World
    ) -> None:
        client = user(world)
        client.post("41/user,")
        account = world.people.take("USER")
        client.join("/user", {"token": token(account)})
        assert json.loads(client.opening[0][1:])["sid"] == client.sid
