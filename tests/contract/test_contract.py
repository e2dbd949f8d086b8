"""The documents for tools: up to date, complete, and valid for the tools themselves."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from functions.products import REGISTRY
from infra.gateway import HTTP_ROUTES
from local.settings import ROOT
from shared.errors import DeclarationError
from shared.identity import accounts
from shared.identity.accounts import Account
from shared.pipeline.payloads import GENERAL_ERROR, Error, Outbound
from web.contract import __main__ as contract
from web.contract import asyncapi, model, names, openapi, typescript
from web.contract.schemas import resolve

FOLDER = ROOT / "docs" / "contract"
MODULES = ROOT / "local" / "node_modules"


def node(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["node", *map(str, arguments)], capture_output=True, text=True, check=False
    )


def payloads(base: type[Outbound] = Outbound) -> Iterator[type[Outbound]]:
    """Yield every payload that the stack's own modules send."""
    for one in base.__subclasses__():
        if one.__module__.startswith("functions."):
            yield one
        yield from payloads(one)


def test_the_files_match_the_registry() -> None:
    assert contract.stale() == [], "run 'make contract'"


def test_every_payload_that_is_sent_declares_its_namespace() -> None:
    declared = set(REGISTRY.sent.values())
    assert [one for one in payloads() if one not in declared] == []


def structs_of(type_: Any) -> Iterator[type[msgspec.Struct]]:
    """Yield every struct in a type, also the structs in their fields."""
    for part in get_args(type_):
        yield from structs_of(part)
    if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        yield type_
        for field in msgspec.structs.fields(type_):
            yield from structs_of(field.type)


def published() -> set[type[msgspec.Struct]]:
    """Return every struct of the events, the acknowledgements and the backend's events."""
    types = [backend_event.payload for backend_event in REGISTRY.backend_events.values()]
    types += model.on_bus()
    for event in model.everything():
        types.append(event.payload)
        if isinstance(event, model.ToServer):
            types.append(event.answer)
    return {struct for type_ in types for struct in structs_of(type_)}


def test_every_handler_has_a_description() -> None:
    handles: dict[Any, Any] = {key: row.handle for key, row in REGISTRY.handlers.items()}
    handles |= {type_: event.handle for type_, event in REGISTRY.backend_events.items()}
    functions = {
        key: handle.func if isinstance(handle, partial) else handle
        for key, handle in handles.items()
    }
    assert [key for key, function in functions.items() if not model.about(function)] == []


def test_every_payload_has_a_description() -> None:
    structs = published()
    assert {Account, Error} < structs
    assert [one for one in structs if not model.about(one)] == []


def test_the_error_events_of_handlers_are_among_the_events_clients_receive() -> None:
    for row in REGISTRY.handlers.values():
        events = {one.event for one in model.to_client(row.namespace)}
        limited = {row.limit.event} if row.limit else set()
        assert {row.error_event, *limited} <= events, row


def test_an_event_of_a_namespace_cannot_have_two_payloads() -> None:
    class Other(Error, frozen=True):
        pass

    from shared.pipeline.product import Product
    from shared.pipeline.registry import Registry

    product = Product("one")
    product.sends("/user", Error)
    product.sends("/user", Error)
    assert Registry([product]).sent == {("/user", GENERAL_ERROR): Error}
    product.sends("/user", Other)
    with pytest.raises(ValueError, match="error is sent in two shapes in /user"):
        Registry([product])


def test_the_official_parser_finds_nothing_wrong_with_asyncapi() -> None:
    run = node(Path(__file__).with_name("parse.cjs"), FOLDER / "asyncapi.json")
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["problems"] == []
    expected = len(REGISTRY.handlers) + sum(
        len(model.to_client(namespace)) for namespace in model.namespaces()
    )
    assert len(found["operations"]) == expected + len(model.on_bus())


def test_openapi_is_valid_and_has_every_route() -> None:
    document = json.loads((FOLDER / "openapi.json").read_text())
    OpenAPIV31SpecValidator(document).validate()
    described = {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
    }
    other = {"$default", *(key for key in HTTP_ROUTES if "/socket.io" in key)}
    assert described == HTTP_ROUTES.keys() - other == REGISTRY.http_routes.keys()


def test_every_route_has_a_description_and_a_described_answer() -> None:
    for route in REGISTRY.http_routes.values():
        assert route.handle.__doc__, route.key
        answer = model.answer_of(route)
        if route.status == 204:
            assert answer is None, route.key
        else:
            assert isinstance(answer, type), route.key
            assert issubclass(answer, msgspec.Struct), route.key
            assert model.about(answer), route.key


