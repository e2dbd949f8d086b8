"""Reports that arrive more than once, late, in any order, or while a process dies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from pynamodb.exceptions import UpdateError

from shared.aws import event_order
from shared.aws.event_order import Newest
from tests.fakes import NOW_MS, Fakes
from tests.integration.booking_stage import customer, partner, report
from tests.integration.conftest import Race

pytestmark = pytest.mark.usefixtures("tables")

DAY_MS = 86_400_000


class Died(BaseException):
    """The process has ended."""


def claim(at_ms: int, by: str) -> bool:
    return event_order.claim("thing", at_ms, by, now_ms=NOW_MS)


def test_a_claim_is_kept_from_now_on_however_old_its_event_is() -> None:
    two_days_ago = NOW_MS - 2 * DAY_MS
    assert claim(two_days_ago, "a")
    assert Newest.get("thing").expires_at == NOW_MS // 1000 + event_order.KEPT_SECONDS
    with event_order.claimed("other", two_days_ago, "a", now_ms=NOW_MS) as first:
        assert first
    assert Newest.get("other").expires_at == NOW_MS // 1000 + event_order.KEPT_SECONDS


def test_the_newest_report_counts_once() -> None:
    assert claim(NOW_MS + 5, "a")
    assert not claim(NOW_MS + 5, "a")
    assert not claim(NOW_MS + 4, "b")
    assert claim(NOW_MS + 6, "b")
    assert not claim(NOW_MS + 5, "a")


def test_a_report_counts_as_new_until_it_has_been_handled() -> None:
    def handle(failure: BaseException | None = None, by: str = "a", at_ms: int = NOW_MS) -> bool:
        with event_order.claimed("thing", at_ms, by, now_ms=NOW_MS) as first:
            if failure:
                raise failure
        return first

    for failure in (TimeoutError(), Died(), TimeoutError()):
        with pytest.raises(type(failure)):
            handle(failure)
    assert handle()
    assert not handle()
    with pytest.raises(Died):
        handle(Died(), "b", NOW_MS + 5)
    assert handle(None, "c", NOW_MS + 7)
    assert not handle(None, "b", NOW_MS + 5), "it has been overtaken"


def test_of_many_claims_at_once_one_wins(race: Race) -> None:
    for number in range(10):
        key = f"thing{number}"
        claims = [partial(event_order.claim, key, NOW_MS, "a", now_ms=NOW_MS) for _ in range(8)]
        assert sum(race(*claims)) == 1


def test_a_report_that_has_been_handled_is_not_handled_again_if_that_cannot_be_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with event_order.claimed("thing", NOW_MS, "a", now_ms=NOW_MS):

        def failing(*_: Any) -> bool:
            raise UpdateError("throttled")

        monkeypatch.setattr(Newest, "update_if", failing)


def test_a_report_that_stands_alone_is_recorded_after_it_has_been_handled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not event_order.is_handled("alone")
    event_order.record_handled("alone", NOW_MS - 2 * DAY_MS, now_ms=NOW_MS)
    assert event_order.is_handled("alone")
    assert Newest.get("alone").expires_at == NOW_MS // 1000 + event_order.KEPT_SECONDS

    def failing(*_: Any) -> bool:
        raise UpdateError("throttled")

    monkeypatch.setattr(Newest, "save", failing)
    event_order.record_handled("other", NOW_MS, now_ms=NOW_MS)


REPORTS: dict[str, dict[str, Any]] = {
    "earnings.updated": {"partnerId": "pedro", "total": 5},
    "notification.created": {"accountId": "carla", "text": "Hello"},
    "partner.registered": {"partnerId": "pedro"},
    "kyc.submitted": {"partnerId": "pedro"},
}


@pytest.mark.parametrize("type_", list(REPORTS))
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_report_is_passed_on_though_the_process_dies(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch, type_: str, when: str
) -> None:
    """The queue delivers the report again until it has been handled, and twice more."""
    customer(fakes)
    partner(fakes)

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            if when == "before":
                raise Died
            real(*arguments)
            raise Died

        return call

    with monkeypatch.context() as patch:
        patch.setattr(fakes.tasks, "broadcast", dying(fakes.tasks.broadcast))
        with pytest.raises(Died):
            report(fakes, type_, **REPORTS[type_])
    for _ in range(3):
        report(fakes, type_, **REPORTS[type_])
    sent = Counter((one.group, one.once) for one in fakes.tasks.broadcasts)
    assert set(sent.values()) == {2 if when == "after" else 1}
    assert len({group for group, _ in sent}) == len(sent), "SQS sends what has the same id once"
    assert all(once for _, once in sent)
