"""Events and acknowledgements with several arguments."""

from __future__ import annotations

import json
from typing import Annotated, Any

import msgspec
import pytest

from functions import native
from functions.broadcast.main import LogOfRoom, posts
from shared.errors import InvalidRequest
from shared.pipeline.declarations import EventHandler
from shared.pipeline.dispatch import Request
from shared.pipeline.payloads import ANY_ARGUMENTS, Answer, Arguments, Inbound, Outbound
from shared.pipeline.product import Product
from shared.pipeline.registry import Registry
from shared.pipeline.validation import payload_of
from shared.ports import Broadcast
from shared.protocol import json as wire
from shared.realtime.address import Address, Wire, acknowledgement, frame
from shared.realtime.namespaces import Login, Namespace
from shared.realtime.rooms import Occupant
from tests.conftest import UseSettings
from web.contract import asyncapi, docs_page, model, openapi, typescript

LAB = Namespace("/lab", login=Login.NONE, everybody=True)
SOCKET_IO = Address("/lab", Wire.SOCKETIO, "c")
NATIVE = Address("/lab", Wire.NATIVE, "c")


class Place(Inbound, frozen=True):
    lat_deg: float


class Said(Inbound, frozen=True, array_like=True):
    text: Annotated[str, msgspec.Meta(min_length=1)]
    sent_from: Place
    client_offset: str | None = None


class Plain(Inbound, frozen=True):
    text: str


class Heard(Outbound, frozen=True, array_like=True):
    """What was said."""

    event = "heard"
    text: str
    said_by: str | None


class Stored(Answer, frozen=True, array_like=True):
    status: str
    count: int


def row(payload: Any, **more: Any) -> EventHandler:
    return EventHandler("say", "/lab", "lab", payload, lambda c, p: None, **more)


def value(payload: Any, wire: Wire, *arguments: object) -> object:
    return Request("say", wire, "/lab", arguments).value_for(row(payload))


PLACE = {"latDeg": 1}


