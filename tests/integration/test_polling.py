"""Long polling and its upgrade on real engines, also while requests meet."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from functions.calls.namespaces import USER
from shared.aws import mailboxes
from shared.aws.gateway import PostFailed
from shared.realtime import connections, people
from tests.conftest import UseSettings
from tests.fakes import Fakes
from tests.integration.conftest import Race
from tests.integration.polling import Client, Stage, connect_packet

pytestmark = pytest.mark.usefixtures("tables")

MANY = 200
WAIT_MS = 30_000


@pytest.fixture
def stage(fakes: Fakes, monkeypatch: pytest.MonkeyPatch, use_settings: UseSettings) -> Stage:
    use_settings(poll_seconds=0.5, upgrade_wait_ms=WAIT_MS, limit_connections_per_minute=100)
    return Stage(fakes, monkeypatch)


def members(person_id: str) -> set[str]:
    return set(people.get(USER.path, person_id).members or ())


def joined(stage: Stage, person_id: str) -> Client:
    """Return a client that has joined by polling, because it does not upgrade in time."""
    client = Client(stage)
    assert client.post(connect_packet(person_id))["body"] == "ok"
    assert client.get()[0].startswith('40/user,{"sid":')
    stage.clock.ahead_ms += WAIT_MS
    posted = client.post("3")
    assert posted["body"] == "ok"
    assert members(person_id) == {f"s:{client.id}"}
    return client


def upgraded(client: Client, websocket: str = "w") -> None:
    assert client.stage.shake_hands(websocket, client.sid) == 200
    client.stage.frame(websocket, "2probe")
    assert client.stage.gateway.to(websocket)[-1] == "3probe"
    client.stage.frame(websocket, "5")


def error(answer: dict[str, str]) -> tuple[object, int]:
    return answer["statusCode"], json.loads(answer["body"])["code"]


def test_the_handshake_offers_the_upgrade(stage: Stage) -> None:
    client = Client(stage)
    assert client.handshake["upgrades"] == ["websocket"]
    assert client.handshake["maxPayload"] == 32_768
    assert [packet[:1] for packet in client.opening] == ["0"]
    assert [one[:2] for one in Client(stage, 3).opening] == ["0{", "40"]


def test_a_connect_is_answered_at_once_and_joined_on_the_websocket(stage: Stage) -> None:
    client = Client(stage)
    client.post(connect_packet("ulla"))
    (answer,) = client.get()
    sid = json.loads(answer.removeprefix("40/user,"))["sid"]
    assert members("ulla") == set(), "nobody reaches the client yet"
    assert connections.get(client.id) is None, "a client that upgrades needs no row"
    upgraded(client)
    assert members("ulla") == {"s:w"}
    assert connections.get(client.id) is None
    row = connections.get("w")
    assert row
    assert [one.sid for one in row.all_sessions()] == [sid]
    assert not row.upgrades, "no event pays for the upgrade"
    assert stage.gateway.to("w") == ["3probe"], "the CONNECT is not answered twice"
    assert error(client.get()) == (400, 3)
    assert error(client.post("3")) == (400, 3)


def test_a_refused_connect_is_told_once(stage: Stage) -> None:
    client = Client(stage)
    client.post('40/user,{"token":"x"}')
    assert client.get() == ['44/user,{"message":"Invalid or expired token"}']
    upgraded(client)
    assert stage.gateway.to("w") == ["3probe"]


def test_a_client_that_guesses_before_it_upgrades_is_closed(
    stage: Stage, use_settings: UseSettings
) -> None:
    use_settings(limit_failed_authentications=3)
    client = Client(stage)
    client.post(connect_packet("ulla"), '40/user,{"token":"x"}')
    client.post('40/user,{"token":"y"}')
    assert len(client.get()) == 3
    client.post('40/user,{"token":"z"}')
    assert client.get() == ['44/user,{"message":"Invalid or expired token"}', "1"]


@pytest.mark.parametrize("upgrades", [True, False])
def test_a_client_joins_again_before_its_first_packets_are_handled(
    stage: Stage, upgrades: bool
) -> None:
    client = Client(stage)
    client.post("40", connect_packet("ulla"))
    client.post("41/user,", connect_packet("ulla"))
    answers = client.get()
    assert [one.partition("{")[0] for one in answers] == ["40", "40/user,", "40/user,"]
    if upgrades:
        upgraded(client)
    else:
        stage.handle_held(client)
    row = connections.get("w" if upgrades else client.id)
    assert row
    sids = {one.namespace: one.sid for one in row.all_sessions()}
    assert [sids["/"] in answers[0], sids["/user"] in answers[2]] == [True, True]
    assert members("ulla") == {f"s:{row.connection_id}"}


@pytest.mark.parametrize("upgrades", [True, False])
def test_a_session_comes_back_by_polling(stage: Stage, upgrades: bool) -> None:
    first, again = Client(stage), Client(stage)
    first.post(connect_packet("ulla", recovery=True))
    before = json.loads(first.get()[0].removeprefix("40/user,"))
    upgraded(first, "w1")
    again.post("40", connect_packet("ulla", recovery=True, pid=before["pid"]))
    assert json.loads(again.get()[1].removeprefix("40/user,")) == before
    if upgrades:
        upgraded(again, "w2")
        assert connections.get(again.id) is None
    else:
        stage.handle_held(again)
    row = connections.get("w2" if upgrades else again.id)
    assert row
    assert {one.namespace for one in row.all_sessions()} == {"/", "/user"}
    assert row.restoring == {"/user"}
    assert stage.tasks.restored == [(row.connection_id, "/user")]


def test_a_connect_while_the_first_packets_are_handled_is_answered_once(
    stage: Stage, race: Race
) -> None:
    for _ in range(10):
        client = Client(stage)
        client.post("40")
        race(partial(stage.handle_held, client), partial(client.post, connect_packet("ulla")))
        root, user = client.get()
        row = connections.get(client.id)
        assert row
        sids = {one.namespace: one.sid for one in row.all_sessions()}
        assert [sids["/"] in root, sids["/user"] in user] == [True, True]
        assert f"s:{client.id}" in members("ulla")


def test_who_dies_while_writing_the_client_s_row_loses_no_session(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(stage)
    client.post("40")
    with monkeypatch.context() as patched:
        patched.setattr(mailboxes, "forget_row", _dies)
        with pytest.raises(RuntimeError):
            stage.handle_held(client)
    client.post(connect_packet("ulla"))
    stage.clock.ahead_ms += mailboxes.LEASE_MS + 1
    stage.handle_held(client)
    assert len(client.get()) == 2
    assert members("ulla") == {f"s:{client.id}"}


def _dies(_: object) -> None:
    raise RuntimeError


def test_events_before_the_upgrade_are_handled_after_it_in_order(stage: Stage) -> None:
    client = Client(stage)
    client.post(connect_packet("ulla"), *(f'42/user,{n}["nothing"]' for n in range(3)))
    upgraded(client)
    answers = [one for one in stage.gateway.to("w") if one.startswith("43")]
    assert [one.partition("[")[0] for one in answers] == [f"43/user,{n}" for n in range(3)]


def test_a_client_that_does_not_upgrade_is_handed_over_by_its_get(stage: Stage) -> None:
    client = Client(stage)
    client.post(connect_packet("ulla"))
    client.get()
    stage.clock.ahead_ms += WAIT_MS
    assert client.get() == ["6"]
    assert stage.tasks.held == [client.id]
    stage.handle_held(client)
    assert members("ulla") == {f"s:{client.id}"}
    client.post('42/user,7["nothing"]')
    assert client.get()[1].startswith("43/user,7[")


def test_the_first_packets_are_handled_once(stage: Stage, race: Race) -> None:
    client = Client(stage)
    client.post(connect_packet("ulla"), '42/user,1["nothing"]')
    race(*[partial(stage.handle_held, client)] * 8)
    assert len([one for one in client.get() if one.startswith("43/user,1")]) == 1
    assert members("ulla") == {f"s:{client.id}"}


def test_a_late_upgrade_keeps_the_client_s_address(stage: Stage) -> None:
    client = joined(stage, "ulla")
    client.stage.ports.connections.post(client.id, "4waits")
    upgraded(client)
    assert members("ulla") == {f"s:{client.id}"}
    stage.ports.connections.post(client.id, "4later")
    assert stage.gateway.to("w")[1:] == ["4waits", "4later"]
    stage.frame("w", '42/user,9["nothing"]')
    assert stage.gateway.to("w")[-1].startswith("43/user,9[")
    assert stage.ports.connections.exists(client.id)
    stage.end("w")
    assert members("ulla") == set()
    assert connections.get(client.id) is None


def noting(read: list[str], function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that notes its first argument, a connection id, and calls ``function``."""

    def noted(connection_id: str, *rest: Any) -> Any:
        read.append(connection_id)
        return function(connection_id, *rest)

    return noted


