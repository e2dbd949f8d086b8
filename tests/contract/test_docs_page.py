"""The page at ``/docs``: everything has an anchor and an example, and every text is there."""

from __future__ import annotations

import ast
import gzip
import html
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from functions.products import REGISTRY
from local.settings import ROOT
from shared.settings import Settings
from web.contract import asyncapi, model

PAGE = (ROOT / "web" / "site" / "docs.html").read_text()
LANGUAGES = ("js", "python", "json")


def entry(anchor: str) -> str:
    """Return the HTML of an entry."""
    begin = PAGE.index(f'<article class="entry" id="{anchor}">')
    return PAGE[begin : PAGE.index("</article>", begin)]


def test_every_event_has_an_anchor_and_an_example_in_each_language() -> None:
    for namespace in model.namespaces():
        id_ = asyncapi.channel_id(namespace)
        anchors = [f"{id_}-{one.action}" for one in model.to_server(namespace)]
        anchors += [f"{id_}-on-{one.event.replace(':', '.')}" for one in model.to_client(namespace)]
        for anchor in anchors:
            for language in LANGUAGES:
                assert f'data-lang="{language}"' in entry(anchor), anchor


def test_every_event_shows_its_texts_its_permission_and_its_limit() -> None:
    for namespace in model.namespaces():
        for one in model.to_server(namespace):
            shown = html.unescape(entry(f"{asyncapi.channel_id(namespace)}-{one.action}"))
            for event, texts in one.errors.items():
                assert f">{event}<" in shown
                for text in texts:
                    assert text.replace("{}", "{name}") in shown
            assert one.permission is None or one.permission in shown
            assert one.limit is None or f"{one.limit} a minute" in shown


def test_a_request_links_to_what_answers_it_and_back() -> None:
    assert 'href="#admin-on-presence.counts"' in entry("admin-presence.request-counts")
    assert 'href="#admin-presence.request-counts"' in entry("admin-on-presence.counts")


def test_every_link_leads_somewhere() -> None:
    anchors = set(re.findall(r'id="([^"]+)"', PAGE))
    links = set(re.findall(r'href="#([^"]+)"', PAGE))
    assert links - anchors == set()
    assert len(re.findall(r'id="[^"]+"', PAGE)) == len(anchors), "an anchor occurs twice"


@pytest.mark.parametrize("type_", sorted(REGISTRY.backend_events))
def test_every_backend_event_has_an_example_of_its_own(type_: str) -> None:
    assert f'"type": "{type_}"' in entry(f"backend-{type_}")


def test_the_page_says_how_to_begin() -> None:
    """The order of things in ``/`` with the real time limit, and tokens with every claim."""
    sections = dict(re.findall(r'<section id="([^"]+)"(.*?)</section>', PAGE, re.DOTALL))
    known = {one.name: one.default for one in msgspec.structs.fields(Settings)}
    events = ("authenticate", "authenticated", "join_channel")
    order = [sections["chat-order"].index(f"<code>{one}</code>") for one in events]
    assert order == sorted(order)
    assert f"within {known['unauthenticated_seconds']} seconds" in sections["chat-order"]
    for claim in ("sub", "role", "exp", "name", "permissions"):
        assert f"<dt><code>{claim}</code></dt>" in sections["tokens"]


def test_the_page_is_small_enough_to_be_quick() -> None:
    assert len(gzip.compress(PAGE.encode())) < 64 * 1024


def test_the_texts_have_no_python_words() -> None:
    prose = re.sub(r"<pre>.*?</pre>", "", PAGE, flags=re.DOTALL)
    assert re.findall(r"\b(?:None|True|False|Returns None|epoch ms)\b", prose) == []


def refused_with(path: Path) -> Iterator[str]:
    """Yield the texts of constants with which the code of a module refuses events."""
    module = importlib.import_module(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    )
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Refusal" and node.args:
            text = ast.unparse(node.args[0]).removesuffix(")").partition(".format(")[0]
            if re.fullmatch(r"[A-Z_]+", text):
                yield str(getattr(module, text))


def test_every_text_with_which_a_handler_refuses_is_declared() -> None:
    declared = {
        text
        for namespace in model.namespaces()
        for one in model.to_server(namespace)
        for texts in one.errors.values()
        for text in texts
    }
    declared |= {text.rpartition(" ")[0] + " {}" for text in declared}  # with a permission's name
    found = [
        (path.name, text)
        for path in sorted((ROOT / "functions").glob("*/*.py"))
        if path.name != "main.py" and path.parent.name in {one.name for one in REGISTRY.products}
        for text in refused_with(path)
    ]
    assert len(found) > 15
    assert [one for one in found if one[1] not in declared] == []
