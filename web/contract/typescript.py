"""Makes the types for ``Socket<ServerToClient["/user"], ClientToServer["/user"]>`` of
socket.io-client."""

from __future__ import annotations

from typing import Any

from web.contract.schemas import Schema, name_of, resolve

HEAD = """\
// Made by `make contract` from the table of events; not to be edited.
//
//   import { io, type Socket } from "socket.io-client";
//   import type { ClientToServer, ServerToClient } from "./events";
//
//   const user: Socket<ServerToClient["/user"], ClientToServer["/user"]> =
//     io("https://…/user", { auth: { token } });
"""

SIMPLE = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}


def make(asyncapi: dict[str, Any]) -> str:
    """Return the text of the file of types."""
    schemas: dict[str, Schema] = asyncapi["components"]["schemas"]
    parts = [HEAD, *(_declaration(name, schema) for name, schema in schemas.items())]
    parts.append(_directions("ClientToServer", "clients send", asyncapi, "receive"))
    parts.append(_directions("ServerToClient", "clients receive", asyncapi, "send"))
    return "\n".join(parts)


def of(schema: Schema) -> str:
    """Return a schema as a TypeScript type."""
    name = name_of(schema)
    if name is not None:
        return spelled(name)
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return " | ".join(dict.fromkeys(of(one) for one in choices))
    if "enum" in schema or "const" in schema:
        return " | ".join(_literal(one) for one in schema.get("enum") or [schema["const"]])
    return _of_kind(schema.get("type"), schema)


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


def spelled(name: str) -> str:
    """Return the name of a TypeScript type.

    If payloads of two products have the same name, msgspec puts the module before it. Only the
    product's part of the module is kept.
    """
    *module, last = name.split(".")
    return "".join([*(part.title() for part in module[1:2]), last])


def _values(schema: Schema) -> Schema:
    values = schema.get("additionalProperties", {})
    return values if isinstance(values, dict) else {}


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def _declaration(name: str, schema: Schema) -> str:
    about = f"/** {schema['description']} */\n" if "description" in schema else ""
    if schema.get("type") == "object" and "properties" in schema:
        return f"{about}export interface {spelled(name)} {_members(schema)}\n"
    return f"{about}export type {spelled(name)} = {of(schema)};\n"


def _members(schema: Schema) -> str:
    required = set(schema.get("required", ()))
    lines = [
        f"  {field}{'' if field in required else '?'}: {of(kind)};"
        for field, kind in schema["properties"].items()
    ]
    return "\n".join(["{", *lines, "}"])


def _directions(name: str, words: str, asyncapi: dict[str, Any], action: str) -> str:
    lines = [f"/** What {words}, by namespace. */", f"export interface {name} {{"]
    for id_, channel in asyncapi["channels"].items():
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
    answer, _ = payload["anyOf"]
    several = resolve(schemas, answer).get("x-arguments")
    return f"{'...' if several else ''}answer: {of(payload)}"
