"""Makes the AsyncAPI 3 document: every event of every namespace, in both directions.

``receive`` and ``send`` are seen from the stack's side, as the specification defines them.
https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

from __future__ import annotations

import re
from typing import Any

from functions.products import REGISTRY
from shared.aws.bus_events import Detail
from shared.ports import OWN_SOURCE
from shared.protocol import native
from shared.realtime.namespaces import Login
from web.contract import model
from web.contract.model import Refused, ToClient, ToServer
from web.contract.schemas import Schema, Schemas, name_of

Document = dict[str, Any]

BUS = "bus"
"""The channel of the events that the stack puts on its EventBridge bus."""

ON_BUS = (
    "What happens, for a team's own systems, on the stack's EventBridge bus. Only with the setting "
    "`publish_events`. Each event has the source `switchboard` and its name as `detail-type`; the "
    "payload is its `detail`. It comes at least once, with the same `id` each time. `time`: when "
    "it happened, ISO 8601. `sequence`: of two events about the same person, call or booking with "
    "the same time, the one with the greater text has happened later. `data`: what has happened."
)

ERROR_TEXT = "ErrorText"
"""The name of the payload of an error that is bare text: the only payload without a type."""

DESCRIPTION = (
    "Socket.IO at `/socket.io/`, one namespace per kind of person. A client needs no option: it "
    "begins with long polling and goes on with a WebSocket. Without a Socket.IO library, connect "
    "to `/ws?namespace=…` and send the action named with each event."
)


def make() -> Document:
    """Return the document of the registry's events."""
    events = list(model.everything())
    schemas = Schemas(_types(events))
    channels: Document = {}
    operations: Document = {}
    for namespace in model.namespaces():
        id_ = channel_id(namespace)
        channels[id_] = _channel(namespace)
        for received in model.to_server(namespace):
            _receive(id_, channels[id_], operations, schemas, received)
        for sent in model.to_client(namespace):
            _send(id_, channels[id_], operations, schemas, sent)
    _publish(channels, operations, schemas)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Switchboard", "version": "1.0.0", "description": DESCRIPTION},
        "defaultContentType": "application/json",
        "servers": {
            "local": {
                "host": "127.0.0.1:8000",
                "pathname": "/socket.io/",
                "protocol": "ws",
                "description": "`make run`. In AWS: the stack's own host, with `wss`.",
            }
        },
        "channels": channels,
        "operations": operations,
        "components": {"schemas": dict(sorted(schemas.components.items()))},
    }


def channel_id(namespace: str) -> str:
    """Return the name of a namespace's channel in the document."""
    return namespace.strip("/") or "root"


def _types(events: list[ToServer | ToClient]) -> list[Any]:
    types: list[Any] = [Refused, Detail, *model.on_bus()]
    for event in events:
        if event.payload is not None:
            types.append(event.payload)
        if isinstance(event, ToServer):
            types.append(event.answer)
    return types


def _channel(namespace: str) -> Document:
    known = REGISTRY.namespaces.get(namespace)
    channel: Document = {"address": namespace, "title": f"Namespace {namespace}", "messages": {}}
    if known is not None and known.role:
        channel["description"] = f"For accounts with the role `{known.role}`."
    if known is not None and known.login is Login.NONE:
        channel["description"] = "Open to all, without a token."
    refusals = model.connect_errors(namespace)
    if refusals:
        channel["x-connect-errors"] = refusals
    return channel


def _receive(
    id_: str, channel: Document, operations: Document, schemas: Schemas, event: ToServer
) -> None:
    action = _key(event.action)
    key, answer_key = f"{action}.in", f"{action}.answer"
    message: Document = {"name": event.event, "x-action": event.action}
    if event.about:
        message["summary"] = event.about
    if event.payload is not None:
        message["payload"] = schemas.named(_name(event), schemas.of(event.payload))
    message["x-errors"] = {name: list(texts) for name, texts in event.errors.items()}
    if event.permission:
        message["x-permission"] = event.permission
    if event.limit:
        message["x-limit-per-minute"] = event.limit
    channel["messages"][key] = message
    channel["messages"][answer_key] = {
        "name": f"{event.event} answered",
        **_answer(schemas, event),
    }
    operations[f"{id_}.receive.{action}"] = {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{id_}"},
        "messages": [{"$ref": f"#/channels/{id_}/messages/{key}"}],
        "reply": {
            "channel": {"$ref": f"#/channels/{id_}"},
            "messages": [{"$ref": f"#/channels/{id_}/messages/{answer_key}"}],
        },
    }


def _answer(schemas: Schemas, event: ToServer) -> Document:
    """Return what an acknowledgement carries: one argument, or several."""
    schema, refused = schemas.of(event.answer), schemas.of(Refused)
    what, name = "The one argument", _answer_name(schema) or f"{_name(event)}Answer"
    if schemas.resolve(schema).get("x-arguments"):
        what, refused = "The arguments", {"type": "array", "prefixItems": [refused]}
    return {
        "summary": f"{what} of the acknowledgement, where the client passes a callback.",
        "payload": schemas.named(name, {"anyOf": [schema, refused]}),
    }


def _answer_name(schema: Schema) -> str | None:
    """Return the name of what an acknowledgement carries. Returns None if there is no good one."""
    if schema == {"type": "null"}:
        return "Acknowledged"
    item = name_of(schema.get("items", {}))
    name = name_of(schema) or (item and f"{item}List")
    return name and f"{name}OrRefused"


def _name(event: ToServer) -> str:
    """Return the name of the payload of an event, if its type has none."""
    return event.product.title() + "".join(
        word[:1].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", event.event)
    )


def _key(action: str) -> str:
    """Return an action as part of a reference."""
    return re.sub(r"[^\w.-]", "-", action)


def _send(
    id_: str, channel: Document, operations: Document, schemas: Schemas, event: ToClient
) -> None:
    action = _key(native.action(event.event))
    payload = schemas.named(ERROR_TEXT, schemas.of(event.payload))
    message: Document = {"name": event.event, "payload": payload}
    if event.about:
        message["summary"] = event.about
    channel["messages"][f"{action}.out"] = message
    operations[f"{id_}.send.{action}"] = {
        "action": "send",
        "channel": {"$ref": f"#/channels/{id_}"},
        "messages": [{"$ref": f"#/channels/{id_}/messages/{action}.out"}],
    }


def _publish(channels: Document, operations: Document, schemas: Schemas) -> None:
    """Add the events on the bus. The detail of each is ``Detail`` with its own data."""
    general = schemas.components.pop("Detail")
    messages: Document = {}
    for event in model.on_bus():
        data = schemas.of(event)
        name = name_of(data)
        detail = {
            **general,
            "title": f"{name}Detail",
            "description": f"The `detail` of `{event.type}` on the bus.",
            "properties": {**general["properties"], "data": data},
        }
        key = f"{event.type}.{name}"
        messages[key] = {
            "name": event.type,
            "summary": model.about(event),
            "x-source": OWN_SOURCE,
            "payload": schemas.named(f"{name}Detail", detail),
        }
        operations[f"{BUS}.send.{key}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{BUS}"},
            "messages": [{"$ref": f"#/channels/{BUS}/messages/{key}"}],
        }
    if messages:
        channels[BUS] = {
            "address": "EventBridge",
            "title": "EventBridge bus",
            "description": ON_BUS,
            "messages": messages,
        }
