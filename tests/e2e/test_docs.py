"""Tests of the page at ``/docs`` in a real browser."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e.pages import Visitors


def test_the_search_finds_events_by_their_error_texts(visitors: Visitors) -> None:
    page = visitors.open("/docs")
    page.keyboard.press("/")
    page.keyboard.type("busy on another call")
    expect(page.locator(".entry:visible h4")).to_have_text([re.compile("call:initiate")])
    expect(page.get_by_role("status")).to_have_text("1 entry")
    page.get_by_role("link", name="call:ringing").first.click()
    expect(page.locator('[id="user-on-call.ringing"]')).to_be_in_viewport()


def test_an_example_is_copied_in_the_chosen_language(visitors: Visitors) -> None:
    allowed = {"permissions": ["clipboard-read", "clipboard-write"]}
    page = visitors.open("/docs#user-call.cancel", **allowed)
    page.get_by_label("Language of the examples").select_option("Native JSON")
    entry = page.locator('[id="user-call.cancel"]')
    entry.get_by_role("button", name="Copy").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith('{"action": "call.cancel", "data": {"callId": ')
    page.reload()
    expect(entry.locator('[data-lang="json"]')).to_be_visible()
    expect(entry.locator('[data-lang="js"]')).to_be_hidden()


def test_the_page_can_be_read_without_scripts_and_printed(visitors: Visitors) -> None:
    page = visitors.open("/docs", java_script_enabled=False, viewport={"width": 390, "height": 844})
    entry = page.locator('[id="root-chat.send_message"]')
    for language in ("js", "python", "json"):
        expect(entry.locator(f'[data-lang="{language}"]')).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator(".contents")).to_be_hidden()
    expect(entry).to_be_visible()
