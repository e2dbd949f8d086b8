"""The HTML of the page at ``/docs``: texts, types, lists of facts, examples and entries."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

from web.contract.schemas import Schema, name_of
from web.contract.typescript import of


def text(value: str) -> str:
    """Return the HTML of a text. Words in backquotes become code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(value, quote=False))


def code(value: str) -> str:
    """Return the HTML of code, and of a text that is exactly so. ``{}`` stands for a name."""
    return f"<code>{html.escape(value.replace('{}', '{name}'), quote=False)}</code>"


def type_of(schema: Schema) -> str:
    """Return the HTML of a type, as in TypeScript. The names of types are links."""
    name = name_of(schema)
    if name is not None:
        return f'<a href="#type-{name}"><code>{name}</code></a>'
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return " or ".join(dict.fromkeys(type_of(one) for one in choices))
    if schema.get("type") == "array" and "prefixItems" not in schema:
        return f"list of {type_of(schema.get('items', {}))}"
    return f"<code>{html.escape(of(schema), quote=False)}</code>"


def facts(rows: Mapping[str, str]) -> str:
    """Return a list of names, in HTML, and what is to be said about them, in HTML."""
    listed = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in rows.items())
    return f'<dl class="facts">{listed}</dl>' if listed else ""


def samples(by_language: Mapping[str, str]) -> str:
    """Return examples to copy. A script shows the chosen language only."""
    return "".join(
        f'<div class="sample" data-lang="{language}"><pre><code>{html.escape(one, quote=False)}'
        "</code></pre></div>"
        for language, one in by_language.items()
    )


def entry(
    id_: str, title: str, about: str, parts: Mapping[str, str], by_language: Mapping[str, str]
) -> str:
    """Return an entry with an anchor: what it is about, facts, and examples.

    title: in HTML, as the names and values of ``parts``.
    about: a text, or HTML if it begins with ``<p>``.
    """
    words = about if about.startswith("<p>") else f"<p>{text(about)}</p>" if about else ""
    return (
        f'<article class="entry" id="{id_}"><h4>{title} '
        f'<a class="anchor" href="#{id_}" aria-label="Link to this entry">#</a></h4>'
        f"{words}{facts(parts)}{samples(by_language)}</article>"
    )