def words(document: object) -> Iterator[str]:
    """Yield every text of a document that people read."""
    if isinstance(document, list):
        for one in document:
            yield from words(one)
    elif isinstance(document, dict):
        for name, value in document.items():
            if name in {"description", "summary"} and isinstance(value, str):
                yield value
            yield from words(value)


@pytest.mark.parametrize("name", ["asyncapi.json", "openapi.json"])
def test_no_description_is_python_s_own_help(name: str) -> None:
    found = list(words(json.loads((FOLDER / name).read_text())))
    assert len(found) > 20
    assert [text for text in found if "dict(" in text or "->" in text] == []


def test_a_type_without_a_docstring_of_ours_has_no_description() -> None:
    for thing in (dict, dict[str, Any], str, int | None, Any, list[int], 5):
        assert model.about(thing) == ""
    assert model.about(model.Failure) == "Why something was refused."


def test_a_schema_s_name_means_one_type_in_both_documents() -> None:
    events, http = (one["components"]["schemas"] for one in (asyncapi.make(), openapi.make()))
    assert [name for name in events.keys() & http.keys() if events[name] != http[name]] == []


def test_a_name_does_not_depend_on_the_other_products() -> None:
    from functions.calls.events import Incoming as CallsIncoming
    from functions.chat.call_events import Incoming as ChatIncoming

    assert names.by_component([CallsIncoming])["Incoming"] == "CallsIncoming"
    assert names.by_component([ChatIncoming])["Incoming"] == "ChatIncoming"
    both = names.by_component([CallsIncoming, ChatIncoming, Account, Error])
    assert set(both.values()) >= {"CallsIncoming", "ChatIncoming", "Account", "Error"}


def test_two_types_cannot_have_one_name() -> None:
    class Account(msgspec.Struct):
        pass

    Account.__module__ = "shared.other"
    with pytest.raises(DeclarationError, match="the same name in the documents"):
        names.by_component([Account, accounts.Account])


def test_backend_events_are_described_at_the_route_that_accepts_them() -> None:
    document = openapi.make()
    if "/events" in document["paths"]:
        body = document["paths"]["/events"]["post"]["requestBody"]
        accepted = body["content"]["application/json"]["schema"]["anyOf"][0]
        components = document["components"]["schemas"]
        kinds = [resolve(components, one) for one in resolve(components, accepted)["oneOf"]]
        types = {one["properties"]["type"]["const"] for one in kinds}
        assert types == REGISTRY.backend_events.keys()


def test_a_typed_client_compiles(tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "strict": True,
        "noEmit": True,
        "target": "es2022",
        "module": "esnext",
        "moduleResolution": "bundler",
        "types": [],
        "skipLibCheck": False,
        "paths": {"socket.io-client": [str(MODULES / "socket.io-client")]},
    }
    client = Path(__file__).with_name("client.ts")
    project = tmp_path / "tsconfig.json"
    project.write_text(json.dumps({"compilerOptions": options, "files": [str(client)]}))
    run = node(MODULES / "typescript" / "bin" / "tsc", "--project", project)
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize(
    ("schema", "spelled"),
    [
        ({}, "unknown"),
        ({"type": "integer"}, "number"),
        ({"type": "object"}, "Record<string, unknown>"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "Record<string, number>"),
        ({"type": "object", "properties": {"a": {"type": "null"}}}, "{\n  a?: null;\n}"),
        ({"type": "array", "items": {"type": "boolean"}}, "Array<boolean>"),
        ({"type": "array"}, "Array<unknown>"),
        ({"enum": ["a", 1]}, '"a" | 1'),
        ({"const": "a"}, '"a"'),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string | null"),
        ({"type": ["string", "null"]}, "string | null"),
        ({"enum": ["a", None], "type": ["string", "null"]}, '"a" | null'),
        (
            {"type": "object", "properties": {}, "additionalProperties": True},
            "{\n  [field: string]: unknown;\n}",
        ),
        ({"$ref": "#/components/schemas/CallsParty"}, "CallsParty"),
    ],
)
def test_a_schema_is_spelled_in_typescript(schema: dict[str, Any], spelled: str) -> None:
    assert typescript.of(schema) == spelled


def test_every_namespace_has_a_channel() -> None:
    channels = asyncapi.make()["channels"]
    assert [one["address"] for one in channels.values()] == [*model.namespaces(), "EventBridge"]
    assert {"/user", "/telecaller", "/admin"} <= set(model.namespaces())
