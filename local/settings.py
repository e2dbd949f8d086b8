"""The settings of ``make run``, read from the environment and checked before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from infra.settings import PASSED_ON, SettingError, from_context

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".local"

OWN_ORIGIN = "http://own.invalid"
"""The stack's own origin in the template. The edge replaces the real origin with it, so that the
template, and with it the kept synth, is the same on every port. No page can have it: the domain
exists nowhere (RFC 6761, 6.4)."""

FUNCTIONS_LOG = "functions.log"
"""In the stack's own folder: everything that the functions print."""

PUSHES_LOG = "pushes.log"
"""There, too: what is pushed to devices."""

STAGE = "dev"
MAX_PORT = 65_535
SET_HERE = {"allowed_origins", "connections_url_format"}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The environment of ``python -m local``."""

    port: int
    accounts: Path
    context: dict[str, str]
    """The context for ``cdk -c``. The environment may have every setting of the functions, in
    capitals."""

    secrets: dict[str, str]
    """The value of the stack's one secret: JWT_SECRET, LIVEKIT_API_KEY, LIVEKIT_API_SECRET."""

    @property
    def url(self) -> str:
        """The URL of the stack, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def work(self) -> Path:
        """The stack's own folder. Two stacks on two ports share nothing but the kept synths."""
        return WORK / str(self.port)


SECRETS = {
    "JWT_SECRET": "dev-secret-dev-secret-dev-secret!",
    "LIVEKIT_API_KEY": "devkey",
    "LIVEKIT_API_SECRET": "dev-livekit-secret-dev-livekit-secret",
}


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings.

    A variable with an empty value counts as not set. Raises ``SettingError``, which says in one
    sentence what is wrong.
    """
    given = {name: value for name, value in environment.items() if value}
    context = {
        name: given[name.upper()] for name in sorted(PASSED_ON - SET_HERE) if name.upper() in given
    }
    origins = [OWN_ORIGIN, *given.get("ALLOWED_ORIGINS", "").split(",")]
    context |= {
        "stage": STAGE,
        "local": "true",
        "allowed_origins": ",".join(origin.strip() for origin in origins if origin.strip()),
    }
    from_context(context)
    return Settings(
        port=_port(given.get("PORT", "8000")),
        accounts=_file("ACCOUNTS", given.get("ACCOUNTS", str(ROOT / "local" / "accounts.json"))),
        context=context,
        secrets={name: given.get(name, default) for name, default in SECRETS.items()},
    )


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_PORT:
        return int(text)
    raise SettingError(f"PORT is a number between 1 and {MAX_PORT}, not {text!r}.")


def _file(name: str, text: str) -> Path:
    path = Path(text).expanduser().absolute()
    if path.is_file():
        return path
    raise SettingError(f"{name} names a file that does not exist: {path}")
