"""Opens the pages in a browser, each in a browser context of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from local.settings import ROOT
from shared.identity.accounts import Account
from tests.e2e.people import People, token
from tests.e2e.stack import RING_SECONDS, Stack

AXE = ROOT / "local" / "node_modules" / "axe-core" / "axe.min.js"
FOR_AXE: dict[str, Any] = {"bypass_csp": True}
"""axe is a script from another origin, so the policy for scripts is bypassed."""

STILL: dict[str, Any] = {"reduced_motion": "reduce"}
"""Without a graphics card, the browser needs a core for an animation. axe reads colours, so they
must not be animated either."""

SERIOUS = {"serious", "critical"}
OF_COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules of axe, of those that it applies, whose result depends on colours."""

PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)


class Visitors:
    """The pages that a test has opened. If a page throws an error, the test fails at its end."""

    def __init__(self, browser: Browser, stack: Stack) -> None:
        self._browser = browser
        self._stack = stack
        self._contexts: list[BrowserContext] = []
        self.errors: list[str] = []

    def open(self, path: str, *people: Account, **options: Any) -> Page:
        """Open a page in a context of its own. ``people`` are the accounts with demo tokens."""
        options = {"bypass_csp": False, "locale": "en-GB", **STILL, **options}
        context = self._browser.new_context(base_url=self._stack.url, **options)
        context.set_default_timeout(PATIENCE_MS)
        self._contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.route("**/demo/tokens.json", lambda route: _hand_out(route, people))
        page.goto(path)
        return page

    def close(self) -> None:
        """Close all pages, and check that none has thrown an error."""
        for context in self._contexts:
            context.close()
        assert self.errors == []


@contextmanager
def visiting(browser: Browser, stack: Stack) -> Iterator[Visitors]:
    """Close all pages at the end of the block."""
    visitors = Visitors(browser, stack)
    yield visitors
    visitors.close()


def _hand_out(route: Route, people: tuple[Account, ...]) -> None:
    handed = [
        {"id": one.id, "role": one.role, "name": one.name, "token": _token(one)} for one in people
    ]
    route.fulfill(json={"people": handed, "ringSeconds": RING_SECONDS})


def _token(account: Account) -> str:
    """Return a token, with the permissions of people who have no account in the stack."""
    given = {"permissions": account.permissions} if account.permissions else {}
    return token(account, **given)


def phone(page: Page, role: str) -> Locator:
    """Return the phone of a role on the demo page."""
    return page.locator(f'[data-role="{role}"]')


def pill(page: Page, role: str, word: str) -> Locator:
    """Return the state at the top of a phone, if it is ``word``."""
    return phone(page, role).locator(".pill", has_text=re.compile(f"^{word}$"))


def contact(user: Page, telecaller: Page) -> Locator:
    """Return the row of a telecaller on a user's phone."""
    name = telecaller.get_by_label("Who is at: Telecaller").input_value()
    return phone(user, "USER").locator("li", has_text=re.compile(rf"{name}(?!\d)"))


def call(user: Page, telecaller: Page) -> None:
    """Call a telecaller from a user's phone."""
    contact(user, telecaller).get_by_role("button", name="Audio").click()


def user_and_telecaller(visitors: Visitors, people: People) -> tuple[Page, Page]:
    """Open the pages of a user and a telecaller. The user's page shows the telecaller as online."""
    user = visitors.open("/", people.take("USER"))
    pill(user, "USER", "online").wait_for()
    telecaller = visitors.open("/", people.take("TELECALLER"))
    pill(telecaller, "TELECALLER", "online").wait_for()
    expect(contact(user, telecaller).locator(".note")).to_have_text("online")
    return user, telecaller


def both_phones(visitors: Visitors, people: People, **options: Any) -> Page:
    """Open one page with the phones of a user and a telecaller. The user sees that the telecaller
    is online."""
    page = visitors.open("/", people.take("USER"), people.take("TELECALLER"), **options)
    pill(page, "TELECALLER", "online").wait_for()
    expect(contact(page, page).locator(".note")).to_have_text("online")
    return page


def sign_in(page: Page, account: Account) -> None:
    """Sign in to the console."""
    page.get_by_label("Token").fill(token(account))
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Sign out").wait_for()


def number(page: Page, key: str) -> int:
    """Wait until the console shows a number, and return it."""
    tile = page.locator(f'[data-key="{key}"]', has_text=re.compile(r"^\d+$"))
    return int(tile.inner_text())


def fits_a_phone(page: Page) -> bool:
    """Return whether the page is not wider than a phone. Sets the page to the size of a phone."""
    page.set_viewport_size({"width": 360, "height": 740})
    return int(page.evaluate("document.documentElement.scrollWidth")) <= 360


def serious_issues(page: Page, *, dark: bool = False) -> list[str]:
    """Return the problems that axe calls serious or critical.

    dark: look at the dark colour scheme too. The page is the same in it but for its colours.

    The context of the page must bypass the page's Content-Security-Policy.
    """
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(path=AXE)
    found = _violations(page)
    if dark:
        page.emulate_media(color_scheme="dark")
        found += _violations(page, runOnly={"type": "rule", "values": OF_COLOURS})
        page.emulate_media(color_scheme="light")
    return [
        f"{issue['id']}: {node['html']} {node['failureSummary']}"
        for issue in found
        if issue["impact"] in SERIOUS
        for node in issue["nodes"]
    ]


def _violations(page: Page, **options: Any) -> list[dict[str, Any]]:
    """Return the rules of axe that the page violates."""
    run = "(options) => axe.run(options).then((found) => JSON.stringify(found.violations))"
    found: list[dict[str, Any]] = json.loads(
        page.evaluate(run, {"resultTypes": ["violations"], **options})
    )
    return found
