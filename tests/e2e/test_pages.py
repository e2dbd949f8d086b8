"""Tests of the demo, the console and the docs in a real browser, against the running stack."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from shared.identity.accounts import Account
from tests.e2e.pages import (
    FOR_AXE,
    Visitors,
    both_phones,
    call,
    contact,
    fits_a_phone,
    number,
    phone,
    pill,
    serious_issues,
    sign_in,
    user_and_telecaller,
)
from tests.e2e.people import People, token
from tests.e2e.relay import relay_to
from tests.e2e.stack import Stack
from tests.e2e.waiting import until


@pytest.fixture
def both(visitors: Visitors, people: People) -> tuple[Page, Page]:
    return user_and_telecaller(visitors, people)


@pytest.fixture
def page(visitors: Visitors, people: People) -> Page:
    """One page with the phones of both, which needs half the time of two pages."""
    return both_phones(visitors, people)


def test_a_whole_call_on_the_demo_page_and_in_the_console(
    both: tuple[Page, Page], visitors: Visitors, people: People
) -> None:
    console = visitors.open("/console")
    sign_in(console, people.take("ADMIN"))
    before = number(console, "telecallersOnCall")
    completed = console.locator(".legend li", has_text="Completed").locator("strong")
    completed_before = int(completed.inner_text())
    user, telecaller = both
    call(user, telecaller)
    pill(user, "USER", "ringing").wait_for()
    expect(phone(telecaller, "TELECALLER").get_by_role("alert")).to_contain_text("Call from User")
    expect(phone(user, "USER").locator("progress")).to_be_visible()
    telecaller.get_by_role("button", name="Accept").click()
    for page, role in ((user, "USER"), (telecaller, "TELECALLER")):
        pill(page, role, "on call").wait_for()
        expect(page.get_by_role("timer")).to_have_text(re.compile("^0:0[1-9]$"))
    expect(console.locator('[data-key="telecallersOnCall"]')).to_have_text(
        str(before + 1), timeout=15_000
    )
    telecaller.get_by_role("button", name="Hang up").click()
    expect(phone(user, "USER").locator(".news")).to_have_text("The other side hung up.")
    expect(phone(telecaller, "TELECALLER").locator(".news")).to_contain_text("Call ended after 0:")
    expect(completed).to_have_text(str(completed_before + 1), timeout=15_000)
    expect(console.locator(".chart rect.completed").last).to_be_visible()
    for frame in ('["call:initiate",', '42/user,["call:accepted",'):
        expect(phone(user, "USER").locator(".frames")).to_contain_text(frame)


def test_the_pages_show_an_unanswered_call_as_missed(page: Page) -> None:
    call(page, page)
    pill(page, "TELECALLER", "ringing").wait_for()
    expect(phone(page, "TELECALLER").locator(".news")).to_contain_text("Missed call from")
    expect(phone(page, "USER").locator(".news")).to_contain_text("did not answer.")


def test_a_telecallers_phone_makes_a_sound_if_it_is_on(page: Page) -> None:
    page.evaluate("""() => {
        const start = OscillatorNode.prototype.start;
        window.tones = 0;
        OscillatorNode.prototype.start = function (at) {
            window.tones += this.context.state === "running";
            return start.call(this, at);
        };
    }""")
    sound = page.get_by_role("button", name="Sound")
    for heard, name in ((False, "Sound off"), (True, "Sound on")):
        sound.click()
        expect(sound).to_have_text(name)
        call(page, page)
        pill(page, "TELECALLER", "ringing").wait_for()
        if heard:
            until(lambda: page.evaluate("window.tones >= 4"), "the phone rings")
        phone(page, "TELECALLER").get_by_role("button", name="Reject").click()
        pill(page, "USER", "online").wait_for()
        assert heard or page.evaluate("window.tones") == 0


def test_the_pages_show_that_a_call_is_rejected_or_cancelled(page: Page) -> None:
    call(page, page)
    phone(page, "TELECALLER").get_by_role("button", name="Reject").click()
    expect(phone(page, "USER").locator(".news")).to_contain_text("is not available just now.")
    call(page, page)
    pill(page, "TELECALLER", "ringing").wait_for()
    phone(page, "USER").get_by_role("button", name="Cancel").click()
    expect(phone(page, "TELECALLER").locator(".news")).to_contain_text("cancelled.")


def test_the_page_shows_why_the_stack_refuses_a_call(both: tuple[Page, Page]) -> None:
    user, telecaller = both
    row = contact(user, telecaller)
    telecaller.close()
    expect(row.locator(".note", has_text="offline")).to_be_visible()
    row.get_by_role("button", name="Audio").click()
    expect(phone(user, "USER").locator(".problem")).to_contain_text("is currently offline")


def test_the_page_asks_for_a_token_if_there_are_no_demo_tokens(
    visitors: Visitors, people: People
) -> None:
    page = visitors.open("/")
    form = phone(page, "USER")
    form.get_by_label("Token: User").fill("garbage")
    form.get_by_role("button", name="Connect", exact=True).click()
    expect(form.get_by_role("alert")).to_contain_text("This is not a token")
    form.get_by_label("Token: User").fill(token(people.take("TELECALLER")))
    form.get_by_role("button", name="Connect", exact=True).click()
    expect(form.get_by_role("alert")).to_have_text("Access denied")
    form.get_by_label("Token: User").fill(token(people.take("USER")))
    form.get_by_role("button", name="Connect", exact=True).click()
    pill(page, "USER", "online").wait_for()


def test_the_page_shows_that_the_stack_does_not_answer(
    visitors: Visitors, people: People, stack: Stack
) -> None:
    with relay_to(stack.url) as relay:
        page = visitors.open(f"http://127.0.0.1:{relay.port}/", people.take("USER"))
        pill(page, "USER", "online").wait_for()
        relay.close()
        pill(page, "USER", "no connection").wait_for()
        expect(page.locator("#away")).to_contain_text("The stack does not answer.")
        relay.open()
        pill(page, "USER", "online").wait_for()
        expect(page.locator("#away")).to_be_hidden()


def test_the_console_shows_that_its_numbers_are_old(visitors: Visitors, people: People) -> None:
    page = visitors.open("/console")
    sign_in(page, people.take("ADMIN"))
    page.route("**/admin/stats", lambda route: route.abort())
    expect(page.locator("#away")).to_contain_text("What you see is old", timeout=15_000)
    page.unroute("**/admin/stats")
    expect(page.locator("#away")).to_be_hidden(timeout=15_000)


def test_only_admins_can_sign_in_to_the_console_and_sign_out_again(
    visitors: Visitors, people: People
) -> None:
    page = visitors.open("/console")
    for given, words in (
        ("garbage", "Invalid or expired token"),
        (token(people.take("USER")), "Access denied"),
    ):
        page.get_by_label("Token").fill(given)
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_role("alert").filter(has_text=words)).to_be_visible()
    sign_in(page, people.take("ADMIN"))
    (cookie,) = page.context.cookies()
    assert (cookie["name"], cookie["httpOnly"]) == ("authenticationToken", True)
    assert cookie["sameSite"] == "Strict"
    page.reload()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Token").wait_for()
    assert page.context.cookies() == []
    page.reload()
    page.get_by_label("Token").wait_for()


@pytest.mark.parametrize("path", ["/", "/console", "/docs"])
def test_every_page_fits_a_phone(visitors: Visitors, people: People, path: str) -> None:
    page = both_phones(visitors, people) if path == "/" else visitors.open(path)
    if path == "/":
        call(page, page)
        pill(page, "TELECALLER", "ringing").wait_for()
    if path == "/console":
        sign_in(page, people.take("ADMIN"))
        number(page, "connections")
    assert fits_a_phone(page)


def test_axe_finds_nothing_serious(visitors: Visitors, people: People) -> None:
    demo = both_phones(visitors, people, **FOR_AXE)
    assert serious_issues(demo, dark=True) == []
    call(demo, demo)
    pill(demo, "TELECALLER", "ringing").wait_for()
    assert serious_issues(demo, dark=True) == []
    chat = visitors.open("/#chat", people.take("USER"), people.take("ADMIN"), **FOR_AXE)
    chat.get_by_text("Paste a token with chat permissions.").first.wait_for()
    assert serious_issues(chat, dark=True) == []
    console = visitors.open("/console", **FOR_AXE)
    console.get_by_label("Token").wait_for()
    assert serious_issues(console, dark=True) == []
    sign_in(console, people.take("ADMIN"))
    number(console, "connections")
    assert serious_issues(console, dark=True) == []
    assert serious_issues(visitors.open("/docs", **FOR_AXE), dark=True) == []


def test_two_people_chat_on_the_demo_page(visitors: Visitors, people: People) -> None:
    rights = ["chat.access", "chat.send_messages"]
    one, other = (
        Account(id=f"chat-page-{name}", role="AGENT", name=name, permissions=rights)
        for name in ("Ann", "Bob")
    )
    page = visitors.open("/#chat", one, other, people.take("ADMIN"), **FOR_AXE)
    for tab in ("CHAT-1", "CHAT-2"):
        pill(page, tab, "online").wait_for()
    phone(page, "CHAT-1").get_by_label("Message", exact=True).press_sequentially("Hello, Bob")
    expect(phone(page, "CHAT-2").locator(".hint")).to_have_text("Ann is writing…")
    page.keyboard.press("Enter")
    for tab in ("CHAT-1", "CHAT-2"):
        expect(phone(page, tab).locator(".messages li p").last).to_have_text("Hello, Bob")
    expect(phone(page, "CHAT-2").locator(".frames")).to_contain_text('42["chat:new_message",')
    assert serious_issues(page) == []
    page.get_by_role("tab", name="Chat").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("tab", name="Calls")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowRight")
    assert fits_a_phone(page)


def test_a_booking_on_the_demo_page_from_request_to_end(visitors: Visitors, people: People) -> None:
    admin = people.take("ADMIN")
    console = visitors.open("/console")
    sign_in(console, admin)
    number(console, "connections")
    customer = Account(id="page-customer", role="CUSTOMER", name="Carla")
    partner = Account(id="page-partner", role="PARTNER", name="Pedro")
    page = visitors.open("/#bookings", customer, partner, admin, **FOR_AXE)
    pill(page, "PARTNER", "online").wait_for()
    of_customer, of_partner = phone(page, "CUSTOMER"), phone(page, "PARTNER")
    of_customer.get_by_role("button", name="Book").click()
    of_partner.get_by_role("button", name="Accept").click()
    expect(of_customer.locator(".news")).to_have_text("Accepted")
    of_partner.get_by_role("button", name="Set off").click()
    expect(of_customer.locator(".news")).to_have_text("On the way")
    expect(of_customer.locator(".map")).to_have_attribute("aria-label", re.compile("is at 52"))
    expect(of_customer.locator(".frames")).to_contain_text('["partner:location_update",')
    assert serious_issues(page) == []
    of_partner.get_by_role("button", name="I have arrived").click()
    of_partner.get_by_role("button", name="Start work").click()
    of_partner.get_by_role("button", name="Finish").click()
    expect(of_customer.locator(".news")).to_have_text("Done")
    expect(console.locator(".feed")).to_contain_text("completed")
    of_customer.get_by_role("button", name="Book").click()
    of_partner.get_by_role("button", name="Reject").wait_for()
    of_customer.get_by_role("button", name="Cancel").click()
    expect(of_partner.locator(".news")).to_have_text("The customer cancelled.")
    assert fits_a_phone(page)


def test_buttons_work_from_the_keyboard(page: Page) -> None:
    user, telecaller = phone(page, "USER"), phone(page, "TELECALLER")
    contact(page, page).get_by_role("button", name="Audio").focus()
    page.keyboard.press("Enter")
    telecaller.get_by_role("button", name="Accept").focus()
    page.keyboard.press("Space")
    pill(page, "USER", "on call").wait_for()
    user.get_by_role("button", name="Hang up").focus()
    page.keyboard.press("Enter")
    expect(telecaller.locator(".news")).to_have_text("The other side hung up.")
