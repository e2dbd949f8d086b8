"""The stack's secret: how long it is cached, and what an outage of Secrets Manager does."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, EndpointConnectionError

from local.emulator import aws_environment
from shared.aws import clients
from shared.aws.secret import CachedSecret
from tests.conftest import UseSettings

CACHE, RETRY = 300, 10


class Manager:
    """Secrets Manager, and the SDK session that returns it as its client."""

    def __init__(self) -> None:
        self.text = json.dumps({"JWT_SECRET": "first"})
        self.down = False
        self.asked = 0
        self._endpoint = SimpleNamespace()

    def create_client(self, service: str, **_: Any) -> Manager:
        assert service == "secretsmanager"
        return self

    def get_secret_value(self, **request: str) -> dict[str, str]:
        self.asked += 1
        if self.down:
            raise EndpointConnectionError(endpoint_url="https://secretsmanager")
        return {"SecretString": self.text}


class Case:
    """A cached secret, its manager, and a clock in seconds."""

    def __init__(self, manager: Manager, values: Any) -> None:
        self.now = 0.0
        self.manager = manager
        self.secret = CachedSecret(values, lambda: self.now)

    def get(self) -> str:
        return self.secret.get("JWT_SECRET")


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Send the SDK's requests to a closed port, and leave no session that keeps it."""
    for name, value in aws_environment({}, "http://127.0.0.1:1").items():
        monkeypatch.setenv(name, value)
    clients.session.cache_clear()
    yield
    clients.session.cache_clear()


@pytest.fixture
def case(use_settings: UseSettings, monkeypatch: pytest.MonkeyPatch) -> Case:
    manager = Manager()
    monkeypatch.setattr(clients, "session", lambda: manager)
    return Case(manager, use_settings(secret_cache_seconds=CACHE, secret_retry_seconds=RETRY))


def test_the_secret_is_fetched_once_until_it_is_old(case: Case) -> None:
    assert case.manager.asked == 0
    assert case.get() == "first"
    assert not case.secret.get("LIVEKIT_API_KEY")
    case.manager.text = json.dumps({"JWT_SECRET": "second"})
    case.now += CACHE - 1
    assert case.get() == "first"
    case.now += 1
    assert case.get() == "second"
    assert case.manager.asked == 2


def test_an_outage_leaves_the_old_value_in_use(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    assert case.get() == "first"
    case.manager.down = True
    with caplog.at_level(logging.ERROR):
        for _ in range(100):
            case.now += CACHE / 100
            assert case.get() == "first"
        for _ in range(3 * RETRY):
            case.now += 1
            assert case.get() == "first"
    assert case.manager.asked == 1 + 1 + 3
    assert len(caplog.records) == 4
    case.manager.down, case.manager.text = False, json.dumps({"JWT_SECRET": "second"})
    case.now += RETRY
    assert case.get() == "second"


@pytest.mark.parametrize("text", ["", "not JSON", "[]", '{"JWT_SECRET": 7}'])
def test_an_invalid_secret_is_logged_and_the_old_one_stays_in_use(
    case: Case, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert case.get() == "first"
    case.manager.text = text
    case.now += CACHE
    assert case.get() == "first"
    assert caplog.records


def test_an_outage_before_the_first_fetch_is_an_error(case: Case) -> None:
    case.manager.down = True
    for _ in range(2):
        with pytest.raises(BotoCoreError):
            case.get()
    case.manager.down = False
    assert case.get() == "first"


def test_an_unreachable_secrets_manager_is_noticed_soon(
    use_settings: UseSettings, unreachable: None
) -> None:
    secret = CachedSecret(use_settings(secret_timeout_seconds=0.2))
    with pytest.raises(BotoCoreError):
        secret.get("JWT_SECRET")
    config: Any = secret.client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (0.2, 0.2)
    assert config.retries == {"mode": "standard", "total_max_attempts": 2}
