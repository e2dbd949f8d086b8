"""The pages, and the demo's tokens.

In AWS the pages come from a bucket. Tokens are handed out on a developer's machine only.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from infra.site import HEADERS, SITE, TYPES
from local.settings import Settings
from local.tokens import may_connect, mint
from shared.identity.accounts import Account

TOKENS = "/demo/tokens.json"
MOST_OF_A_ROLE = 4
LONGEST_PATH = 200
HOSTS = {"127.0.0.1", "localhost"}


class Pages:
    """The files of the pages, and the tokens for the demo.

    settings: has the secret that signs the tokens, and the ring timeout that the demo shows.
    accounts: the accounts from which the people of the demo are taken.
    folder: the folder with the pages.
    """

    def __init__(
        self, settings: Settings, accounts: Sequence[Account], folder: Path = SITE
    ) -> None:
        self._settings = settings
        self._accounts = accounts
        self._folder = folder.resolve()

    def answer(self, request: web.Request) -> web.Response | None:
        """Answer a request. Returns None if it is not for a page."""
        if request.method not in {"GET", "HEAD"}:
            return None
        if request.path == TOKENS:
            return self._tokens(request)
        path = self._find(request.path)
        if path is None:
            return None
        return web.Response(
            body=path.read_bytes(),
            headers={
                "Content-Type": f"{TYPES[path.suffix]}; charset=utf-8",
                "Cache-Control": "no-cache",
                **HEADERS,
            },
        )

    def _find(self, path: str) -> Path | None:
        """Return the file for a path, or None if there is no such file in the folder.

        ``/`` is ``index.html``, ``/console`` is ``console.html``.
        """
        name = path.strip("/") or "index"
        if "\0" in name or len(name) > LONGEST_PATH:
            return None
        for found in (self._folder / name, self._folder / f"{name}.html"):
            inside = found.resolve()
            if inside.is_relative_to(self._folder) and inside.suffix in TYPES and inside.is_file():
                return inside
        return None

    def _tokens(self, request: web.Request) -> web.Response:
        """Return a few people of every role, each with a fresh token.

        Tokens are returned only if the request names this machine as its host. A page of another
        origin could otherwise point its own domain at this machine and read them.
        """
        if request.url.host not in HOSTS:
            return web.json_response({"error": {"message": "Not found"}}, status=404)
        secret = self._settings.secrets["JWT_SECRET"]
        taken: dict[str, list[Account]] = {}
        for account in self._accounts:
            of_role = taken.setdefault(account.role, [])
            if may_connect(account) and len(of_role) < MOST_OF_A_ROLE:
                of_role.append(account)
        people = [
            {"id": one.id, "role": one.role, "name": one.name, "token": mint(one, secret)}
            for of_role in taken.values()
            for one in of_role
        ]
        ring_seconds = int(self._settings.context.get("ring_timeout_seconds", "30"))
        answer = {"people": people, "ringSeconds": ring_seconds}
        return web.json_response(answer, headers={"Cache-Control": "no-store", **HEADERS})
