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
import typing
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode

import jwt
import msgspec
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")

from functions.products import REGISTRY
from shared.errors import INTERNAL
from shared.protocol import engineio, socketio
from shared.protocol.errors import InvalidPacket
from shared.realtime.namespaces import MAIN
from tests.fakes import JWT_SECRET
from tests.simulation import runner
from tests.simulation.bookings import BOOKING, written
from tests.simulation.chat import CHANNEL
from tests.simulation.clients import EXPIRES_AT, App, Who, token
from tests.simulation.invocation import Invocation
from tests.simulation.runner import Runner
from tests.simulation.stage import Stage
from tests.simulation.world import (
    ADA,
    ANNA,
    BERT,
    CARL,
    CORA,
    CURT,
    PAUL,
    PETRA,
    THEO,
    TINA,
    ULLA,
    UWE,
    World,
)

PEOPLE = (ULLA, TINA, ADA, ANNA, BERT, CARL, CORA, PAUL)
NATIVE = (UWE, THEO, CURT, PETRA)
SECRET_CHANNEL = "secret"
HANDLED_MS = 1_500
"""Longer than an event takes that has overtaken another one and waits for it."""


def crowd(stage: Stage) -> None:
    """Everybody is connected. A call and a chat call ring, a booking is under way, and there are a
    public and a private channel."""
    written(stage)
    stage.come(ULLA, TINA, ANNA, BERT, CARL)
    for who in NATIVE:
        stage.world.come(who, wire="n")
    stage.world.run()
    stage.tell("channel.upserted", channelId=CHANNEL, name="General")
    secret = {"channelId": SECRET_CHANNEL, "name": "Secret", "private": True}
    stage.tell("channel.upserted", **secret, members=[ANNA.id])
    for who in (ANNA, BERT):
        stage.ask(stage.app(who), "join_channel", CHANNEL)
    stage.ask(stage.app(ANNA), "join_channel", SECRET_CHANNEL)
    for name in (CHANNEL, SECRET_CHANNEL):
        sent = stage.ask(
            stage.app(ANNA), "chat:send_message", {"channelId": name, "message": "Hello"}
        )
        stage.kept[f"message in {name}"] = sent.own_id
    call = {"telecallerId": TINA.id, "callType": "AUDIO"}
    stage.kept["call"] = stage.ask(stage.app(ULLA), "call:initiate", call).answer["callId"]
    invite = {"targetUserId": ANNA.id, "callType": "audio", "offer": {}}
    asked = stage.ask(stage.app(BERT), "call:invite", invite)
    stage.kept["chat call"] = asked.answer["callId"]


# Values.

AWKWARD = [
    "",
    " ",
    "#",
    "%",
    "/",
    "..",
    "\0",
    "\ufffe",
    "\ufffd",
    "é",
    "𝄞",
    "0",
    "-1",
    "null",
    "x" * 129,
]
TEXTS = st.sampled_from(AWKWARD) | st.text(max_size=20) | st.text(min_size=100, max_size=9_000)
NUMBERS = (
    st.integers()
    | st.integers(-(10**45), 10**45)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0, -1, 2**53, 1e308, 5e-324, -0.0, 90.0, 180.0, 181.0])
)
BROKEN = st.sampled_from(["\ud800", "a\udfff", "\ud83d"])
"""Text that is no Unicode, which JSON can express with an escape."""

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS | BROKEN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
DEEP = st.integers(30, 60).map(lambda depth: json.loads("[" * depth + "]" * depth))


def known(stage: Stage) -> list[str]:
    """Return the ids that exist on the stage."""
    people = [who.id for who in (*PEOPLE, *NATIVE)]
    return [*stage.kept.values(), *people, BOOKING, CHANNEL, SECRET_CHANNEL]


def of_type(kind: Any, ids: list[str]) -> st.SearchStrategy[Any]:
    """Return values for a declared type, most of which fit."""
    if kind is None or kind is Any or kind is object:
        return VALUES
    if typing.get_origin(kind) is Literal:
        return st.sampled_from(typing.get_args(kind))
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return of_struct(kind, ids)
    if kind is bool:
        return st.booleans()
    return st.sampled_from(ids) | TEXTS | NUMBERS | st.none()


