"""Any input on every event, route, frame and handshake, as every role.

Nothing may be answered with a failure of ours, or not at all, and no function may raise.
``python -m tests.simulation.fuzzing --inputs 20000`` runs it; a part runs with all tests.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")

from functions.products import REGISTRY
from shared.errors import INTERNAL
from shared.pipeline.routes import HttpRoute
from shared.protocol import engineio, socketio
from shared.protocol.errors import InvalidPacket
from shared.realtime.namespaces import MAIN
from tests.simulation import described, inputs, runner
from tests.simulation.chat import CHANNEL
from tests.simulation.clients import App, Who, token
from tests.simulation.inputs import (
    NATIVE,
    PEOPLE,
    SECRET_CHANNEL,
    Event,
    Frames,
    Input,
    Request,
    crowd,
)
from tests.simulation.invocation import Invocation
from tests.simulation.runner import Runner
from tests.simulation.stage import Stage
from tests.simulation.world import BERT, CARL, CORA, CURT, PAUL, PETRA, THEO, UWE, World

HANDLED_MS = 1_500
"""Longer than an event takes that has overtaken another one and waits for it."""


class Plain:
    """A client that only keeps what it receives."""

    def __init__(self) -> None:
        self.received: list[str] = []
        self.over = False

    def opened(self) -> None:
        """Take notice that frames can be sent."""

    def receive(self, frame: str) -> None:
        """Take a frame."""
        self.received.append(frame)

    def closed(self) -> None:
        """Take notice that the connection is over."""
        self.over = True


def send_event(stage: Stage, given: Event) -> Any:
    """Send an event, and return the answer. Raises ``AssertionError`` if there is none."""
    app: App = stage.world.apps[given.sender]
    asked = app.emit(given.event, given.payload)
    stage.world.run(HANDLED_MS)
    assert asked.answered, f"silence: {given}"
    assert INTERNAL not in json.dumps(asked.answer), f"a failure of ours: {given}"
    return asked.answer


def send_request(stage: Stage, given: Request) -> tuple[int, Any]:
    """Make a request, and return status and body."""
    done: list[Invocation] = []
    path = quote(given.path, safe="/%", errors="surrogatepass")
    query = urlencode(given.query, errors="surrogatepass")
    event = {
        "version": "2.0",
        "rawPath": given.path.split("?")[0],
        "rawQueryString": query,
        "queryStringParameters": dict(parse_qsl(query, keep_blank_values=True)),
        "headers": given.headers,
        "body": given.body,
        "isBase64Encoded": False,
        "requestContext": {
            "http": {"method": given.method, "path": path, "sourceIp": "192.0.2.1"},
            "requestId": "fuzzed",
            "stage": "$default",
        },
    }
    stage.world.later(0, partial(stage.world.invoke, "http", event, done.append))
    stage.world.run(HANDLED_MS)
    (invocation,) = done
    assert invocation.error is None, f"{given}: {invocation.error!r}"
    status, text = invocation.result["statusCode"], invocation.result["body"]
    body: Any = json.loads(text) if text else None
    assert status < 500, f"{status} {body}: {given}"
    assert status < 400 or body["error"]["message"], f"{status} {body}: {given}"
    wrong = described.fault(given, status, body)
    assert not wrong, f"{wrong}: {given}"
    return status, body


def send_frames(stage: Stage, given: Frames) -> None:
    """Connect and send frames. Raises ``AssertionError`` if a CONNECT is not answered."""
    client, world = Plain(), stage.world
    connection_id = world.gateway.connect(client, given.query, given.headers)
    world.run(HANDLED_MS)
    for frame in given.frames:
        if client.over:
            return
        before = list(client.received)
        world.gateway.send(connection_id, frame)
        world.run(HANDLED_MS)
        assert INTERNAL not in "".join(client.received), f"a failure of ours: {given}"
        answered = client.received != before or client.over
        assert answered or not _wants_answer(frame, before), f"silence after {frame!r}: {given}"


def _wants_answer(frame: str, received: list[str]) -> bool:
    """Return whether a client waits for an answer to a frame.

    It waits after an EVENT with an id, and after a CONNECT for a namespace that it is not in yet.
    """
    try:
        packet = socketio.decode(engineio.decode(frame).data)
    except (InvalidPacket, ValueError):
        return False
    if not frame.startswith("4"):
        return False
    if packet.type is socketio.PacketType.CONNECT:
        prefix = "40" if packet.namespace == MAIN else f"40{packet.namespace},"
        others = [f"40{one}," for one in REGISTRY.namespaces if packet.namespace == MAIN]
        mine = [one for one in received if one.startswith(prefix)]
        return all(one.startswith(tuple(others)) for one in mine)
    return packet.type is socketio.PacketType.EVENT and packet.id is not None


SENDERS: dict[type[Any], Callable[[Stage, Any], Any]] = {
    Event: send_event,
    Request: send_request,
    Frames: send_frames,
}


def attack(stage: Stage, given: Input) -> Any:
    """Send an input, let everything happen that follows, and check every function.

    Returns the answer.
    """
    world = stage.world
    world.trace = []
    answer = SENDERS[type(given)](stage, given)
    world.run()
    check(world, given)
    return answer


def check(world: World, given: object) -> None:
    """Raise ``AssertionError`` if any function has failed."""
    for invocation in world.trace or ():
        failed = f"{invocation.spec.name} after {given}: "
        assert invocation.error is None, failed + repr(invocation.error)
        result = invocation.result or {}
        assert result.get("statusCode", 200) < 500, failed + str(result)
        assert not result.get("batchItemFailures"), failed + str(result)
    assert not world.missing_rights, f"{world.missing_rights} after {given}"


FOREIGN: list[tuple[Who, str, str, Callable[[str], Any]]] = [
    *(
        (who, name, "call", lambda id_: {"callId": id_})
        for who, name in (
            (UWE, "call:cancel"),
            (UWE, "call:end"),
            (THEO, "call:accept"),
            (THEO, "call:reject"),
            (THEO, "call:end"),
        )
    ),
    *(
        (CARL, name, "chat call", lambda id_: {"callId": id_, "answer": {}, "candidate": {}})
        for name in ("call:accept", "call:reject", "call:end", "call:ice_candidate")
    ),
    (BERT, "join_channel", "secret channel", str),
    *(
        (BERT, name, "secret channel", lambda id_: {"channelId": id_, "message": "x"})
        for name in ("chat:send_message", "channel_updated", "message_read")
    ),
    (CURT, "booking:track", "booking", str),
    (CURT, "booking:untrack", "booking", str),
    (CURT, "booking:cancel", "booking", lambda id_: {"bookingId": id_}),
    (PETRA, "booking:accept", "booking", str),
    (PETRA, "booking:reject", "booking", lambda id_: {"bookingId": id_}),
    (
        PETRA,
        "booking:status_update",
        "booking",
        lambda id_: {"bookingId": id_, "status": "ARRIVED"},
    ),
    (CURT, "message:mark_read", "message", str),
    (CORA, "message:mark_read", "message", str),
    *(
        (BERT, name, f"message in {SECRET_CHANNEL}", fields)
        for name, fields in (
            ("message_read", lambda id_: {"channelId": CHANNEL, "messageId": id_}),
            (
                "chat:send_message",
                lambda id_: {"channelId": CHANNEL, "message": "x", "replyToId": id_},
            ),
        )
    ),
    (
        CURT,
        "message:send",
        "booking",
        lambda id_: {"recipientId": PAUL.id, "message": "x", "bookingId": id_},
    ),
]
"""Who asks with which event for what is not theirs: the name of its id on the stage, and the
payload with an id."""


def differences(run: Runner) -> Iterator[str]:
    """Yield what is answered otherwise if it is not one's own than if it is not there."""
    yield from _differences_of_events(run)
    yield from _differences_of_routes(run)


