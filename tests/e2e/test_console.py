"""Tests of the console in a real browser: what admins see and do, and what people hear of it."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.e2e import backstage
from tests.e2e.calls import answer, ring
from tests.e2e.chat import tab, unique
from tests.e2e.pages import FOR_AXE, Visitors, fits_a_phone, serious_issues, sign_in
from tests.e2e.people import People
from tests.e2e.world import World

TABS = ("Overview", "Calls", "People", "Audit log", "Queues")


def console(visitors: Visitors, people: People, page: str) -> Page:
    """Open a page of the console as an admin."""
    opened = visitors.open(f"/console#{page}", **FOR_AXE)
    sign_in(opened, people.take("ADMIN"))
    return opened


def do(page: Page, action: str) -> None:
    """Act on the person who is shown, and confirm it."""
    page.get_by_role("button", name=action).click()
    page.get_by_role("dialog").get_by_role("button", name=action).click()


def test_an_admin_ends_a_call_with_the_keyboard_alone(
    visitors: Visitors, people: People, world: World
) -> None:
    caller, user = world.user()
    callee, telecaller = world.telecaller()
    call_id = ring(user, telecaller, callee)
    answer(user, telecaller, call_id)
    page = console(visitors, people, "calls")
    row = page.get_by_role("table", name="Running calls").get_by_role("row", name=caller.name)
    expect(row).to_contain_text(re.compile(rf"{callee.name}.*accepted.*\d:\d\d", re.DOTALL))
    end = row.get_by_role("button", name="End")
    end.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(end).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="End this call?")).to_contain_text(caller.name)
    assert serious_issues(page) == []
    page.keyboard.type("A complaint")
    page.keyboard.press("Enter")
    for client in (user, telecaller):
        assert client.wait("call:ended") == {"callId": call_id}
    expect(page.locator("#said")).to_contain_text("The call is completed")
    expect(row).to_have_count(0)
    recent = page.get_by_role("table", name="Recent calls").get_by_role("row", name=caller.name)
    expect(recent).to_contain_text("completed")
    page.get_by_role("tab", name="Calls").focus()
    for name in ("People", "Audit log"):
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("tab", name=name)).to_be_focused()
    done = page.get_by_role("table", name="Audit log").get_by_role("row", name=call_id)
    expect(done).to_contain_text(re.compile("ended a call.*accepted.*completed.*A complaint"))


def test_an_admin_ends_a_call_of_chat(visitors: Visitors, people: People, world: World) -> None:
    anna, bert = tab(world, unique("anna")), tab(world, unique("bert"))
    invite = {"targetUserId": anna.person_id, "callType": "audio", "offer": {}}
    with backstage.settings_of(world.stack, "socketio", ring_timeout_seconds=60):
        call_id = bert.ask("call:invite", invite)["callId"]
    page = console(visitors, people, "calls")
    page.locator("#of-running").select_option("Chat")
    running = page.get_by_role("table", name="Running calls")
    running.get_by_role("row", name=bert.person_id).get_by_role("button", name="End").click()
    page.get_by_role("dialog").get_by_role("button", name="End the call").click()
    for one in (anna, bert):
        one.take("call:ended", callId=call_id)
    expect(page.locator("#said")).to_contain_text("The call is cancelled")


def test_an_admin_finds_suspends_and_approves_people(
    visitors: Visitors, people: People, world: World
) -> None:
    account, _ = world.user()
    pending = people.take("PENDING_TELECALLER")
    page = console(visitors, people, "people")
    field = page.get_by_role("textbox", name=re.compile("The beginning of a name"))
    field.fill(account.name.lower())
    page.keyboard.press("Enter")
    page.get_by_role("link", name=account.name, exact=True).or_(
        page.get_by_role("heading", name=account.name)
    ).first.wait_for()
    field.fill(account.id)
    page.keyboard.press("Enter")
    person = page.get_by_role("region", name="The person", exact=True)
    expect(person).to_contain_text("/user: 1 device")
    do(page, "Suspend")
    expect(person).to_contain_text("suspended")
    world.stack.wait_connections("/user", account.id, 0)
    do(page, "End the suspension")
    expect(person.get_by_role("button", name="Suspend")).to_be_visible()
    log = page.get_by_role("region", name="Audit log of the person")
    expect(log.get_by_role("row")).to_have_count(3)
    page.goto(f"/console#people/{pending.id}")
    do(page, "Approve")
    expect(person).to_contain_text("approved")
    field.fill("nobody of this name")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No person and no call is known as")).to_be_visible()


def test_every_page_of_the_console_is_sound_and_fits_a_phone(
    visitors: Visitors, people: People
) -> None:
    page = console(visitors, people, "queues")
    dead = page.get_by_role("table", name="Queues").get_by_role("row", name="livekit-rooms")
    expect(dead).to_be_visible()
    for name in TABS:
        page.get_by_role("tab", name=name).click()
        expect(page.get_by_role("tabpanel")).not_to_contain_text("Loading…")
        assert serious_issues(page) == []
    assert fits_a_phone(page)
    for name in TABS:
        page.get_by_role("tab", name=name).click()
        assert fits_a_phone(page), name
    page.route("**/admin/audit*", lambda route: route.abort())
    page.get_by_role("tab", name="Audit log").click()
    expect(page.get_by_text("Audit log cannot be loaded")).to_be_visible()
    expect(page.locator("#away")).to_contain_text("What you see is old")
    page.unroute("**/admin/audit*")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Audit log cannot be loaded")).to_have_count(0)
