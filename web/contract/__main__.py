"""``python -m web.contract``: writes the documents, and the types and the page made of them.

With ``--check`` it writes nothing. The exit code is 1 if a file is missing or out of date.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")

from shared.errors import DeclarationError

ROOT = Path(__file__).resolve().parents[2]


def files() -> dict[Path, str]:
    """Return every generated file with its text.

    Raises ``DeclarationError`` if a product's declaration is wrong.
    """
    # Imported here, because importing a product with a wrong declaration raises an error.
    from functions.products import REGISTRY  # noqa: PLC0415
    from infra import completeness  # noqa: PLC0415
    from infra.tables import STACK  # noqa: PLC0415
    from web.contract import asyncapi, docs_page, openapi, typescript  # noqa: PLC0415

    completeness.check(REGISTRY, STACK)
    events, http = asyncapi.make(), openapi.make()
    folder = ROOT / "docs" / "contract"
    return {
        folder / "asyncapi.json": openapi.encode(events),
        folder / "openapi.json": openapi.encode(http),
        folder / "events.d.ts": typescript.make(events, http),
        ROOT / "web" / "site" / "docs.html": docs_page.make(events, http),
    }


def stale() -> list[str]:
    """Return the files that are missing or out of date, by their paths in the repository."""
    return [
        str(path.relative_to(ROOT))
        for path, text in files().items()
        if not path.exists() or path.read_text() != text
    ]


def main() -> int:
    """Write the files, or compare them if ``--check`` is given. Returns the exit code."""
    try:
        return _main()
    except DeclarationError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _main() -> int:
    if "--check" in sys.argv[1:]:
        out_of_date = stale()
        for name in out_of_date:
            sys.stderr.write(f"{name} is out of date: run 'make contract'.\n")
        return 1 if out_of_date else 0
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
