"""Makes the OpenAPI 3.1 document of the HTTP routes."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import msgspec

from functions.backend.intake import MOST_EVENTS
from functions.products import REGISTRY
from shared.identity import cookies
from shared.ids import Id
from shared.pipeline.backend_events import HAPPENED_AT
from shared.pipeline.routes import HttpRoute
from web.contract import model
from web.contract.model import Refused
from web.contract.schemas import Schema, Schemas

EVENTS = "POST /events"
JSON = "application/json"
WHEN = (
    "when it happened, ISO 8601 with a time zone, or milliseconds since 1970; not in the future. "
    "Left out, it is the time of the request. Whatever arrives last, the newest event counts."
)
BY_WHO = {"anybody": (), "a valid token": (401,), "an admin": (401, 403)}


def make() -> dict[str, Any]:
    """Return the document of the registry's routes, in the order of the registry."""
    schemas = Schemas(_types())
    paths: dict[str, dict[str, Any]] = {}
    for route in REGISTRY.http_routes.values():
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Switchboard over HTTP",
            "version": "1.0.0",
            "description": "Beside the events. Errors are `{error: {message}}`.",
        },
        "servers": [{"url": "http://127.0.0.1:8000", "description": "make run"}],
        "paths": paths,
        "x-backend-events": {
            event.type: model.about(event.handle) for event in REGISTRY.backend_events.values()
        },
        "components": {
            "schemas": dict(sorted(schemas.components.items())),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": cookies.COOKIE},
            },
        },
    }


def _types() -> list[Any]:
    reported = [event.payload for event in REGISTRY.backend_events.values()]
    routes = REGISTRY.http_routes.values()
    of_routes = [type_ for one in routes for type_ in (model.answer_of(one), one.body) if type_]
    return [Refused, *reported, *of_routes]


def _operation(route: HttpRoute, schemas: Schemas) -> dict[str, Any]:
    body = (
        _backend_events(schemas) if route.key == EVENTS else route.body and schemas.of(route.body)
    )
    operation: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{route.method.lower()} {route.path}").strip("_"),
        "summary": model.about(route.handle),
        "responses": {str(route.status): _answer(route, schemas)},
    }
    if route.who != "anybody":
        operation["security"] = [{"bearer": []}, {"cookie": []}]
    parameters = [_parameter("path", name, Id) for name in re.findall(r"{(\w+)}", route.path)]
    parameters += [
        _parameter("query", name, one.type, one.about, required=one.required)
        for name, one in route.query.items()
    ]
    if parameters:
        operation["parameters"] = parameters
    if body:
        operation["requestBody"] = {
            "required": route.needs_body,
            "content": {JSON: {"schema": body}},
        }
    wrong = (HTTPStatus.BAD_REQUEST,) if route.takes_parameters else ()
    for status in sorted({*BY_WHO[route.who], *route.errors, *map(int, wrong)}):
        operation["responses"][str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": {JSON: {"schema": schemas.of(Refused)}},
        }
    return operation


def _answer(route: HttpRoute, schemas: Schemas) -> dict[str, Any]:
    answer = model.answer_of(route)
    if answer is None:
        return {"description": "Done"}
    return {
        "description": model.about(answer) or "The answer",
        "content": {JSON: {"schema": schemas.of(answer)}},
    }


def _parameter(
    where: str, name: str, type_: Any, about: str = "", *, required: bool = True
) -> dict[str, Any]:
    parameter: dict[str, Any] = {"name": name, "in": where, "schema": _value(type_)}
    if required:
        parameter["required"] = True
    return parameter | ({"description": about} if about else {})


def _value(type_: Any) -> Schema:
    """Return the schema of a parameter's values, which have no structure."""
    (schema,), named = msgspec.json.schema_components([type_])
    values = {**schema, **next(iter(named.values()), {})}
    return {key: value for key, value in values.items() if key not in ("$ref", "title")}


def _backend_events(schemas: Schemas) -> Schema:
    """Return the schema of one backend event of any type, or of a list of them."""
    kinds = [
        schemas.named(
            "".join(word.title() for word in event.type.split(".")) + "Event",
            {
                "type": "object",
                "description": f"`data.{HAPPENED_AT}`, optional: {WHEN}",
                "properties": {"type": {"const": event.type}, "data": schemas.of(event.payload)},
                "required": ["type", "data"],
                "x-dated": True,
            },
        )
        for event in REGISTRY.backend_events.values()
    ]
    # A body with ``events`` is read as a list of them, whatever else it has.
    one = schemas.named("BackendEvent", {"oneOf": kinds, "not": {"required": ["events"]}})
    listed = {"type": "array", "items": one, "minItems": 1, "maxItems": MOST_EVENTS}
    several = schemas.named(
        "BackendEvents",
        {"type": "object", "properties": {"events": listed}, "required": ["events"]},
    )
    return {"anyOf": [one, several]}


def encode(document: dict[str, Any]) -> str:
    """Return a document as JSON with indents, which is easy to read in a diff."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
