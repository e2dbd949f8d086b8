"""``make verify`` against a stack in which everything is on that is off by default."""

from __future__ import annotations

import pytest

from tests.e2e.stack import Stack
from tests.e2e.verification import deployed, left_behind, run

OPTIONS = ("balance-timer", "livekit-webhook", "events-on-the-bus", "push")


@pytest.mark.usefixtures("account")
def test_what_is_on_is_as_documented(stack: Stack) -> None:
    verdicts = run(stack, deployed(stack), *OPTIONS)
    assert {verdicts[name] for name in OPTIONS} == {"as documented"}
    assert left_behind(stack) == []
