"""What products do when a client has joined a namespace."""

from __future__ import annotations

from typing import Any

from shared.aws.log import set_event_name
from shared.errors import Refusal
from shared.pipeline.context import Arrival, Background, Context
from shared.pipeline.refusals import error_event, internal
from shared.pipeline.registry import Registry
from shared.ports import Ports
from shared.realtime.connections import Connection
from shared.realtime.sessions import Session


def greet(
    registry: Registry,
    ports: Ports,
    arrival: Arrival,
    *,
    connection: Connection,
    session: Session,
    auth: dict[str, Any],
) -> None:
    """Run the hooks of ``on_connect``.

    If a hook fails, the client receives the namespace's error event and stays connected, and the
    other hooks run all the same.

    auth: what the client sent when it joined.
    """
    hooks = registry.connect_hooks.get(session.namespace, ())
    for hook in hooks:
        background = Background.on(registry, ports)
        address = connection.address(session)
        context = Context(
            registry,
            ports,
            background.emit,
            session=session,
            address=address,
            arrival=arrival,
            connection=connection,
        )
        set_event_name(f"connect {session.namespace}")
        try:
            hook(context, auth)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
            refusal = error if isinstance(error, Refusal) else internal(error)
            namespace = registry.namespaces.get(session.namespace)
            background.emit(error_event(address, refusal, namespace))
