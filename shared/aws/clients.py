"""AWS clients, made once per process and tuned for short requests from a Lambda function."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, overload

import botocore.session
import msgspec
from botocore.config import Config
from botocore.loaders import JSONFileLoader

from shared.aws.http_session import HttpSession

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

    from shared.aws.http_pool import HttpPool

CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    max_pool_connections=32,
    parameter_validation=False,
    retries={"mode": "standard", "total_max_attempts": 4},
    # The SDK builds its own user agent anew for every request, which takes a tenth of the request's
    # processor time.
    user_agent="Switchboard",
)


class _Definitions(JSONFileLoader):
    """The SDK's loader of service definitions, with msgspec as its decoder.

    The definitions are megabytes of JSON, and decoding them is most of the time that making a
    client takes. msgspec decodes them in a tenth of the time.
    """

    def _load_file(self, full_path: str, open_method: Callable[..., Any]) -> Any:
        if not Path(full_path).is_file():
            return None
        with open_method(full_path, "rb") as file:
            return msgspec.json.decode(file.read())


def short_timeouts(seconds: float) -> Config:
    """Return a configuration for requests that must end soon, with success or failure.

    A request is made twice at most; each attempt waits for ``seconds`` to connect and for
    ``seconds`` to read.
    """
    return CONFIG.merge(
        Config(
            connect_timeout=seconds,
            read_timeout=seconds,
            retries={"mode": "standard", "total_max_attempts": 2},
        )
    )


@cache
def session() -> botocore.session.Session:
    """Return the process's session, made on first use."""
    made = botocore.session.get_session()
    made.get_component("data_loader").file_loader = _Definitions()
    return made


@overload
def client(service: Literal["dynamodb"]) -> DynamoDBClient: ...
@overload
def client(service: Literal["events"]) -> EventBridgeClient: ...
@overload
def client(service: Literal["lambda"]) -> LambdaClient: ...
@overload
def client(service: Literal["secretsmanager"]) -> SecretsManagerClient: ...
@overload
def client(service: Literal["sns"]) -> Any: ...
@overload
def client(service: Literal["sqs"]) -> SQSClient: ...
@overload
def client(service: Literal["stepfunctions"]) -> SFNClient: ...
def client(service: str) -> Any:
    """Return the process's client for a service. The SDK finds region, credentials and endpoint."""
    with _making:
        return _made(service)


_making = Lock()
"""Held while a client is made. Without it, threads that begin at the same time would each make a
client, and sessions are not safe for that."""


@cache
def _made(service: str) -> Any:
    return make(service, CONFIG)


def make(service: str, config: Config) -> Any:
    """Return a new client for a service. It sends its requests over an ``HttpSession``."""
    made: Any = session().create_client(service, config=config)
    made._endpoint.http_session = HttpSession(config)
    return made


def connections(made: Any) -> HttpPool:
    """Return the connections over which a client sends, for requests that are made without it."""
    pool: HttpPool = made._endpoint.http_session.pool(made.meta.endpoint_url)
    return pool


setattr(client, "cache_clear", _made.cache_clear)  # noqa: B010 - its overloads hide attributes
