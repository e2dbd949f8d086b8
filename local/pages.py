"""The pages beside the API, as they will be served from a bucket in AWS: plain files in one folder.

What they load of npm packages and the documents for tools are copied there when the stack starts.
``python -m local.pages`` does only that.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from local.settings import ROOT, Settings
from local.tokens import mint
from shared.accounts import Account

SITE = ROOT / "web" / "site"
MODULES = ROOT / "local" / "node_modules"
COPIED = {
    "vendor/socket.io.esm.min.js": MODULES / "socket.io-client/dist/socket.io.esm.min.js",
    "vendor/livekit-client.esm.mjs": MODULES / "livekit-client/dist/livekit-client.esm.mjs",
    **{
        f"contract/{name}": ROOT / "docs" / "contract" / name
        for name in ("asyncapi.json", "openapi.json", "events.d.ts")
    },
}

TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".ts": "text/plain",
}
TOKENS = "/demo/tokens.json"
MOST_OF_A_ROLE = 4
LONGEST_PATH = 200
HOSTS = {"127.0.0.1", "localhost"}


def assemble(folder: Path = SITE) -> None:
    """Copy what the pages load beside their own files; what is missing is left out."""
    for name, source in COPIED.items():
        if source.exists():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


class Pages:
    """Answers for the pages; ``settings`` and ``accounts`` say whose demo tokens to hand out."""

    def __init__(
        self, settings: Settings, accounts: Sequence[Account], folder: Path = SITE
    ) -> None:
        self._settings = settings
        self._accounts = accounts
        self._folder = folder.resolve()

    def answer(self, request: web.Request) -> web.Response | None:
        """None where the request is not for a page."""
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
                "X-Content-Type-Options": "nosniff",
            },
        )

    def _find(self, path: str) -> Path | None:
        """``/`` is ``index.html``, ``/console`` is ``console.html``; nothing outside the folder."""
        name = path.strip("/") or "index"
        if "\0" in name or len(name) > LONGEST_PATH:
            return None
        for found in (self._folder / name, self._folder / f"{name}.html"):
            inside = found.resolve()
            if inside.is_relative_to(self._folder) and inside.suffix in TYPES and inside.is_file():
                return inside
        return None

    def _tokens(self, request: web.Request) -> web.Response:
        """A few people of every role, each with a fresh token. Only under a name of this machine:
        a page elsewhere could have its own name lead here."""
        if request.url.host not in HOSTS:
            return web.json_response({"error": {"message": "Not found"}}, status=404)
        secret = self._settings.secrets["JWT_SECRET"]
        taken: dict[str, list[Account]] = {}
        for account in self._accounts:
            of_role = taken.setdefault(account.role, [])
            may_connect = account.active and (account.approved or account.role != "TELECALLER")
            if may_connect and len(of_role) < MOST_OF_A_ROLE:
                of_role.append(account)
        people = [
            {"id": one.id, "role": one.role, "name": one.name, "token": mint(one, secret)}
            for of_role in taken.values()
            for one in of_role
        ]
        ring_seconds = int(self._settings.context.get("ring_timeout_seconds", "30"))
        answer = {"people": people, "ringSeconds": ring_seconds}
        return web.json_response(answer, headers={"Cache-Control": "no-store"})


if __name__ == "__main__":
    assemble()
