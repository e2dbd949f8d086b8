"""Makes the page at ``/docs``: plain HTML from the two documents."""

from __future__ import annotations

import html
from typing import Any

from web.contract.schemas import Schema, name_of, resolve
from web.contract.typescript import of

Json = dict[str, Any]

PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Events and routes · Switchboard</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/style.css">
</head>
<body class="docs">
<header class="bar">
<a class="brand" href="/"><img src="/icon.svg" alt="" width="24" height="24">Switchboard</a>
<nav aria-label="Pages"><a href="/">Demo</a><a href="/console">Console</a>\
<a href="/docs" aria-current="page">Docs</a></nav>
</header>
<div class="reading">
<nav class="contents" aria-label="On this page">
{contents}
</nav>
<main>
<h1>Events and routes</h1>
<p class="lead">{lead}</p>
<p>For tools: <a href="/contract/asyncapi.json">AsyncAPI</a>,
<a href="/contract/events.d.ts">TypeScript types</a>,
<a href="/contract/openapi.json">OpenAPI</a>. An acknowledgement callback is always called, with
one argument: the answer below, or <code>{{error: {{message}}}}</code>.</p>
{sections}
</main>
</div>
</body>
</html>
"""


def make(asyncapi: Json, openapi: Json) -> str:
    """Return the HTML of the page."""
    channels = asyncapi["channels"]
    contents = [f'<a href="#{id_}">{_text(one["address"])}</a>' for id_, one in channels.items()]
    contents += ['<a href="#http">HTTP</a>', '<a href="#types">Types</a>']
    sections = [_namespace(id_, one, asyncapi) for id_, one in channels.items()]
    sections.append(_http(openapi))
    sections.append(_types(asyncapi["components"]["schemas"] | openapi["components"]["schemas"]))
    return PAGE.format(
        contents="\n".join(contents),
        lead=_text(asyncapi["info"]["description"]),
        sections="\n".join(sections),
    )


def _namespace(id_: str, channel: Json, asyncapi: Json) -> str:
    about = channel.get("description")
    return "\n".join(
        [
            f'<section id="{id_}" aria-labelledby="{id_}-title">',
            f'<h2 id="{id_}-title"><code>{_text(channel["address"])}</code></h2>',
            f"<p>{_text(about)}</p>" if about else "",
            "<h3>Sent by clients</h3>",
            *(_event(one, channel, asyncapi) for one in _operations(asyncapi, id_, "receive")),
            "<h3>Sent to clients</h3>",
            *(_event(one, channel, asyncapi) for one in _operations(asyncapi, id_, "send")),
            "</section>",
        ]
    )


def _operations(asyncapi: Json, id_: str, action: str) -> list[Json]:
    where = f"#/channels/{id_}"
    return [
        one
        for one in asyncapi["operations"].values()
        if one["action"] == action and one["channel"]["$ref"] == where
    ]


def _event(operation: Json, channel: Json, asyncapi: Json) -> str:
    schemas = asyncapi["components"]["schemas"]
    message = channel["messages"][operation["messages"][0]["$ref"].rpartition("/")[2]]
    facts = []
    if "payload" in message:
        facts.append(("Payload", _type(message["payload"])))
    if "reply" in operation:
        reply = operation["reply"]["messages"][0]["$ref"].rpartition("/")[2]
        answer = resolve(schemas, channel["messages"][reply]["payload"])["anyOf"][0]
        facts.append(("Answer", _type(answer)))
        facts.append(("Errors", ", ".join(f"<code>{_text(e)}</code>" for e in message["x-errors"])))
        facts.append(("Native action", f"<code>{_text(message['x-action'])}</code>"))
    if "x-limit-per-minute" in message:
        facts.append(("Limit", f"{message['x-limit-per-minute']} a minute"))
    return _entry(f"<code>{_text(message['name'])}</code>", message.get("summary"), facts)


def _http(openapi: Json) -> str:
    entries = [
        _route(method.upper(), path, one)
        for path, methods in openapi["paths"].items()
        for method, one in methods.items()
    ]
    head = '<section id="http" aria-labelledby="http-title"><h2 id="http-title">HTTP</h2>'
    return "\n".join(
        [head, f"<p>{_text(openapi['info']['description'])}</p>", *entries, "</section>"]
    )


def _route(method: str, path: str, operation: Json) -> str:
    facts = []
    body = operation.get("requestBody")
    if body:
        facts.append(("Body", _type(body["content"]["application/json"]["schema"])))
    query = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
    if query:
        facts.append(("Query", ", ".join(f"<code>{_text(name)}</code>" for name in query)))
    status, answer = next(iter(operation["responses"].items()))
    if "content" in answer:
        facts.append(("Answer", _type(answer["content"]["application/json"]["schema"])))
    others = ", ".join(code for code in operation["responses"] if code != status)
    if others:
        facts.append(("Errors", others))
    if "security" in operation:
        facts.append(("Needs", "a bearer token or the admin's cookie"))
    return _entry(f"<code>{method} {_text(path)}</code>", operation["summary"], facts)


def _entry(title: str, about: str | None, facts: list[tuple[str, str]]) -> str:
    words = f"<p>{_text(about)}</p>" if about else ""
    rows = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    return f'<article class="entry"><h4>{title}</h4>{words}<dl>{rows}</dl></article>'


def _types(schemas: dict[str, Schema]) -> str:
    parts = ['<section id="types" aria-labelledby="types-title"><h2 id="types-title">Types</h2>']
    for name, schema in sorted(schemas.items()):
        about = f"<p>{_text(schema['description'])}</p>" if "description" in schema else ""
        fields = schema.get("properties", {})
        required = set(schema.get("required", ()))
        rows = "".join(
            f"<div><dt><code>{_text(field)}{'' if field in required else '?'}</code></dt>"
            f"<dd>{_type(kind)}</dd></div>"
            for field, kind in fields.items()
        )
        listed = f"<dl>{rows}</dl>" if rows else f"<p>{_type(schema)}</p>"
        id_ = f"type-{name}"
        parts.append(f'<article class="entry" id="{id_}"><h3>{name}</h3>{about}{listed}</article>')
    return "\n".join([*parts, "</section>"])


def _type(schema: Schema) -> str:
    """Return the HTML of a type, as in TypeScript. The names of types are links."""
    name = name_of(schema)
    if name is not None:
        return f'<a href="#type-{name}"><code>{name}</code></a>'
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return " or ".join(dict.fromkeys(_type(one) for one in choices))
    if schema.get("type") == "array" and "prefixItems" not in schema:
        return f"list of {_type(schema.get('items', {}))}"
    if "type" in schema and schema.get("title") and "properties" in schema:
        fields = (f"{field}: {_type(kind)}" for field, kind in schema["properties"].items())
        return "<br>".join(fields)
    return f"<code>{_text(of(schema))}</code>"


def _text(value: str) -> str:
    """Return the HTML of a text. Words in backquotes become code."""
    parts = html.escape(value).split("`")
    return "".join(
        f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts)
    )
