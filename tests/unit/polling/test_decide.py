"""What a GET that waits does after each look at its mailbox."""

from __future__ import annotations

from typing import Any

import pytest

from functions.polling.waiting import NOOP_AFTER_MS, Decision, decide
from shared.aws.mailboxes import Mailbox

NOW = 1_000_000


def box(**fields: Any) -> Mailbox:
    return Mailbox("~s", poll="me", **fields)


UPGRADE: dict[str, Any] = {"websocket": "w", "upgrade_until_ms": NOW + 1}


@pytest.mark.parametrize(
    ("found", "decision"),
    [
        (box(), Decision.WAIT),
        (box(outbox=["4a"]), Decision.ANSWER),
        (None, Decision.ANSWER),
        (box(closed="1"), Decision.ANSWER),
        (box(moved_to="w"), Decision.ANSWER),
        (Mailbox("~s", poll="another"), Decision.ANSWER),
        (box(**UPGRADE), Decision.WAIT),
        (box(**UPGRADE, probed=True), Decision.ANSWER),
        (box(websocket="w", upgrade_until_ms=NOW), Decision.GIVE_UP),
        (box(websocket="w", upgrade_until_ms=NOW, probed=True), Decision.GIVE_UP),
        (box(held_until_ms=NOW), Decision.WAIT),
        (box(held=["1 40"], held_until_ms=NOW), Decision.HANDLE),
        (box(held=[], held_until_ms=NOW), Decision.HANDLE),
        (box(held=["1 40"], held_until_ms=NOW + 1), Decision.WAIT),
        (box(held=["1 40"], held_until_ms=NOW, **UPGRADE), Decision.HANDLE),
    ],
)
def test_each_state_has_one_decision(found: Mailbox | None, decision: Decision) -> None:
    assert decide(found, "me", NOW, NOOP_AFTER_MS) is decision


def test_a_get_during_an_upgrade_is_not_answered_at_once() -> None:
    """Otherwise a client that does not pause would ask all the time."""
    assert decide(box(**UPGRADE, probed=True), "me", NOW, NOOP_AFTER_MS - 1) is Decision.WAIT
