"""The pages: plain files in one folder, beside them what they load of npm packages and the
documents for tools, which are copied there. ``python -m infra.site`` does that."""

from __future__ import annotations

import shutil
from pathlib import Path

from infra.build import ROOT

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
"""Of every file that there may be: the media type it is served with."""


def assemble(folder: Path = SITE) -> None:
    """Copy what the pages load beside their own files. Raises ``FileNotFoundError``, which says
    what to do, where npm packages are not installed."""
    for name, source in COPIED.items():
        if not source.exists():
            raise FileNotFoundError(f"The pages need {source}: run `make setup`.")
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


if __name__ == "__main__":
    assemble()
