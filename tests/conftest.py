"""Fixtures of all tests: settings, and metrics that no test leaves to the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

import msgspec
import pytest

from shared.aws import metrics
from shared.pipeline import meters
from shared.settings import TABLE, Settings, settings

ID_LENGTH = 60
"""How long the name of a test's parameter is at most in reports."""

RESOURCES = {
    field.name: f"test-{field.name.replace('_', '-')}"
    for field in msgspec.structs.fields(Settings)
    if field.required and field.name != "tables"
}


def pytest_make_parametrize_id(val: object) -> str | None:
    """Shorten the name of a test whose parameter is a long text. pytest tells equal names apart."""
    if isinstance(val, str) and len(val) > ID_LENGTH:
        return f"{val[:ID_LENGTH]}… ({len(val)} characters)"
    return None


@pytest.fixture(autouse=True)
def begin_anew() -> None:
    """Forget what the process remembers of earlier tests: metrics, and the frames of clients."""
    metrics.discard()
    meters.EVENTS.forget()
    meters.JOINS.forget()


class UseSettings(Protocol):
    """The function that the fixture ``use_settings`` returns."""

    def __call__(
        self, *, tables: Mapping[str, str] | None = None, **values: object
    ) -> Settings: ...


@pytest.fixture
def use_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[UseSettings]:
    """Return a function that puts settings into force: ``use_settings(room_shards=2)``.

    Settings that are not passed have their defaults; resources have invented names. ``tables`` maps
    tables to their physical names. A second call changes only the settings that it passes.
    """

    def use(*, tables: Mapping[str, str] | None = None, **values: object) -> Settings:
        for name, table in (tables or {}).items():
            monkeypatch.setenv(f"{name.upper()}{TABLE}", table)
        for name, value in values.items():
            monkeypatch.setenv(name.upper(), str(value))
        settings.cache_clear()
        return settings()

    for field in msgspec.structs.fields(Settings):
        monkeypatch.delenv(field.name.upper(), raising=False)
    for name, value in RESOURCES.items():
        monkeypatch.setenv(name.upper(), value)
    settings.cache_clear()
    yield use
    settings.cache_clear()
