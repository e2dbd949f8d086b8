"""The first packets of a client that polls, until it is clear which transport it uses.

They are held in its mailbox: ``docs/decisions/0024-polling-has-a-mailbox.md``. A CONNECT among them
is answered at once. Its session waits in the mailbox too, in the client's row of the connections
table. The row is written there only if the client does not upgrade.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from functions.socketio.join import Known, Refused, admit, asks_to_come_back, connect_packet
from shared.aws import mailboxes
from shared.aws.adapters import ports
from shared.aws.mailboxes import Mailbox
from shared.pipeline import admission
from shared.pipeline.admission import FindAccount
from shared.pipeline.context import Arrival
from shared.protocol import socketio
from shared.realtime import connections, session_store
from shared.realtime.connections import Connection
from shared.realtime.namespaces import INVALID_TOKEN
from shared.settings import settings

Handle = Callable[[Arrival, str], bool]
"""What handles one packet. Returns False if the session is over then."""

HELD = "held"
"""The beginning of the ids of packets that have waited in a mailbox."""


def hold(
    box: Mailbox, held: Sequence[str], find_account: FindAccount | None
) -> Sequence[str] | None:
    """Hold the packets of a POST, and answer the CONNECTs among them.

    Returns None. If it is clear by now which transport the client uses, returns the packets that
    are to be handled at once.

    held: the packets as they stand in ``Mailbox.held``.
    find_account: finds the account of the first packet's token, if that has been read.
    """
    found: Mailbox | None = box
    while found is not None and found.held is not None:
        client = _Client(found)
        kept = client.answer(held, find_account)
        if mailboxes.hold(found, kept, client.answers, client.waiting):
            client.close_if_refused_too_often()
            return None
        if client.waiting is None:  # its sessions are in the table, so the answers hold
            for answer in client.answers:
                ports().connections.post(found.connection_id, answer)
            client.close_if_refused_too_often()
            return kept
        found = mailboxes.get(found.connection_id)
    return held


class _Client:
    """A client that polls, while a POST with some of its first packets is handled.

    answers: what the client is to be told.
    """

    def __init__(self, box: Mailbox) -> None:
        self._box = box
        self._row: Connection | None = None if box.row is None else Connection.of_text(box.row)
        self._refused_too_often = False
        self.answers: list[str] = []

    @property
    def waiting(self) -> str | None:
        """The client's row as JSON, or None if it is in the table."""
        return None if self._row is None else self._row.text()

    def answer(self, held: Sequence[str], find_account: FindAccount | None) -> list[str]:
        """Answer the CONNECTs, and return the packets without the CONNECTs that are refused.

        The arguments are those of ``hold``.
        """
        kept: list[str] = []
        arrivals = _arrivals(self._box.connection_id, HELD, held)
        for text, (arrival, frame) in zip(held, arrivals, strict=True):
            packet = connect_packet(frame)
            if packet is None or self._admits(arrival, packet, find_account):
                kept.append(text)
            find_account = None
        return kept

    def close_if_refused_too_often(self) -> None:
        """Close the connection of a client that has sent too many invalid tokens."""
        if self._refused_too_often:
            ports().connections.close(self._box.connection_id)

    def _admits(
        self, arrival: Arrival, packet: socketio.Packet, find_account: FindAccount | None
    ) -> bool:
        """Answer a CONNECT. Returns whether the client is let in.

        A session that is to come back moves in one transaction, from row to row. So the client's
        row is written first.
        """
        if self._row is not None and asks_to_come_back(packet):
            write_row(self._box)
            self._box.row = self._row = None
        waits = self._row is not None
        row = self._row if waits else connections.get(arrival.connection_id)
        try:
            admitted = admit(arrival, packet, Known(row, find_account, waits=waits))
        except Refused as refused:
            self.answers.append(refused.frame)
            if refused.text == INVALID_TOKEN and self._has_failed_too_often():
                self._refused_too_often = True
            return False
        if admitted is not None and admitted.answer:
            self.answers.append(admitted.answer)
        return admitted is not None

    def _has_failed_too_often(self) -> bool:
        """Count an invalid token. Returns whether the connection is to be closed."""
        if self._row is None:
            return admission.has_failed_too_often(self._box.connection_id)
        self._row.failures = int(self._row.failures or 0) + 1
        return self._row.failures >= settings().limit_failed_authentications


def handle_held(connection_id: str, handle: Handle) -> None:
    """Handle the first packets of a session, and those that come meanwhile. Idempotent.

    If an earlier invocation has died on the way, its packets are handled again, as frames that are
    delivered twice.
    """
    box = mailboxes.claim_held(connection_id, ports().clock.now_ms())
    if box is not None:
        write_row(box)
    done = 0
    while box is not None and box.held is not None:
        each(connection_id, HELD, box.held, handle, done)
        done = len(box.held)
        if mailboxes.finish_held(connection_id, done):
            return
        box = mailboxes.get(connection_id)


def write_row(box: Mailbox) -> None:
    """Write the client's row, if it waits in the mailbox, into the connections table. Idempotent.

    No packet of the client has been handled before. If an earlier invocation has died on the way,
    the sessions that have been added since are written into its row.
    """
    found: Mailbox | None = box
    while found is not None and found.row is not None:
        row = Connection.of_text(found.row)
        row.due_at = ports().clock.now_ms() // 1000 + settings().unauthenticated_seconds
        if not connections.create(row):
            for session in row.all_sessions():
                joining = session.namespace in (row.joining or ())
                session_store.add_session(row.connection_id, session, None, joining=joining)
        if mailboxes.forget_row(found):
            return
        found = mailboxes.get(found.connection_id)


def each(
    connection_id: str, prefix: str, held: Sequence[str], handle: Handle, first: int = 0
) -> None:
    """Handle packets in order, beginning with the one of number ``first``, until the session ends.

    prefix: the beginning of the packets' ids. A packet that is handled again has the same id.
    held: the packets as they stand in ``Mailbox.held``.
    """
    for arrival, packet in islice(_arrivals(connection_id, prefix, held), first, None):
        if not handle(arrival, packet):
            return


def _arrivals(
    connection_id: str, prefix: str, held: Sequence[str]
) -> Iterator[tuple[Arrival, str]]:
    """Yield packets with their arrivals. The arguments are those of ``each``."""
    for number, text in enumerate(held):
        ms, _, packet = text.partition(" ")
        yield Arrival(connection_id, f"{prefix} {number}", int(ms), held=True), packet