def _differences_of_events(run: Runner) -> Iterator[str]:
    for who, event, name, payload in FOREIGN:
        stage = run.prepare(crowd).restore()
        there = stage.kept[name]
        sender = stage.world.apps.index(stage.app(who))
        answers = []
        for id_ in (there, there[::-1], "f" * 24):
            answer = attack(stage, Event(sender, event, payload(id_)))
            answers.append(json.dumps(answer).replace(id_, "ID"))
        if len(set(answers)) > 1:
            yield f"{event} of {who.id}: {answers}"
        if "error" not in answers[0]:
            yield f"{event} of {who.id} is allowed: {answers[0]}"


def _differences_of_routes(run: Runner) -> Iterator[str]:
    """Ask every route with an id for everything on the stage, as every person."""
    snapshot = run.prepare(crowd)
    stage = snapshot.restore()
    ids = sorted({*stage.kept.values(), *(who.id for who in (*PEOPLE, *NATIVE))})
    for route in REGISTRY.http_routes.values():
        for who in (*PEOPLE, *NATIVE) if "{id}" in route.path else ():
            missing = _asked(stage, route, who, "f" * 24)
            for id_ in ids:
                found = _asked(stage, route, who, id_)
                if found[0] < 300:
                    stage = snapshot.restore()
                elif found != missing:
                    asked = f"{route.method} {route.path} of {who.id}"
                    yield f"{asked}: {found} for {id_}, {missing} for an id of nothing"


def _asked(stage: Stage, route: HttpRoute, who: Who, id_: str) -> tuple[int, Any]:
    """Return how a person is answered who asks a route for an id."""
    headers = {"authorization": f"Bearer {token(who)}"}
    return send_request(
        stage, Request(route.method, route.path.replace("{id}", id_), {}, headers, "{}")
    )


def run_inputs(run: Runner, number: int, *, same: bool = False) -> None:
    """Attack with this many inputs. Raises the first error, with the smallest input that it has.

    same: whether the inputs are the same each time.
    """
    snapshot = run.prepare(crowd)
    stage = snapshot.restore()
    events, requests = inputs.events(stage), inputs.requests(stage)
    kinds = st.one_of(events, events, requests, inputs.frames())
    reporting = settings(
        max_examples=number,
        derandomize=same,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )

    @reporting
    @given(kinds)
    def attack_anew(one: Input) -> None:
        attack(snapshot.restore(), one)

    attack_anew()


def main() -> int:
    """Run what the arguments ask for. Raises ``AssertionError`` for what is wrong."""
    parser = argparse.ArgumentParser(description="Attack every event and route of the backend.")
    parser.add_argument("--inputs", type=int, default=20_000)
    number = parser.parse_args().inputs
    begin = time.perf_counter()
    with runner.running() as run:
        found = list(differences(run))
        print("\n".join(found) or "Foreign ids are answered as if they were not there")
        run_inputs(run, number)
    print(f"{number} inputs in {time.perf_counter() - begin:.0f} s: nothing failed")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