def test_after_a_late_upgrade_events_cost_what_they_cost_without_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process asks the mailbox, and the WebSocket's row, once. The other posts are seen too."""
    client, other = joined(stage, "ulla"), joined(stage, "uwe")
    upgraded(client)
    stage.ports.connections.post(client.id, "4once")
    stage.frame("w", '42/user,8["nothing"]')
    read: list[str] = []
    for module, name in ((connections, "get"), (mailboxes, "put")):
        monkeypatch.setattr(module, name, noting(read, getattr(module, name)))
    posts = [(client.id, "4a"), (other.id, "4b"), ("x", "4c")]
    assert sorted(stage.ports.connections.post_all(posts)) == [(one, True) for one in sorted(posts)]
    assert read == [other.id]
    stage.frame("w", '42/user,9["nothing"]')
    assert read == [other.id, client.id]
    assert [one[:9] for one in stage.gateway.to("w")[2:]] == [
        "42/user,[",
        "43/user,8",
        "4a",
        "42/user,[",
        "43/user,9",
    ]
    stage.frame("w", "1")
    assert stage.tasks.goodbyes == ["w"]


def test_a_late_client_answers_pings_on_its_websocket(stage: Stage) -> None:
    client = joined(stage, "ulla")
    upgraded(client)
    stage.frame("w", "3")
    row = connections.get(client.id)
    assert row
    assert row.answered_at


