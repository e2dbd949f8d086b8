"""Connects people's clients to the running stack."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from shared.identity.accounts import Account
from tests.e2e.client_js import JavaScript, NodeDriver
from tests.e2e.client_native import Native, Raw
from tests.e2e.client_python import Asyncio, Loop, Python
from tests.e2e.clients import INTERNAL, Client, Ticket
from tests.e2e.people import People, token
from tests.e2e.stack import Stack

KINDS = ("js", "python", "asyncio", "native")


class World:
    """The stack, and the clients of one test. They are disconnected at the end of the test.

    transports: the option of that name, for the clients that are connected from now on.
    """

    def __init__(self, stack: Stack, people: People, driver: NodeDriver, loop: Loop) -> None:
        self.stack = stack
        self.people = people
        self.driver = driver
        self.loop = loop
        self.clients: list[Client] = []
        self.transports: tuple[str, ...] | None = ("websocket",)

    def ticket(self, namespace: str, token: object = None, **headers: str) -> Ticket:
        """Return what a client needs to connect to a namespace."""
        return Ticket(self.stack.url, namespace, token, headers, transports=self.transports)

    def connect(self, kind: str, ticket: Ticket, **options: Any) -> Client:
        """Connect a client of a kind. Raises ``Refused`` if the stack refuses it."""
        makers: dict[str, Callable[..., Client]] = {
            "js": lambda: JavaScript(self.driver, ticket, **options),
            "python": lambda: Python(ticket),
            "asyncio": lambda: Asyncio(self.loop, ticket),
            "native": lambda: Native(ticket, **options),
        }
        client = makers[kind]()
        self.clients.append(client)
        return client

    def join(self, kind: str, account: Account, **options: Any) -> Client:
        """Connect a client of an account to the namespace of the account's role.

        Returns the client when other clients can reach it.
        """
        namespace = f"/{account.role.lower()}"
        before = self.stack.connections_of(namespace, account.id)
        client = self.connect(kind, self.ticket(namespace, token(account)), **options)
        self.stack.wait_connections(namespace, account.id, before + 1)
        return client

    def user(self, kind: str = "js") -> tuple[Account, Client]:
        """Connect a new user. Returns the account and the client."""
        account = self.people.take("USER")
        return account, self.join(kind, account)

    def telecaller(self, kind: str = "js") -> tuple[Account, Client]:
        """Connect a new telecaller. Returns the account and the client."""
        account = self.people.take("TELECALLER")
        return account, self.join(kind, account)

    def admin(self, kind: str = "js") -> tuple[Account, Client]:
        """Connect a new admin. Returns the account and the client."""
        account = self.people.take("ADMIN")
        return account, self.join(kind, account)

    def raw(self) -> Raw:
        """Open a WebSocket without a client library."""
        return Raw(self.stack.url)

    def leave(self) -> None:
        """Disconnect all clients."""
        for client in self.clients:
            with suppress(Exception):
                client.leave()

    def close(self) -> None:
        """Disconnect all clients, and check what every client must have received."""
        self.leave()
        for client in self.clients:
            for answers in client.acknowledged.values():
                assert len(answers) == 1, f"acknowledged more than once: {answers}"
            assert INTERNAL not in str(client.received), client.received
