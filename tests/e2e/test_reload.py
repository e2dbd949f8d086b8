"""Tests of the demo after a reload, on a second page and after a gap: it shows where things are."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect

from shared.identity.accounts import Account
from tests.e2e.pages import (
    Visitors,
    call,
    contact,
    fits_a_phone,
    phone,
    pill,
    user_and_telecaller,
)
from tests.e2e.people import People
from tests.e2e.relay import relay_to
from tests.e2e.stack import Stack

RIGHTS = ["chat.access", "chat.send_messages"]


def agents(prefix: str) -> tuple[Account, Account]:
    """Return two people who may chat."""
    ann, bob = (
        Account(id=f"{prefix}-{name}", role="AGENT", name=name, permissions=RIGHTS)
        for name in ("Ann", "Bob")
    )
    return ann, bob


@pytest.mark.usefixtures("long_rings")
def test_a_second_page_shows_who_is_online_and_the_call_that_goes_on(
    visitors: Visitors, people: People
) -> None:
    account = people.take("USER")
    user = visitors.open("/", account)
    pill(user, "USER", "online").wait_for()
    telecaller = visitors.open("/", people.take("TELECALLER"))
    expect(contact(user, telecaller).locator(".note")).to_have_text("online")
    second = visitors.open("/", account)
    expect(contact(second, telecaller).locator(".note")).to_have_text("online")
    call(user, telecaller)
    pill(telecaller, "TELECALLER", "ringing").wait_for()
    third = visitors.open("/", account)
    pill(third, "USER", "ringing").wait_for()
    telecaller.get_by_role("button", name="Accept").click()
    pill(third, "USER", "on call").wait_for()
    fourth = visitors.open("/", account)
    pill(fourth, "USER", "on call").wait_for()
    with fourth.expect_response("**/credentials") as fresh:
        fourth.get_by_role("button", name="Talk here").click()
    assert fresh.value.status == 200
    with fourth.expect_response("**/credentials"):
        fourth.reload()
    pill(fourth, "USER", "on call").wait_for()
    expect(fourth.get_by_role("timer")).to_have_text(re.compile(r"^\d:\d\d$"))
    fourth.get_by_role("button", name="Hang up").click()
    expect(phone(telecaller, "TELECALLER").locator(".news")).to_have_text("The other side hung up.")


def test_a_reload_shows_the_booking_on_both_phones(visitors: Visitors, people: People) -> None:
    customer = Account(id="reload-customer", role="CUSTOMER", name="Carla")
    partner = Account(id="reload-partner", role="PARTNER", name="Pedro")
    page = visitors.open("/#bookings", customer, partner, people.take("ADMIN"))
    pill(page, "PARTNER", "online").wait_for()
    of_customer, of_partner = phone(page, "CUSTOMER"), phone(page, "PARTNER")
    of_customer.get_by_role("button", name="Book").click()
    of_partner.get_by_role("button", name="Accept").wait_for()
    page.reload()
    of_partner.get_by_role("button", name="Accept").click()
    expect(of_customer.locator(".news")).to_have_text("Accepted")
    late = iter(["customer's list", "partner's list"])

    def list_(route: Route) -> None:
        if next(late, None):
            route.fulfill(json={"items": [], "cursor": None})
        else:
            route.continue_()

    page.route("**/bookings", list_)
    page.reload()
    expect(of_customer.locator(".news")).to_have_text("Accepted")
    of_partner.get_by_role("button", name="Set off").click()
    page.reload()
    expect(of_customer.locator(".map")).to_have_attribute("aria-label", re.compile("is at 52"))
    of_customer.get_by_role("button", name="Cancel").click()
    expect(of_customer.locator(".news")).to_have_text("Cancelled")
    page.reload()
    expect(of_customer.locator(".news")).to_have_text("Nothing booked.")


def test_a_reload_shows_what_was_written(visitors: Visitors, people: People) -> None:
    page = visitors.open("/#chat", *agents("reload"), people.take("ADMIN"))
    pill(page, "CHAT-1", "online").wait_for()
    write(page, "Still here")
    expect(phone(page, "CHAT-2").locator(".messages li p").last).to_have_text("Still here")
    page.reload()
    for tab in ("CHAT-1", "CHAT-2"):
        expect(phone(page, tab).locator(".messages li p").last).to_have_text("Still here")
        expect(phone(page, tab).locator(".members .there")).to_have_count(2)


def write(page: Page, text: str) -> None:
    phone(page, "CHAT-1").get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")


def test_a_message_that_is_written_without_a_connection_is_sent_later(
    visitors: Visitors, people: People, stack: Stack
) -> None:
    with relay_to(stack.url) as relay:
        url = f"http://127.0.0.1:{relay.port}/#chat"
        page = visitors.open(url, *agents("later"), people.take("ADMIN"))
        for tab in ("CHAT-1", "CHAT-2"):
            pill(page, tab, "online").wait_for()
        relay.close()
        pill(page, "CHAT-1", "no connection").wait_for()
        for text in ("In the tunnel, one", "In the tunnel, two"):
            write(page, text)
        expect(phone(page, "CHAT-1").locator(".own .note").last).to_have_text("not sent yet")
        relay.open()
        for tab in ("CHAT-1", "CHAT-2"):
            texts = phone(page, tab).locator(".messages li p", has_text="In the tunnel")
            expect(texts).to_have_text(["In the tunnel, one", "In the tunnel, two"])
        expect(phone(page, "CHAT-1").get_by_text("not sent yet")).to_have_count(0)


def test_a_user_can_cancel_before_it_rings(visitors: Visitors, people: People) -> None:
    """Everything from the stack is held back from the click on, as on a slow network."""
    user, telecaller = user_and_telecaller(visitors, people)
    held: list[Any] = []
    slow = False

    def relay(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda text: held.append((socket, text)) if slow else socket.send(text))

    user.route_web_socket(re.compile("/socket.io/"), relay)
    user.reload()
    expect(contact(user, telecaller).locator(".note")).to_have_text("online")
    slow = True
    contact(user, telecaller).get_by_role("button", name="Audio").dblclick()
    pill(user, "USER", "calling").wait_for()
    pill(telecaller, "TELECALLER", "ringing").wait_for()
    user.get_by_role("button", name="Cancel").click()
    expect(phone(user, "USER").locator(".news")).to_have_text("You cancelled the call.")
    slow = False
    for socket, text in held:
        socket.send(text)
    expect(phone(telecaller, "TELECALLER").locator(".news")).to_contain_text("cancelled.")
    pill(user, "USER", "online").wait_for()


def test_the_focus_stays_while_others_come_and_go(visitors: Visitors, people: People) -> None:
    user, telecaller = user_and_telecaller(visitors, people)
    focused = contact(user, telecaller).get_by_role("button", name="Audio")
    focused.focus()
    for _ in range(2):
        other = visitors.open("/", people.take("TELECALLER"))
        pill(other, "TELECALLER", "online").wait_for()
        row = contact(user, other)
        expect(row.locator(".note")).to_have_text("online")
        other.close()
        expect(row.locator(".note")).to_have_text("offline")
    expect(focused).to_be_focused()


def test_the_contacts_do_not_grow_for_ever(visitors: Visitors, people: People) -> None:
    def many(route: Route) -> None:
        presence = "ONLINE" if "ONLINE" in route.request.url else "ON_CALL"
        of = {"presence": presence, "profile": None, "language": None, "about": None}
        names = [f"Of many {presence} {number}" for number in range(9)]
        route.fulfill(json={"items": [{"_id": one, "name": one} | of for one in names]})

    user = visitors.open("/", people.take("USER"))
    pill(user, "USER", "online").wait_for()
    user.route("**/telecallers?*", many)
    user.reload()
    expect(phone(user, "USER").get_by_text(re.compile(r"^and \d+ more$"))).to_be_visible()
    expect(phone(user, "USER").locator(".contacts li")).to_have_count(8)


def test_the_phone_that_rings_is_in_sight(visitors: Visitors, people: People) -> None:
    people_here = people.take("USER"), people.take("TELECALLER")
    page = visitors.open("/", *people_here, viewport={"width": 390, "height": 844})
    expect(contact(page, page).locator(".note")).to_have_text("online")
    audio, video = (
        contact(page, page).get_by_role("button", name=name).bounding_box()
        for name in ("Audio", "Video")
    )
    assert audio
    assert video
    assert audio["y"] == video["y"]
    call(page, page)
    expect(page.get_by_role("button", name="Accept")).to_be_in_viewport()
    assert fits_a_phone(page)
