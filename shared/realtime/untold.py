"""Marks of decisions whose events have not been sent yet.

A decision is one write. Its events are sent afterwards, by a process that may end before it has
sent them. So the write also puts a mark on the row that it changes, and the process removes the
mark when it has sent the events. A mark that stays is found later: the events are then made from
the row as it is then, and sent.

While a mark is fresh, a process may still be sending. A process that has decided something newer
about the same thing calls ``overtake`` before it sends its events. If that has taken a mark away,
``note_told`` returns False in the other process, which then sends the newest events once more: its
own may have arrived after them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pynamodb.attributes import UnicodeSetAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from shared import times
from shared.aws.log import logger
from shared.aws.retry import looks
from shared.aws.tables import Table
from shared.ids import compose, decompose
from shared.settings import settings


class Mark(NamedTuple):
    """A decision whose events have not been sent yet. Marks sort by time.

    at_ms: when it was decided, epoch ms.
    about: what it was about, for example the id of a call.
    what: what was decided, in the words of the product.
    """

    at_ms: int
    about: str
    what: str

    @property
    def text(self) -> str:
        """The mark as a row keeps it."""
        return compose(times.sortable(self.at_ms), self.about, self.what)

    @classmethod
    def of(cls, text: str) -> Mark:
        """Read the text of a mark."""
        at_ms, about, what = decompose(text, 3)
        return cls(times.of_sortable(at_ms), about, what)

    def is_fresh(self, now_ms: int) -> bool:
        """Return whether the process that has decided may still be sending the events."""
        return now_ms - self.at_ms < settings().untold_seconds * 1000


class MarkedRow(Table):
    """A row whose decisions are marked until their events have been sent.

    untold: the texts of the marks. The attribute is absent if there is none.
    """

    untold: Any = UnicodeSetAttribute(null=True)

    @property
    def marks(self) -> list[Mark]:
        """The marks, the oldest first."""
        return sorted(Mark.of(text) for text in self.untold or ())

    @classmethod
    def marking(cls, mark: Mark) -> Action:
        """Return the part of an update that sets a mark."""
        action: Action = cls.untold.add({mark.text})
        return action

    def note_told(
        self, mark: Mark, also: Sequence[Action] = (), provided: Condition | None = None
    ) -> bool:
        """Remove the mark of a decision whose events have been sent.

        Returns False if the mark was not there any more, or ``provided`` did not hold. A mark that
        cannot be removed is logged and not raised: it stays, and the events are sent again later.

        also: what changes in the same write.
        """
        untold = type(self).untold
        condition = untold.contains(mark.text)
        if provided is not None:
            condition &= provided
        for _ in range(2):
            try:
                return self.update_if([untold.delete({mark.text}), *also], condition)
            except Exception:  # noqa: BLE001 - the events have been sent
                logger.exception("a decision is not noted as told")
        return True


def overtake(row: MarkedRow, marks: Sequence[Mark], now_ms: int) -> Sequence[Mark]:
    """Wait a moment for the processes that have set ``marks``, then take away what is left.

    Returns the marks that have been taken away. Costs nothing if there are no marks. A failure is
    logged and not raised: the events that wait are sent all the same.

    row: a row with the key, for writes; it is changed.
    """
    values = settings()
    waiting = looks(values.overtake_seconds, values.overtaken_pause_seconds)
    try:
        for _ in waiting if any(mark.is_fresh(now_ms) for mark in marks) else ():
            row.refresh(consistent_read=True)
            marks = [mark for mark in marks if mark in row.marks]
            if not marks:
                break
        return [mark for mark in marks if row.note_told(mark)]
    except DoesNotExist:  # a row of its own is deleted when its last decision has been told
        return []
    except Exception:  # noqa: BLE001 - what has been decided since is told all the same
        logger.exception("an older decision may be told after a newer one")
        return marks


def announce(events: Callable[[], object]) -> None:
    """Send the events of a decision; try it twice. A failure is logged and not raised: it is no
    answer to the person who has decided, and the mark stays, so that the events are sent later."""
    for _ in range(2):
        try:
            events()
        except Exception:  # noqa: BLE001 - whatever it is, the decision stands
            logger.exception("a decision could not be told")
        else:
            return
