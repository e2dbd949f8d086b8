"""Settings for tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

import msgspec
import pytest

from shared.aws import metrics
from shared.settings import TABLE, Settings, settings

RESOURCES = {
    field.name: f"test-{field.name.replace('_', '-')}"
    for field in msgspec.structs.fields(Settings)
    if field.required and field.name != "tables"
}


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    """What is counted waits for the end of an invocation, which few tests have."""
    metrics.discard()


class UseSettings(Protocol):
    def __call__(
        self, *, tables: Mapping[str, str] | None = None, **values: object
    ) -> Settings: ...


@pytest.fixture
def use_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[UseSettings]:
    """Put settings into force: ``use_settings(room_shards=2)``. What is not named has its default,
    a resource has an invented name. ``tables`` maps tables to their physical names. Called again it
    changes only what it names."""

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
