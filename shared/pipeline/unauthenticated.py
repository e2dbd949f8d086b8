"""Sessions that have not authenticated yet, in a namespace with ``Login.LATER``."""

from __future__ import annotations

from shared.ports import Ports
from shared.realtime.sessions import Session
from shared.settings import settings


def session(ports: Ports, path: str) -> Session:
    """Return a session without a person."""
    return Session(namespace=path, sid=ports.ids.session_id(), person_id="", role="", name="")


def await_authentication(ports: Ports, connection_id: str, session: Session) -> None:
    """Start the time that a session has to authenticate: ``unauthenticated_seconds``."""
    ports.tasks.deadline(
        connection_id=connection_id,
        namespace=session.namespace,
        sid=session.sid,
        seconds=settings().unauthenticated_seconds,
    )