def of_struct(kind: type[msgspec.Struct], ids: list[str]) -> st.SearchStrategy[Any]:
    """Return objects with the fields of a struct, some of them missing, wrong or unknown."""
    fields = {
        field.encode_name: st.one_of(of_type(field.type, ids), of_type(field.type, ids), VALUES)
        for field in msgspec.structs.fields(kind)
        if field.encode_name
    }
    whole = st.fixed_dictionaries(fields)
    partly = st.fixed_dictionaries({}, optional=fields | {"unknown": VALUES})
    return st.one_of(whole, whole, partly)


# Inputs.


class Event(NamedTuple):
    """An event with its payload, from one person's app."""

    sender: int
    event: str
    payload: Any


class Request(NamedTuple):
    """An HTTP request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str


class Frames(NamedTuple):
    """A handshake, and the frames that follow it."""

    query: dict[str, str]
    headers: dict[str, str]
    frames: list[str]


Input = Event | Request | Frames


def events(stage: Stage) -> st.SearchStrategy[Event]:
    """Return events of every namespace, in the right one and in others."""
    ids = known(stage)
    rows = {(path, name): row.payload for (path, name), row in REGISTRY.handlers.items()}

    def of(row: tuple[tuple[str, str], Any]) -> st.SearchStrategy[Event]:
        (path, name), kind = row
        apps = stage.world.apps
        fitting = [number for number, app in enumerate(apps) if app.who.namespace == path]
        senders = st.sampled_from(fitting) if fitting else st.integers(0, len(apps) - 1)
        payloads = st.one_of(of_type(kind, ids), of_type(kind, ids), VALUES, DEEP)
        return st.builds(Event, senders, st.just(name), payloads)

    anybody = st.integers(0, len(stage.world.apps) - 1)
    names = st.sampled_from([name for _, name in rows]) | TEXTS.filter(_is_event)
    foreign = st.builds(Event, anybody, names, VALUES)
    fitting = st.sampled_from(sorted(rows.items(), key=lambda row: row[0])).flatmap(of)
    return st.one_of(fitting, fitting, fitting, foreign)


def _is_event(name: str) -> bool:
    return bool(name) and name not in socketio.RESERVED_EVENTS


def tokens() -> st.SearchStrategy[str]:
    """Return tokens of every role: good ones, and ones with broken claims or a wrong signature."""
    good = st.sampled_from([token(who) for who in (*PEOPLE, *NATIVE)])
    claims = st.fixed_dictionaries(
        {
            "sub": TEXTS | BROKEN,
            "role": st.sampled_from([who.role for who in PEOPLE]) | TEXTS | BROKEN,
            "name": TEXTS | BROKEN,
            "exp": st.sampled_from([EXPIRES_AT, 0, 10**400]),
        }
    )
    secrets = st.sampled_from([JWT_SECRET, JWT_SECRET, "the secret of somebody else, long enough"])
    signed = st.builds(partial(jwt.encode, algorithm="HS256"), claims, secrets)
    return st.one_of(good, good, signed, TEXTS)


def requests(stage: Stage) -> st.SearchStrategy[Request]:
    """Return requests of every route, and of paths that do not exist."""
    ids = st.sampled_from(known(stage)) | TEXTS
    routes = list(REGISTRY.http_routes.values())
    paths = st.builds(
        lambda route, id_: (route.method, route.path.replace("{id}", id_)),
        st.sampled_from(routes),
        ids,
    ) | st.tuples(st.sampled_from(["GET", "POST", "PUT", "DELETE"]), TEXTS.map("/{}".format))
    names = sorted({name for route in routes for name in route.query})
    queries = st.dictionaries(st.sampled_from(names), ids | st.integers().map(str), max_size=3)
    reported = st.sampled_from(sorted(REGISTRY.backend_events.items())).flatmap(
        lambda one: st.fixed_dictionaries(
            {"type": st.just(one[0]), "data": of_type(one[1].payload, known(stage))}
        )
    )
    bodies = st.one_of(reported, reported, VALUES).map(json.dumps) | TEXTS
    headers: st.SearchStrategy[dict[str, str]] = st.one_of(
        tokens().map(lambda one: {"authorization": f"Bearer {one}"}),
        tokens().map(lambda one: {"cookie": f"authenticationToken={one}"}),
        st.just({}),
    )
    return st.builds(
        lambda route, query, header, body: Request(route[0], route[1], query, header, body),
        paths,
        queries,
        headers,
        bodies,
    )


def frames() -> st.SearchStrategy[Frames]:
    """Return handshakes of both protocols, and frames that a client may or may not send."""
    spaces = st.sampled_from([*sorted(REGISTRY.namespaces), "/nowhere", "", "/ü", "/a?b=c"])
    queries = st.fixed_dictionaries(
        {},
        optional={
            "EIO": st.sampled_from(["3", "4", "4", "4", "5", ""]),
            "transport": st.sampled_from(["websocket", "websocket", "polling"]),
            "token": tokens(),
            "namespace": spaces,
            "sid": TEXTS,
        },
    ) | tokens().map(lambda one: {"EIO": "4", "transport": "websocket", "token": one})
    headers = st.fixed_dictionaries(
        {}, optional={"Authorization": tokens(), "Cookie": TEXTS, "Origin": TEXTS}
    )
    texts = st.builds(
        lambda head, space, ack, data: f"{head}{space}{ack}{data}",
        st.sampled_from(["40", "40", "41", "42", "43", "44", "45", "451-", "2", "3", "1", "", "{"]),
        spaces.map(lambda space: f"{space}," if space else ""),
        st.sampled_from(["", "", "7", "9" * 30]),
        st.one_of(
            tokens().map(lambda one: json.dumps({"token": one})),
            st.lists(VALUES, min_size=1, max_size=3).map(json.dumps),
            VALUES.map(json.dumps),
            TEXTS,
        ),
    )
    return st.builds(Frames, queries, headers, st.lists(texts, min_size=1, max_size=3))


# Running one.


class Plain:
    """A client that only keeps what it receives."""

    def __init__(self) -> None:
        self.received: list[str] = []
        self.over = False

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
        "queryStringParameters": dict(parse_qsl(query)),
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
        (CARL, name, "chat call", lambda id_: {"callId": id_, "answer": {}})
        for name in ("call:accept", "call:reject", "call:end")
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
    for who, event, name, payload in FOREIGN:
        stage = run.prepare(crowd).restore()
        there = BOOKING if name == "booking" else stage.kept[name]
        sender = stage.world.apps.index(stage.app(who))
        answers = []
        for id_ in (there, there[::-1], "f" * 24):
            answer = attack(stage, Event(sender, event, payload(id_)))
            answers.append(json.dumps(answer).replace(id_, "ID"))
        if len(set(answers)) > 1:
            yield f"{event} of {who.id}: {answers}"
        if "error" not in answers[0]:
            yield f"{event} of {who.id} is allowed: {answers[0]}"


def run_inputs(run: Runner, inputs: int, *, same: bool = False) -> None:
    """Attack with this many inputs. Raises the first error, with the smallest input that it has.

    same: whether the inputs are the same each time.
    """
    snapshot = run.prepare(crowd)
    stage = snapshot.restore()
    kinds = st.one_of(events(stage), events(stage), requests(stage), frames())
    reporting = settings(
        max_examples=inputs,
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
    inputs = parser.parse_args().inputs
    begin = time.perf_counter()
    with runner.running() as run:
        found = list(differences(run))
        print(
            "\n".join(found) or f"{len(FOREIGN)} foreign ids are answered as if they were not there"
        )
        run_inputs(run, inputs)
    print(f"{inputs} inputs in {time.perf_counter() - begin:.0f} s: nothing failed")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
