"""People at the pages, each in a browser context of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from local.settings import ROOT
from shared.identity.accounts import Account
from tests.e2e.people import token
from tests.e2e.stack import RING_SECONDS, Stack

AXE = ROOT / "local" / "node_modules" / "axe-core" / "axe.min.js"
SERIOUS = {"serious", "critical"}
PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)


class Visitors:
    """Opens pages of a running stack. A page that throws makes the test fail at its end."""

    def __init__(self, browser: Browser, stack: Stack) -> None:
        self._browser = browser
        self._stack = stack
        self._contexts: list[BrowserContext] = []
        self.errors: list[str] = []

    def open(self, path: str, *people: Account, **options: Any) -> Page:
        """A page in a context of its own, where ``people`` are the ones with demo tokens."""
        options = {"bypass_csp": False, "locale": "en-GB", **options}
        context = self._browser.new_context(base_url=self._stack.url, **options)
        context.set_default_timeout(PATIENCE_MS)
        self._contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.route("**/demo/tokens.json", lambda route: _hand_out(route, people))
        page.goto(path)
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()
        assert self.errors == []


@contextmanager
def visiting(browser: Browser, stack: Stack) -> Iterator[Visitors]:
    visitors = Visitors(browser, stack)
    yield visitors
    visitors.close()


def _hand_out(route: Route, people: tuple[Account, ...]) -> None:
    handed = [
        {"id": one.id, "role": one.role, "name": one.name, "token": _token(one)} for one in people
    ]
    route.fulfill(json={"people": handed, "ringSeconds": RING_SECONDS})


def _token(account: Account) -> str:
    """With permissions where somebody has no account that would say them."""
    given = {"permissions": account.permissions} if account.permissions else {}
    return token(account, **given)


def phone(page: Page, role: str) -> Locator:
    return page.locator(f'[data-role="{role}"]')


def pill(page: Page, role: str, word: str) -> Locator:
    """The state at the top of a phone, when it says ``word``."""
    return phone(page, role).locator(".pill", has_text=re.compile(f"^{word}$"))


def sign_in(page: Page, account: Account) -> None:
    page.get_by_label("Token").fill(token(account))
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Sign out").wait_for()


def number(page: Page, key: str) -> int:
    """A number of the console that has come."""
    tile = page.locator(f'[data-key="{key}"]', has_text=re.compile(r"^\d+$"))
    return int(tile.inner_text())


def fits_a_phone(page: Page) -> bool:
    """Whether nothing is wider than a phone, to which the page is set."""
    page.set_viewport_size({"width": 360, "height": 740})
    return int(page.evaluate("document.documentElement.scrollWidth")) <= 360


def serious_issues(page: Page) -> list[str]:
    """What axe calls serious or worse. The page's context has to bypass its policy for scripts."""
    page.add_script_tag(path=AXE)
    found = json.loads(page.evaluate("axe.run().then((found) => JSON.stringify(found.violations))"))
    return [
        f"{issue['id']}: {node['html']} {node['failureSummary']}"
        for issue in found
        if issue["impact"] in SERIOUS
        for node in issue["nodes"]
    ]
