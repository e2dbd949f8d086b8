"""The pages: plain files in one folder.

The parts of npm packages that the pages load, and the documents for tools, are copied into the same
folder. ``python -m infra.site`` copies them.
"""

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
"""The media types of the files, by suffix. There may be no files with other suffixes."""


POLICY = "; ".join(
    (
        "default-src 'self'",
        # The demo connects to the LiveKit server that the stack names.
        "connect-src 'self' ws: wss: http: https:",
        "img-src 'self' data:",
        "media-src 'self' blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
"""What browsers may load and do for any page. A page may have a stricter policy of its own.
https://www.w3.org/TR/CSP3/"""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}
"""The headers of every page. ``infra/edge.py`` and ``local/pages.py`` send them."""


def assemble(folder: Path = SITE) -> None:
    """Copy the files that the pages load into their folder.

    Raises ``FileNotFoundError``, which says what to do, if npm packages are not installed.
    """
    for name, source in COPIED.items():
        if not source.exists():
            raise FileNotFoundError(f"The pages need {source}: run `make setup`.")
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


if __name__ == "__main__":
    assemble()
