"""Makes the types for ``Socket<ServerToClient["/user"], ClientToServer["/user"]>`` of
socket.io-client."""

from __future__ import annotations

import json
from typing import Any

from shared.pipeline.backend_events import HAPPENED_AT
from web.contract.asyncapi import BUS
from web.contract.openapi import WHEN
from web.contract.schemas import Schema, name_of, resolve

Document = dict[str, Any]

HEAD = """\
// Made by `make contract` from the tables of events and routes; not to be edited.
//
//   import { io, type Socket } from "socket.io-client";
//   import type { ClientToServer, HttpRoutes, ServerToClient } from "./events";
//
//   const user: Socket<ServerToClient["/user"], ClientToServer["/user"]> =
//     io("https://…/user", { auth: { token } });
//   const answer: HttpRoutes["GET /telecallers"]["answer"] = await (await fetch(…)).json();
"""

DATED = f"""\
/** What every backend event may say. `{HAPPENED_AT}`: {WHEN} */
export interface Dated {{
  {HAPPENED_AT}?: string | number | null;
}}
"""

SIMPLE = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}


def make(asyncapi: Document, openapi: Document) -> str:
    """Return the text of the file of types."""
    schemas: dict[str, Schema] = dict(
        sorted((asyncapi["components"]["schemas"] | openapi["components"]["schemas"]).items())
    )
    parts = [HEAD, DATED, *(_declaration(name, schema) for name, schema in schemas.items())]
    parts.append(_directions("ClientToServer", "clients send", asyncapi, "receive"))
    parts.append(_directions("ServerToClient", "clients receive", asyncapi, "send"))
    parts.append(_on_bus(asyncapi))
    parts.append(_routes(openapi))
    return "\n".join(parts)


def of(schema: Schema) -> str:
    """Return a schema as a TypeScript type."""
    name = name_of(schema)
    if name is not None:
        return name
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return " | ".join(dict.fromkeys(of(one) for one in choices))
    if "enum" in schema or "const" in schema:
        return " | ".join(_literal(one) for one in schema.get("enum") or [schema["const"]])
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(dict.fromkeys(_of_kind(one, schema) for one in kind))
    return _of_kind(kind, schema)


def _of_kind(kind: str | None, schema: Schema) -> str:
    if kind == "array" and "prefixItems" in schema:
        return f"[{', '.join(_labelled(schema))}]"
    if kind == "array":
        return f"Array<{of(schema.get('items', {}))}>"
    if kind == "object" and "properties" in schema:
        return _members(schema)
    if kind == "object":
        return f"Record<string, {of(_values(schema))}>"
    return SIMPLE.get(kind or "", "unknown")


def _labelled(schema: Schema) -> list[str]:
    """Return what stands at each place of a list, with its name if it has one."""
    return [
        f"{item['title']}: {of(item)}" if "title" in item else of(item)
        for item in schema["prefixItems"]
    ]


def _values(schema: Schema) -> Schema:
    values = schema.get("additionalProperties", {})
    return values if isinstance(values, dict) else {}


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else json.dumps(value)


def _declaration(name: str, schema: Schema) -> str:
    about = f"/** {schema['description']} */\n" if "description" in schema else ""
    if schema.get("type") == "object" and "properties" in schema:
        return f"{about}export interface {name} {_members(schema)}\n"
    return f"{about}export type {name} = {of(schema)};\n"


def _members(schema: Schema) -> str:
    required = set(schema.get("required", ()))
    lines = [
        f"  {field}{'' if field in required else '?'}: {of(kind)}{_dated(schema, field)};"
        for field, kind in schema["properties"].items()
    ]
    if schema.get("additionalProperties") is True:
        lines.append("  [field: string]: unknown;")
    return "\n".join(["{", *lines, "}"])


def _dated(schema: Schema, field: str) -> str:
    """Return what the data of a backend event may have beside their own fields."""
    return " & Dated" if schema.get("x-dated") and field == "data" else ""


