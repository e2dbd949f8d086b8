"""Sessions in an open namespace before anybody knows whose they are."""

from __future__ import annotations

from shared.ports import Ports
from shared.realtime.connections import Session
from shared.settings import settings


def session(ports: Ports, path: str) -> Session:
    """A session that is nobody's."""
    return Session(namespace=path, sid=ports.ids.session_id(), person_id="", role="", name="")


def await_authentication(ports: Ports, connection_id: str, session: Session) -> None:
    """Give a session the time to authenticate."""
    ports.tasks.deadline(
        connection_id=connection_id,
        namespace=session.namespace,
        sid=session.sid,
        seconds=settings().unauthenticated_seconds,
    )
