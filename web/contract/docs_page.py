"""Makes the page at ``/docs``: plain HTML from the two documents and the guide."""

from __future__ import annotations

import json
import re
from typing import Any

from shared.pipeline.backend_events import HAPPENED_AT
from web.contract import examples, guide
from web.contract.asyncapi import BUS
from web.contract.entries import Entries, Json
from web.contract.markup import code, entry, facts, samples, text, type_of
from web.contract.openapi import WHEN

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
<script type="module" src="/app/docs.js"></script>
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
<form class="find" role="search" hidden>
<label for="search">Search events, texts and fields</label>
<div><input id="search" type="search" autocomplete="off" spellcheck="false">\
<select aria-label="Language of the examples">{languages}</select></div>
<p class="note" role="status"></p>
</form>
<p>For tools: <a href="/contract/asyncapi.json">AsyncAPI</a>,
<a href="/contract/events.d.ts">TypeScript types</a>,
<a href="/contract/openapi.json">OpenAPI</a>.</p>
{sections}
</main>
</div>
</body>
</html>
"""


def make(asyncapi: Json, openapi: Json) -> str:
    """Return the HTML of the page."""
    entries = Entries(asyncapi)
    schemas = asyncapi["components"]["schemas"] | openapi["components"]["schemas"]
    channels = dict(asyncapi["channels"])
    bus = channels.pop(BUS, None)
    contents = [_link(id_, title) for id_, title, _ in guide.SECTIONS]
    contents += [_link(id_, one["address"]) for id_, one in channels.items()]
    contents += [_link("http", "HTTP"), _link("backend", "Backend events")]
    contents += [_link("bus", "Events on the bus"), _link("types", "Types")]
    sections = [_guide(*section) for section in guide.SECTIONS]
    sections += [_namespace(id_, one, entries) for id_, one in channels.items()]
    sections += [_http(openapi, schemas), _backend(openapi, schemas)]
    sections += [_bus(bus), _types(schemas)]
    return PAGE.format(
        contents="\n".join(contents),
        lead=text(asyncapi["info"]["description"]),
        languages="".join(
            f'<option value="{id_}">{name}</option>' for id_, name in examples.LANGUAGES.items()
        ),
        sections="\n".join(sections),
    )


def _link(id_: str, title: str) -> str:
    return f'<a href="#{id_}">{text(title)}</a>'


def _section(id_: str, title: str, *parts: str) -> str:
    head = f'<section id="{id_}" aria-labelledby="{id_}-title"><h2 id="{id_}-title">{title}</h2>'
    return "\n".join([head, *(part for part in parts if part), "</section>"])


def _guide(id_: str, title: str, words: str) -> str:
    limits = {
        f"<code>{name.upper()}</code>": f"{value:,}" for name, value in guide.limits().items()
    }
    filled = words.format(
        **guide.numbers(),
        connect=samples(guide.CONNECT),
        token=samples(guide.TOKEN),
        limits=facts(limits),
    )
    return _section(id_, text(title), filled)


def _namespace(id_: str, channel: Json, entries: Entries) -> str:
    about, refusals = channel.get("description"), channel.get("x-connect-errors", ())
    listed = "".join(f"<li>{code(one)}</li>" for one in refusals)
    return _section(
        id_,
        code(channel["address"]),
        f"<p>{text(about)}</p>" if about else "",
        f"<p>A client that may not join receives <code>connect_error</code> with one of:</p>"
        f"<ul class='texts'>{listed}</ul>"
        if listed
        else "",
        "<h3>Sent by clients</h3>",
        *entries.received(id_),
        "<h3>Sent to clients</h3>",
        *entries.sent(id_),
    )


def _http(openapi: Json, schemas: Json) -> str:
    routes = [
        _route(method.upper(), path, one, schemas)
        for path, methods in openapi["paths"].items()
        for method, one in methods.items()
    ]
    return _section("http", "HTTP", f"<p>{text(openapi['info']['description'])}</p>", *routes)


def _route(method: str, path: str, operation: Json, schemas: Json) -> str:
    parts: dict[str, str] = {}
    body = operation.get("requestBody")
    schema = body and body["content"]["application/json"]["schema"]
    if schema:
        parts["Body"] = type_of(schema)
    for one in operation.get("parameters", ()):
        if one["in"] == "query":
            about = text(one.get("description", ""))
            parts[f"<code>?{one['name']}=</code>"] = f"{about}: {type_of(one['schema'])}"
    status, answer = next(iter(operation["responses"].items()))
    if "content" in answer:
        parts["Answer"] = type_of(answer["content"]["application/json"]["schema"])
    others = [
        f"{other} {one['description']}"
        for other, one in operation["responses"].items()
        if other != status
    ]
    if others:
        parts["Errors"] = ", ".join(others)
    if "security" in operation:
        parts["Needs"] = "a bearer token or the admin's cookie"
    given = examples.value(schemas, schema) if schema else None
    sample = examples.request(method, path, given, token="security" in operation)
    id_ = re.sub(r"\W+", "-", f"http-{method} {path}".lower()).strip("-")
    title = f"<code>{method} {text(path)}</code>"
    return entry(id_, title, operation["summary"], parts, {"shell": sample})


def _backend(openapi: Json, schemas: Json) -> str:
    """Return the types of ``POST /events``, one by one."""
    if "BackendEvent" not in schemas:
        return ""
    kinds = []
    for reference in schemas["BackendEvent"]["oneOf"]:
        kind = schemas[reference["$ref"].rpartition("/")[2]]["properties"]
        name, data = kind["type"]["const"], kind["data"]
        about = openapi["x-backend-events"].get(name, "")
        body = {"type": name, "data": examples.value(schemas, data)}
        sample = examples.request("POST", "/events", body, token=True)
        parts = {"Data": type_of(data)}
        kinds.append(entry(f"backend-{name}", code(name), about, parts, {"shell": sample}))
    words = (
        "<p>What your own systems report, with <code>POST /events</code> and an admin's token, or "
        "as an EventBridge event with the type as its <code>detail-type</code>. The data of each "
        f"may have <code>{HAPPENED_AT}</code>: {text(WHEN)}</p>"
    )
    return _section("backend", "Backend events", words, *kinds)


def _bus(channel: Json | None) -> str:
    """Return the events on the stack's bus, one by one, each with a rule that matches it."""
    if channel is None:
        return ""
    kinds = []
    for key, message in channel["messages"].items():
        name, source = message["name"], message["x-source"]
        pattern = json.dumps({"source": [source], "detail-type": [name]})
        sample = (
            f"aws events put-rule --event-bus-name switchboard-prod --name {name} \\\n"
            f"  --event-pattern '{pattern}'"
        )
        parts = {"Detail": type_of(message["payload"])}
        about = message["summary"]
        kinds.append(entry(f"bus-{key}", code(name), about, parts, {"shell": sample}))
    return _section("bus", "Events on the bus", f"<p>{text(channel['description'])}</p>", *kinds)


def _types(schemas: Json) -> str:
    shown = [_type_entry(name, schema) for name, schema in sorted(schemas.items())]
    return _section("types", "Types", *shown)


def _type_entry(name: str, schema: dict[str, Any]) -> str:
    required = set(schema.get("required", ()))
    fields = {
        f"<code>{text(field)}{'' if field in required else '?'}</code>": type_of(kind)
        for field, kind in schema.get("properties", {}).items()
    }
    own = {} if fields else {"Is": type_of(schema | {"title": ""})}
    return entry(f"type-{name}", name, schema.get("description", ""), fields or own, {})
