"""AWS clients, made once a process and tuned for short requests from a Lambda."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Literal, overload

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    max_pool_connections=32,
    parameter_validation=False,
    retries={"mode": "standard", "total_max_attempts": 4},
    tcp_keepalive=True,
)


@cache
def session() -> boto3.session.Session:
    return boto3.session.Session()


@overload
def client(service: Literal["dynamodb"]) -> DynamoDBClient: ...
@overload
def client(service: Literal["events"]) -> EventBridgeClient: ...
@overload
def client(service: Literal["lambda"]) -> LambdaClient: ...
@overload
def client(service: Literal["secretsmanager"]) -> SecretsManagerClient: ...
@overload
def client(service: Literal["sqs"]) -> SQSClient: ...
@overload
def client(service: Literal["stepfunctions"]) -> SFNClient: ...
@cache
def client(service: str) -> Any:
    """The process's client for a service; region, credentials and endpoint are the SDK's own."""
    return session().client(service, config=CONFIG)  # type: ignore[call-overload]
