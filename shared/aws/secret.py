"""The stack's secret, read from Secrets Manager and cached."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from shared.aws import clients
from shared.aws.log import logger
from shared.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


class CachedSecret:
    """The stack's one secret, a JSON object of strings.

    A value that is changed in Secrets Manager is in use everywhere within ``secret_cache_seconds``.
    If the secret cannot be fetched again, or is no longer a JSON object of strings, the old value
    stays in use. Only a process that has never had a value fails.
    """

    def __init__(self, values: Settings, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._settings = values
        self._monotonic = monotonic
        self._values: dict[str, str] = {}
        self._fresh_until = float("-inf")

    def get(self, name: str) -> str:
        """Return a value of the secret, or an empty string if it is not set."""
        if self._monotonic() >= self._fresh_until:
            self._refresh()
        return self._values.get(name, "")

    def _refresh(self) -> None:
        seconds = self._settings.secret_cache_seconds
        try:
            self._values = self._fetch()
        except Exception:
            if not self._values:
                raise
            logger.exception("secret not fetched, the old value stays in use")
            seconds = self._settings.secret_retry_seconds
        self._fresh_until = self._monotonic() + seconds

    def _fetch(self) -> dict[str, str]:
        answer: Any = self.client.get_secret_value(SecretId=self._settings.secret_arn)
        return msgspec.json.decode(answer["SecretString"], type=dict[str, str])

    @cached_property
    def client(self) -> SecretsManagerClient:
        """The client, made for the first fetch.

        It gives up sooner than other clients, because a person waits to be let in and there is an
        old value to use.
        """
        config = clients.short_timeouts(self._settings.secret_timeout_seconds)
        client: SecretsManagerClient = clients.make("secretsmanager", config)
        return client
