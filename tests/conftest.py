"""Settings for tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import msgspec
import pytest

from shared.aws import metrics
from shared.settings import Settings, settings

RESOURCES = {
    field.name: f"test-{field.name.replace('_', '-')}"
    for field in msgspec.structs.fields(Settings)
    if field.required
}


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    """What is counted waits for the end of an invocation, which few tests have."""
    metrics._counted.clear()


class UseSettings(Protocol):
    def __call__(self, **values: object) -> Settings: ...


@pytest.fixture
def use_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[UseSettings]:
    """Put settings into force: ``use_settings(room_shards=2)``. What is not named has its default,
    a resource has an invented name. Called again it changes only what it names."""

    def use(**values: object) -> Settings:
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