def test_the_fields_of_a_list_like_struct_are_the_arguments() -> None:
    said = Said("hi", Place(1.0), "o")
    assert payload_of(row(Said), ["hi", PLACE, "o"]) == said
    assert payload_of(row(Said), ["hi", PLACE]) == Said("hi", Place(1.0), None)
    assert payload_of(row(Said), ["hi", PLACE, "o", "further"]) == said
    assert payload_of(row(ANY_ARGUMENTS), [1, "two"]) == [1, "two"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "text is required"),
        (["hi"], "sentFrom is required"),
        ([5, PLACE], "text: expected str, got int"),
        (["", PLACE], "text: expected str of length >= 1"),
        ([None, PLACE], "text: expected str, got null"),
        (["hi", "there"], "sentFrom: expected object, got str"),
        (["hi", {}], "sentFrom.latDeg is required"),
        (["hi", {"latDeg": "N"}], "sentFrom.latDeg: expected float, got str"),
        (["hi", PLACE, 1], "clientOffset: expected str | null, got int"),
        ({"text": "hi"}, "payload: expected array, got object"),
    ],
)
def test_an_argument_that_is_wrong_is_named(arguments: Any, text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        payload_of(row(Said, error_event="lab:error"), arguments)
    assert (refused.value.message, refused.value.event) == (text, "lab:error")


def test_texts_of_the_contract_hold_for_arguments() -> None:
    handler = row(Said, missing="Invalid message", texts={"sentFrom": "Where?"})
    for arguments, text in (([], "Invalid message"), (["hi", 1], "Where?")):
        with pytest.raises(InvalidRequest) as refused:
            payload_of(handler, arguments)
        assert refused.value.message == text


def test_any_arguments_are_a_list() -> None:
    with pytest.raises(InvalidRequest, match="payload: expected array, got str"):
        payload_of(row(ANY_ARGUMENTS), "text")


def test_a_payload_is_made_of_what_it_declares() -> None:
    assert value(Plain, Wire.SOCKETIO, {"text": "a"}, "ignored") == {"text": "a"}
    assert value(Plain, Wire.SOCKETIO) is None
    assert value(Said, Wire.SOCKETIO, "a", "b") == ["a", "b"]
    assert value(ANY_ARGUMENTS, Wire.SOCKETIO) == []
    assert value(Plain, Wire.NATIVE, [1]) == [1]
    assert value(Said, Wire.NATIVE, ["a", "b"]) == ["a", "b"]
    assert value(Said, Wire.NATIVE, None) == []
    assert value(Said, Wire.NATIVE, "a") == "a"
    assert native.request_of('{"action":"say","data":["a",1]}').arguments == (["a", 1],)


def test_frames_carry_several_arguments() -> None:
    heard = Heard("hi", None)
    for payload in (heard, Arguments(["hi", None])):
        assert frame(SOCKET_IO, "heard", payload) == '42/lab,["heard","hi",null]'
        assert frame(NATIVE, "heard", payload) == '{"event":"heard","data":["hi",null]}'
    assert frame(SOCKET_IO, "heard", Arguments([])) == '42/lab,["heard"]'
    assert frame(SOCKET_IO, "heard", ["hi", None]) == '42/lab,["heard",["hi",null]]'


def test_acknowledgements_carry_several_values() -> None:
    for result in (Stored("ok", 2), Arguments(("ok", 2))):
        assert acknowledgement(SOCKET_IO, 7, result) == '43/lab,7["ok",2]'
        assert acknowledgement(NATIVE, "a", result) == '{"ack":"a","data":["ok",2]}'
    assert acknowledgement(SOCKET_IO, 7, Arguments([])) == "43/lab,7[]"
    assert acknowledgement(SOCKET_IO, 7, None) == "43/lab,7[null]"
    assert acknowledgement(SOCKET_IO, 7, ["ok", 2]) == '43/lab,7[["ok",2]]'


def queued(message: Broadcast) -> Broadcast:
    """A broadcast as it comes out of the queue."""
    return msgspec.json.decode(wire.dumps(message), type=Broadcast)


def test_broadcasts_keep_several_arguments(use_settings: UseSettings) -> None:
    use_settings()
    message = queued(Heard("hi", "ann").to_everybody("/lab", group="g"))
    assert message.several
    members = [Occupant(name, name) for name in ("s", "n")]
    assert dict(posts(message, members, LogOfRoom(message))) == {
        "s": '42/lab,["heard","hi","ann"]',
        "n": '{"event":"heard","data":["hi","ann"]}',
    }
    assert "several" not in wire.dumps(Broadcast("/lab", "", "e", ["a list"], "g"))


def test_connections_that_a_broadcast_is_not_for_are_left_out(use_settings: UseSettings) -> None:
    use_settings()
    message = queued(Heard("hi", None).to_room("/lab", "x", group="g", skip_connections=["s"]))
    members = [Occupant(name, name) for name in ("s", "n")]
    assert [name for name, _ in posts(message, members, LogOfRoom(message))] == ["n"]


class TestDocuments:
    @pytest.fixture(autouse=True)
    def registry(self, monkeypatch: pytest.MonkeyPatch) -> None:
        lab = Product("lab", namespaces=[LAB])

        @lab.on("chat message", namespaces=[LAB.path], payload=Said)
        def say(context: object, said: Said) -> Stored:
            """Say something."""
            return Stored("", 0)

        @lab.on("echo", namespaces=[LAB.path], payload=ANY_ARGUMENTS)
        def echo(context: object, arguments: list[Any]) -> Arguments:
            """Echo."""
            return Arguments(arguments)

        @lab.on("count", namespaces=[LAB.path])
        def count(context: object, _: None) -> Arguments:
            """Count."""
            return Arguments([1])

        lab.sends(LAB.path, Heard)
        for module in (model, asyncapi):
            monkeypatch.setattr(module, "REGISTRY", Registry([lab]))

    def test_typescript_has_them_as_parameters(self) -> None:
        text = typescript.make(asyncapi.make(), openapi.make())
        for line in (
            '"chat message": (text: string, sentFrom: Place, clientOffset: string | null, '
            "acknowledge?: (...answer: StoredOrRefused) => void) => void;",
            "export type StoredOrRefused = Stored | [Refused];",
            '"echo": (...data: Array<unknown>) => void;',
            '"count": (acknowledge?: (...answer: LabCountAnswer) => void) => void;',
            "export type LabCountAnswer = Array<unknown> | [Refused];",
            '"heard": (text: string, saidBy: string | null) => void;',
            "export type Stored = [status: string, count: number];",
        ):
            assert line in text

    def test_asyncapi_has_them_as_a_list(self) -> None:
        document = json.loads(openapi.encode(asyncapi.make()))
        messages = document["channels"]["lab"]["messages"]
        assert messages["chat-message.in"]["payload"] == {"$ref": "#/components/schemas/Said"}
        said = document["components"]["schemas"]["Said"]
        assert (said["type"], said["minItems"]) == ("array", 2)
        assert [item["title"] for item in said["prefixItems"]] == [
            "text",
            "sentFrom",
            "clientOffset",
        ]
        assert messages["echo.in"]["payload"]["type"] == "array"
        answer = messages["chat-message.answer"]
        assert answer["summary"].startswith("The arguments of the acknowledgement")
        assert document["channels"]["lab"]["description"] == "Open to all, without a token."
        references = json.dumps(document["operations"])
        assert "chat message" not in references

    def test_the_page_shows_them(self) -> None:
        page = docs_page.make(asyncapi.make(), openapi.make())
        assert "[status: string, count: number]" in page


def test_names_that_are_no_plain_words_have_no_route() -> None:
    lab = Product("lab", namespaces=[LAB])
    for event in ("chat message", "message-with-ack", "room:join", "größe", "a/b", "$x"):
        lab.on(event, namespaces=[LAB.path])(lambda context, _: None)
    assert Registry([lab]).routes() == {"message-with-ack": "lab", "room.join": "lab"}


def test_hooks_of_several_products_run_on_connect() -> None:
    one, two = Product("one", namespaces=[LAB]), Product("two")
    hooks = [product.on_connect(LAB.path)(lambda context, auth: None) for product in (one, two)]
    registry = Registry([one, two])
    assert registry.connect_hooks == {LAB.path: hooks}
