"""Takes the pictures of the documents: ``make pictures``."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from functions.calls.presence.counts import Counts
from functions.calls.presence.ring_times import NAMES
from functions.calls.state import Status
from shared import times
from shared.calling.call_records import CallRecord
from shared.identity.accounts import Account
from tests.e2e.calls import answer, ring
from tests.e2e.pages import Visitors, call, pill, sign_in
from tests.e2e.people import People
from tests.e2e.stack import Stack
from tests.e2e.world import World

PICTURES = os.environ.get("PICTURES")
"""The folder for the pictures. If it is not set, no pictures are taken."""

DAY_MS = 86_400_000
USERS = ("John Doe", "Priya Patel", "Tom Becker", "Lucía Ramos", "Noah Smith")
TELECALLERS = ("Jane Smith", "Asha Rao", "Meera Iyer", "Kim Lee")
ENDS = (
    Status.COMPLETED, Status.COMPLETED, Status.MISSED, Status.COMPLETED, Status.CANCELLED,
    Status.COMPLETED, Status.REJECTED,
)  # fmt: skip

pytestmark = pytest.mark.skipif(not PICTURES, reason="pictures are made by 'make pictures'")


def account(role: str, number: int, name: str) -> Account:
    return Account(
        id=f"507f1f77bcf86cd79943{'9a' if role == 'USER' else '9b'}{number:02}",
        role=role,
        name=name,
        coins=1_000,
        approval_status="APPROVED",
        rates={"AUDIO": 10, "VIDEO": 20} if role == "TELECALLER" else {},
    )


def busy_week(now_ms: int) -> None:
    """Store the numbers of an hour and a week of calls before the picture."""
    today = Counter[str]()
    for at in range(59):
        numbers = {
            "completed": 5 + at // 15 + (at * 7) % 4 - (at * 5) % 3,
            "missed": int((at * 5) % 7 == 0),
            "rejected": int(at % 11 == 3),
            "cancelled": int(at % 8 == 5),
        }
        numbers |= answered(numbers["completed"], at)
        Counts(times.minute(now_ms - (59 - at) * 60_000), **numbers).save()
        today.update(numbers)
    Counts(times.day(now_ms), **dict[str, Any](today)).save()
    for ago in range(1, 7):
        numbers = {"completed": 420 - 35 * (ago % 3), "missed": 31 + 7 * ago, "cancelled": 22}
        Counts(times.day(now_ms - ago * DAY_MS), **numbers, **answered(380, ago)).save()


def answered(calls: int, seed: int) -> dict[str, int]:
    """Return how long some answered calls rang and lasted, and what was paid for them."""
    rang = {NAMES[3 + seed % 2]: calls // 2, NAMES[5]: calls - calls // 2}
    return {**rang, "seconds": calls * (190 + 7 * (seed % 9)), "coins": calls * 38}


def ended_calls(now_ms: int, users: list[Account], telecallers: list[Account]) -> None:
    """Store some calls that have ended in the last minutes."""
    for number, status in enumerate(ENDS):
        began = now_ms - 95_000 - number * 71_000
        talked = (47 + number * 53) * 1_000 if status == Status.COMPLETED else 0
        rang = 4_000 + (number * 3_700) % 9_000 if status != Status.MISSED else 30_000
        CallRecord(
            users[number % len(users)].id,
            f"{times.sortable(began)}{number:013}",
            callee_id=telecallers[number % len(telecallers)].id,
            call_type="VIDEO" if number % 3 == 2 else "AUDIO",
            status=status.value,
            started_at=began,
            accepted_at=began + rang if talked else None,
            ended_at=began + rang + talked,
            duration_seconds=talked // 1_000,
            coins=-(-talked // 60_000) * 10,
        ).save()


def test_pictures(visitors: Visitors, people: People, stack: Stack, world: World) -> None:
    folder = Path(PICTURES or "")
    users = [account("USER", number, name) for number, name in enumerate(USERS)]
    telecallers = [account("TELECALLER", number, name) for number, name in enumerate(TELECALLERS)]
    for one in (*users, *telecallers):
        stack.save(one)
    options: dict[str, Any] = {"reduced_motion": "reduce", "device_scale_factor": 2}
    size = {"width": 1120, "height": 900}
    tall = {"width": 1120, "height": 1_010}
    demo = visitors.open("/", users[0], telecallers[0], viewport=tall, **options)
    pill(demo, "TELECALLER", "online").wait_for()
    call(demo, demo)
    pill(demo, "TELECALLER", "ringing").wait_for()
    demo.screenshot(path=folder / "demo.png")
    demo.get_by_role("button", name="Reject").click()
    now_ms = int(time.time() * 1000)
    with stack.direct_access():
        busy_week(now_ms)
        ended_calls(now_ms, users, telecallers)
    for number, (caller, callee) in enumerate(zip(users[1:], telecallers[1:], strict=False)):
        user, called = world.join("js", caller), world.join("js", callee)
        call_id = ring(user, called, callee)
        if number:
            answer(user, called, call_id)
    console = visitors.open("/console", viewport=size, **options)
    sign_in(console, people.take("ADMIN"))
    expect(console.locator('[data-key="telecallersOnCall"]')).to_have_text("2", timeout=15_000)
    console.screenshot(path=folder / "overview.png")
    console.get_by_role("tab", name="Calls").click()
    running = console.get_by_role("table", name="Running calls")
    expect(running.get_by_role("row")).to_have_count(4)
    expect(console.get_by_role("table", name="Recent calls")).to_contain_text("completed")
    console.set_viewport_size({"width": 1120, "height": 1_470})
    console.screenshot(path=folder / "console.png")