def test_nothing_is_lost_or_reordered_while_a_client_upgrades(stage: Stage) -> None:
    client = joined(stage, "ulla")
    polled: list[str] = []
    over = threading.Event()

    def emit() -> None:
        for number in range(MANY):
            stage.ports.connections.post(client.id, f"4{number}")

    def poll() -> None:
        while not over.is_set():
            polled.extend(packet for packet in client.get() if packet != "6")

    emitter, poller = threading.Thread(target=emit), threading.Thread(target=poll)
    emitter.start()
    poller.start()
    _until(lambda: len(polled) > MANY // 10)
    assert stage.shake_hands("w", client.sid) == 200
    stage.frame("w", "2probe")
    over.set()
    poller.join()
    stage.frame("w", "5")
    emitter.join()
    arrived = [*polled, *stage.gateway.to("w")[1:]]
    assert arrived == [f"4{number}" for number in range(MANY)]
    assert len(stage.gateway.to("w")) > 2, "the upgrade came too late for this test"


def test_packets_of_many_senders_are_each_handed_out_once(stage: Stage, race: Race) -> None:
    client = Client(stage)

    def send(sender: int) -> list[str]:
        for number in range(10):
            assert stage.ports.connections.post(client.id, f"4{sender} {number}")
        return []

    def take() -> list[str]:
        found: list[str] = []
        while len(found) < 80:
            found.extend(packet for packet in client.get() if packet != "6")
        return found

    *_, found = race(*[partial(send, sender) for sender in range(8)], take)
    for sender in range(8):
        mine = [one for one in found if one.startswith(f"4{sender} ")]
        assert mine == [f"4{sender} {number}" for number in range(10)]


def test_a_second_get_at_the_same_time_ends_the_session(stage: Stage) -> None:
    client = Client(stage)
    first: list[object] = []
    thread = threading.Thread(target=lambda: first.append(client.get()))
    thread.start()
    _until(lambda: bool((box := mailboxes.get(client.id)) and box.poll))
    assert error(client.get()) == (400, 3)
    thread.join()
    assert first == [["1"]]
    assert stage.tasks.ended_connections == [client.id]
    assert error(client.get()) == (400, 1)


def test_a_second_post_at_the_same_time_ends_the_session(stage: Stage) -> None:
    client = Client(stage)
    assert mailboxes.begin_post(client.id, stage.ports.clock.now_ms())
    assert error(client.post("3")) == (400, 3)
    assert error(client.get()) == (400, 1)
    assert stage.tasks.ended_connections == [client.id]


def test_a_client_that_says_goodbye_is_gone(stage: Stage) -> None:
    client = joined(stage, "ulla")
    client.post("41/user,", "1", "4 ignored")
    assert stage.tasks.ended_connections == [client.id]
    stage.end(client.id)
    assert members("ulla") == set()
    assert error(client.get()) == (400, 1)


def test_a_goodbye_in_the_first_moment_is_not_held_back(stage: Stage) -> None:
    client = Client(stage)
    client.post(connect_packet("ulla"))
    client.post("41/user,", "1")
    assert stage.tasks.ended_connections == [client.id]


def test_what_waits_is_told_before_the_end(stage: Stage) -> None:
    client = Client(stage)
    stage.ports.connections.post(client.id, "41/user,")
    stage.ports.connections.close(client.id)
    assert client.get() == ["41/user,", "1"]


@pytest.mark.parametrize("protocol", [3, 4])
def test_a_payload_that_is_none_ends_the_session(stage: Stage, protocol: int) -> None:
    client = Client(stage, protocol)
    client.post("1")
    broken = Client(stage, protocol)
    stage.clock.ahead_ms += WAIT_MS
    query = f"EIO={protocol}&transport=polling&sid={broken.sid}"
    assert error(stage.request("POST", query, "abc")) == (400, 3)
    assert error(broken.get()) == (400, 1)


def test_a_large_or_binary_body_is_refused(stage: Stage) -> None:
    client = Client(stage)
    assert client.post("4" + "x" * 32_768)["statusCode"] == 413
    answer = client.post("4", **{"content-type": "application/octet-stream"})
    assert error(answer) == (400, 3)
    assert error(client.get()) == (400, 1)


def test_a_client_that_floods_before_it_upgrades_is_refused(stage: Stage) -> None:
    client = Client(stage)
    packet = "4" + "x" * 32_000
    statuses = [client.post(packet)["statusCode"] for _ in range(12)]
    assert statuses == [200] * 12
    assert client.post(packet)["statusCode"] == 413
    assert error(client.get()) == (400, 1)


def test_a_session_is_unknown_before_it_is_opened(stage: Stage) -> None:
    for method in ("GET", "POST"):
        answer = stage.request(method, "EIO=4&transport=polling&sid=unknown")
        assert error(answer) == (400, 1)
    assert stage.shake_hands("w", "unknown") == 400


def test_a_second_websocket_is_refused_until_the_first_is_gone(stage: Stage) -> None:
    client = Client(stage)
    assert stage.shake_hands("w1", client.sid) == 200
    assert stage.shake_hands("w2", client.sid) == 400
    stage.end("w1")
    assert stage.shake_hands("w3", client.sid) == 200
    upgraded_frames = ("2probe", "5")
    for frame in upgraded_frames:
        stage.frame("w3", frame)
    assert stage.shake_hands("w4", client.sid) == 400
    assert stage.gateway.closed == []


def test_an_upgrade_that_takes_too_long_is_given_up(stage: Stage) -> None:
    client = joined(stage, "ulla")
    assert stage.shake_hands("w", client.sid) == 200
    stage.clock.ahead_ms += 10_001
    assert client.get() == ["6"]
    assert stage.gateway.closed == ["w"]
    stage.frame("w", "5")
    assert stage.gateway.closed == ["w", "w"]
    stage.ports.connections.post(client.id, "4on")
    assert client.get() == ["4on"], "polling goes on"


def test_frames_that_overtake_the_end_of_an_upgrade_wait_for_it(stage: Stage) -> None:
    client = Client(stage)
    client.post(connect_packet("ulla"))
    assert stage.shake_hands("w", client.sid) == 200
    early = threading.Thread(target=partial(stage.frame, "w", '42/user,4["nothing"]'))
    early.start()
    time.sleep(0.1)
    stage.frame("w", "5")
    early.join()
    assert stage.gateway.to("w")[-1].startswith("43/user,4[")


def test_a_frame_without_an_upgrade_closes_the_websocket(
    stage: Stage, use_settings: UseSettings
) -> None:
    use_settings(upgrade_hold_ms=100)
    client = Client(stage)
    assert stage.shake_hands("w", client.sid) == 200
    stage.frame("w", '42/user,["nothing"]')
    assert stage.gateway.closed == ["w"]


def test_a_client_that_polls_no_longer_is_gone(stage: Stage, use_settings: UseSettings) -> None:
    client = Client(stage)
    assert stage.ports.connections.exists(client.id)
    use_settings(polling_gone_seconds=0)
    assert stage.ports.connections.post(client.id, "4") is False
    assert stage.ports.connections.exists(client.id) is False


def test_a_full_mailbox_refuses_packets(stage: Stage, use_settings: UseSettings) -> None:
    use_settings(mailbox_packets=2)
    client = Client(stage)
    posts = [(client.id, f"4{number}") for number in range(3)] + [("w", "4")]
    results = [result for _, result in stage.ports.connections.post_all(posts)]
    assert results[0] is True, "the WebSocket's"
    assert sorted(map(str, results[1:]))[:2] == ["True", "True"]
    assert sum(isinstance(one, PostFailed) for one in results) == 1


def test_above_the_cap_gets_are_answered_early(
    stage: Stage, use_settings: UseSettings, race: Race
) -> None:
    use_settings(polls_at_once=1, poll_eager_seconds=0.1, poll_seconds=3)
    begin = time.monotonic()

    def wait(client: Client) -> float:
        assert client.get() == ["6"]
        return time.monotonic() - begin

    took = sorted(race(*[partial(wait, Client(stage)) for _ in range(4)]))
    assert took[2] < 2.5, "these waited in vain for a slot"
    assert took[3] >= 3
    assert mailboxes.get("slot 0") is None, "the slot is free again"


def test_connections_are_counted_by_session_and_not_by_request(
    stage: Stage, use_settings: UseSettings
) -> None:
    use_settings(limit_connections_per_minute=2)
    first = Client(stage)
    for _ in range(3):
        first.post("3")
    upgraded(first)
    Client(stage)
    refused = Client(stage)
    refused.post(connect_packet("ulla"))
    assert refused.get() == ['44/user,{"message":"Too many connection attempts. Please wait."}']


def _until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
