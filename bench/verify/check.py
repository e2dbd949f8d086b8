"""What a check is, and what it may find."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bench.verify.run import Run


class Verdict(StrEnum):
    """What a check has found out about what the documents say."""

    AS_DOCUMENTED = "as documented"
    DIFFERENT = "different"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class Outcome:
    """What a check has found.

    found: one or two sentences: what was seen, or why nothing was checked.
    numbers: what was measured, by name with the unit in it.
    """

    verdict: Verdict
    found: str
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """A row of the table of checks.

    name: the name in the report and in docs/first-deploy.md.
    expects: what the documents say, as a sentence.
    leans: the page that is wrong if this is not so.
    account: whether it needs the AWS account of the stack, to make people and to remove them.
    minutes: the shortest run in which it fits.
    aside: whether it mostly waits, and so runs beside the others.
    disturbs: whether other clients of the stack, or people who receive its alarms, notice it.
    """

    name: str
    expects: str
    leans: str
    run: Callable[[Run], Awaitable[Outcome]]
    account: bool = True
    minutes: float = 0
    aside: bool = False
    disturbs: bool = False


def judged(holds: bool, found: str, **numbers: float) -> Outcome:
    """Return the outcome of a check that has seen whether something holds."""
    return Outcome(Verdict.AS_DOCUMENTED if holds else Verdict.DIFFERENT, found, numbers)


def not_checked(why: str, **numbers: float) -> Outcome:
    """Return the outcome of a check that could not be made."""
    return Outcome(Verdict.NOT_CHECKED, why, numbers)
