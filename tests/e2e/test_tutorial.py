"""The product of docs/add-a-product.md, in browsers that run the client code of the tutorial."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from local.settings import ROOT
from tests.e2e.pages import Visitors
from tests.e2e.products import PRODUCTS
from tests.e2e.stack import Stack
from tests.e2e.waiting import until

CLIENT = Path(__file__).with_name("tutorial.html")


@pytest.fixture(scope="module", autouse=True)
def client_of_the_guide(stack: Stack) -> None:
    shutil.copyfile(CLIENT, stack.root / "web" / "site" / "tutorial.html")


def chat(visitors: Visitors) -> Page:
    """Open the tutorial's page, which is one of the stack's pages.

    Unlike those, it has its script in itself, which their policy forbids.
    """
    page = visitors.open("/tutorial", bypass_csp=True)
    until(lambda: page.evaluate("window.socket?.connected"), "the page is connected")
    return page


def say(page: Page, text: str) -> None:
    page.get_by_label("Message").fill(text)
    page.get_by_role("button", name="Send").click()


def test_a_message_reaches_both_browsers_once_and_a_client_that_was_away(
    visitors: Visitors,
) -> None:
    anna, bert = chat(visitors), chat(visitors)
    say(anna, "Hello")
    for page in (anna, bert):
        expect(page.locator("li")).to_have_text(["Hello"])
    bert.evaluate("socket.disconnect()")
    say(anna, "Are you there?")
    expect(anna.locator("li")).to_have_text(["Hello", "Are you there?"])
    bert.evaluate("socket.connect()")
    expect(bert.locator("li")).to_have_text(["Hello", "Are you there?"])
    carla = chat(visitors)
    expect(carla.locator("li")).to_have_text(["Hello", "Are you there?"])


def test_a_message_that_is_sent_again_is_stored_once(visitors: Visitors) -> None:
    page = chat(visitors)
    again = 'socket.emitWithAck("chat message", "Twice", "the-same-offset")'
    assert page.evaluate(f"{again}.then(() => {again})") is None
    say(page, "Then this")
    expect(page.locator("li", has_text="Then this")).to_have_count(1)
    expect(page.locator("li", has_text="Twice")).to_have_count(1)


def test_a_message_of_the_wrong_shape_is_refused_by_name(visitors: Visitors) -> None:
    page = chat(visitors)
    answer = page.evaluate('socket.emitWithAck("chat message", 5, "x")')
    assert answer == {"error": {"message": "text: expected str, got int"}}


def test_the_guide_quotes_the_product_as_it_is() -> None:
    """Every line of the product's code in the guide is in the product's folder."""
    source = (PRODUCTS / "tutorial" / "handlers.py").read_text()
    guide = (ROOT / "docs" / "add-a-product.md").read_text()
    blocks = [part.partition("```")[0] for part in guide.split("```python\n")[1:]]
    quoted = [block for block in blocks if "REGISTRY" not in block]
    assert len(quoted) >= 6
    for block in quoted:
        for line in filter(None, map(str.rstrip, block.splitlines())):
            assert line in source, line
