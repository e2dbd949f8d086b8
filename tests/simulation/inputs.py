"""Inputs for the fuzzing: a stage full of people, and anything that a client may send to it."""

from __future__ import annotations

import json
import typing
from functools import partial
from typing import Any, Literal, NamedTuple

import jwt
import msgspec
from hypothesis import strategies as st

from functions.products import REGISTRY
from shared.protocol import socketio
from tests.fakes import JWT_SECRET
from tests.simulation.bookings import BOOKING, written
from tests.simulation.chat import CHANNEL
from tests.simulation.clients import EXPIRES_AT, token
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
)

PEOPLE = (ULLA, TINA, ADA, ANNA, BERT, CARL, CORA, PAUL)
NATIVE = (UWE, THEO, CURT, PETRA)
SECRET_CHANNEL = "secret"


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
    stage.call(ULLA, "call:initiate", call)
    invite = {"targetUserId": ANNA.id, "callType": "audio", "offer": {}}
    asked = stage.ask(stage.app(BERT), "call:invite", invite)
    stage.kept["chat call"] = asked.answer["callId"]
    stage.kept["booking"], stage.kept["secret channel"] = BOOKING, SECRET_CHANNEL


# Values.

AWKWARD = [
    "",
    " ",
    "#",
    "%",
    "/",
    "..",
    "\0",
    "a\nb",
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

CURSORS = (
    TEXTS.map(lambda text: text.encode(errors="surrogatepass").hex())
    | st.builds("{}20{}".format, st.sampled_from(["", "30", "61"]), st.just("61") | st.just(""))
    | st.sampled_from(["6", "FF", "c080", "eda080", "61" * 1_001, "a\nb"])
)
"""Cursors of lists, most of which are cursors of some list."""

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS | BROKEN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
DEEP = st.integers(30, 60).map(lambda depth: json.loads("[" * depth + "]" * depth))


def known(stage: Stage) -> list[str]:
    """Return the ids that exist on the stage."""
    people = [who.id for who in (*PEOPLE, *NATIVE)]
    return [*stage.kept.values(), *people, CHANNEL]


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
    methods = st.sampled_from(["GET", "POST", "PUT", "DELETE"])
    paths = st.builds(
        lambda route, method, id_: (method or route.method, route.path.replace("{id}", id_)),
        st.sampled_from(routes),
        st.none() | st.none() | st.none() | methods,
        ids,
    ) | st.tuples(methods, TEXTS.map("/{}".format))
    names = sorted({name for route in routes for name in route.query})
    values = ids | st.integers().map(str)
    queries = st.fixed_dictionaries(
        {}, optional={name: CURSORS if name == "cursor" else values for name in names}
    )
    reported = st.sampled_from(sorted(REGISTRY.backend_events.items())).flatmap(
        lambda one: st.fixed_dictionaries(
            {"type": st.just(one[0]), "data": of_type(one[1].payload, known(stage))}
        )
    )
    described = [of_type(one.body, known(stage)) for one in routes if one.body]
    bodies = st.one_of(reported, reported, *described, VALUES).map(json.dumps) | TEXTS
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