def _routes(openapi: Document) -> str:
    """Return the type of the HTTP routes, by method and path."""
    lines = ["/** What the HTTP routes take and answer. */", "export interface HttpRoutes {"]
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            lines.append(f"  /** {operation['summary']} */")
            lines.append(f'  "{method.upper()} {path}": {{')
            lines += [f"    {name}: {text};" for name, text in _route(operation).items()]
            lines.append("  };")
    return "\n".join([*lines, "}", ""])


def _route(operation: Document) -> dict[str, str]:
    parts: dict[str, str] = {}
    for where in ("path", "query"):
        names = [
            f"{one['name']}{'' if one.get('required') else '?'}: {of(one['schema'])}"
            for one in operation.get("parameters", ())
            if one["in"] == where
        ]
        if names:
            parts[where] = f"{{ {'; '.join(names)} }}"
    if "requestBody" in operation:
        name = "body" if operation["requestBody"]["required"] else "body?"
        parts[name] = of(_json(operation["requestBody"]))
    success = next(iter(operation["responses"].values()))
    parts["answer"] = of(_json(success)) if "content" in success else "undefined"
    return parts


def _json(part: Document) -> Schema:
    schema: Schema = part["content"]["application/json"]["schema"]
    return schema


def _directions(name: str, words: str, asyncapi: Document, action: str) -> str:
    lines = [f"/** What {words}, by namespace. */", f"export interface {name} {{"]
    for id_, channel in asyncapi["channels"].items():
        if id_ == BUS:
            continue
        lines.append(f'  "{channel["address"]}": {{')
        for operation in asyncapi["operations"].values():
            if operation["action"] != action or not operation["channel"]["$ref"].endswith(
                f"/{id_}"
            ):
                continue
            schemas = asyncapi["components"]["schemas"]
            lines += _event(schemas, channel["messages"], operation)
        lines.append("  };")
    return "\n".join([*lines, "}", ""])


def _on_bus(asyncapi: Document) -> str:
    """Return the type of the events on the bus: the ``detail`` of each, by ``detail-type``."""
    details: dict[str, list[str]] = {}
    for message in asyncapi["channels"].get(BUS, {}).get("messages", {}).values():
        details.setdefault(message["name"], []).append(of(message["payload"]))
    about = "What the stack puts on its EventBridge bus: `detail`, by `detail-type`."
    lines = [f"/** {about} */", "export interface BusEvents {"]
    lines += [f'  "{name}": {" | ".join(found)};' for name, found in details.items()]
    return "\n".join([*lines, "}", ""])


def _event(
    schemas: dict[str, Schema], messages: dict[str, Any], operation: dict[str, Any]
) -> list[str]:
    message = messages[operation["messages"][0]["$ref"].rpartition("/")[2]]
    payload = message.get("payload")
    arguments = _parameters(schemas, payload) if payload is not None else []
    # Nothing can follow a list of any length: the callback is its last element.
    if "reply" in operation and not any(one.startswith("...") for one in arguments):
        answer = messages[operation["reply"]["messages"][0]["$ref"].rpartition("/")[2]]
        arguments.append(f"acknowledge?: ({_answer(schemas, answer['payload'])}) => void")
    about = [f"    /** {message['summary']} */"] if "summary" in message else []
    return [*about, f'    "{message["name"]}": ({", ".join(arguments)}) => void;']


def _parameters(schemas: dict[str, Schema], payload: Schema) -> list[str]:
    found = resolve(schemas, payload)
    if not found.get("x-arguments"):
        return [f"data: {of(payload)}"]
    return _labelled(found) if "prefixItems" in found else ["...data: Array<unknown>"]


def _answer(schemas: dict[str, Schema], payload: Schema) -> str:
    answer, _ = resolve(schemas, payload)["anyOf"]
    several = resolve(schemas, answer).get("x-arguments")
    return f"{'...' if several else ''}answer: {of(payload)}"
