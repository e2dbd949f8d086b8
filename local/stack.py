"""The stack that is deployed to the emulator: its outputs, its secret, its functions."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import boto3

from local.child import Failed
from local.edge import Target
from local.emulator import Emulator

OUTPUTS = (
    "WebSocketApiId",
    "WebSocketStage",
    "HttpApiId",
    "SecretArn",
    "EdgeKeyArn",
    "AccountsTable",
    "PeopleTable",
)
WARM = json.dumps({"warm": True})
WARM_AT_ONCE = 2


def check_outputs(outputs: Mapping[str, str]) -> None:
    """Raise ``Failed`` if the stack lacks an output that is needed here."""
    missing = [name for name in OUTPUTS if name not in outputs]
    if missing:
        raise Failed(f"The stack has no output {', '.join(missing)}.")


def _client(service: str) -> Any:
    """Return a client for the emulator of ``os.environ``, or for AWS without one."""
    return _client_for(service, os.environ.get("AWS_ENDPOINT_URL"))


@cache
def _client_for(service: str, endpoint_url: str | None) -> Any:
    return boto3.client(service, endpoint_url=endpoint_url)  # type: ignore[call-overload]


def put_secrets(arn: str, secrets: Mapping[str, str]) -> None:
    """Write the value of the stack's secret."""
    _client("secretsmanager").put_secret_value(SecretId=arn, SecretString=json.dumps(dict(secrets)))


def secret(arn: str) -> str:
    """Return the value of a secret."""
    return str(_client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])


def make_applications(context: Mapping[str, str]) -> None:
    """Make the platform applications that the settings name, which a team makes in AWS."""
    for name, arn in context.items():
        if name.startswith("push_") and name.endswith("_arn"):
            _, platform, called = arn.split("/")
            _client("sns").create_platform_application(
                Name=called, Platform=platform, Attributes={}
            )


def target(emulated: Emulator, outputs: Mapping[str, str]) -> Target:
    """Return the addresses to which an edge in front of the stack forwards."""
    return Target(
        websocket=emulated.api(outputs["WebSocketApiId"], outputs["WebSocketStage"]),
        http=emulated.api(outputs["HttpApiId"], "$default"),
        key=secret(outputs["EdgeKeyArn"]),
    )


def functions(name: str) -> list[dict[str, Any]]:
    """Return the configurations of a stack's Python functions."""
    pages = _client("cloudformation").get_paginator("list_stack_resources")
    names = [
        resource["PhysicalResourceId"]
        for page in pages.paginate(StackName=name)
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::Lambda::Function"
    ]
    found = [_client("lambda").get_function_configuration(FunctionName=name) for name in names]
    return [function for function in found if function.get("Runtime", "").startswith("python")]


def function_environment(configurations: list[dict[str, Any]]) -> dict[str, str]:
    """Return the variables of all the functions' environments: names of tables and the rest."""
    merged: dict[str, str] = {}
    for configuration in configurations:
        merged |= configuration.get("Environment", {}).get("Variables", {})
    return merged


def warm(configurations: list[dict[str, Any]]) -> None:
    """Start a worker of every function, so that the first event does not wait for imports.

    A worker belongs to a function and a qualifier, and routes may lead to an alias. A function that
    does not start is shown like every other failure.
    """
    targets = [
        (configuration["FunctionName"], qualifier)
        for configuration in configurations
        for qualifier in _qualifiers(configuration["FunctionName"])
    ]
    with ThreadPoolExecutor(min(WARM_AT_ONCE, os.cpu_count() or 1)) as pool:
        list(pool.map(lambda target: _invoke(*target), targets))


def _qualifiers(name: str) -> list[str]:
    aliases = _client("lambda").list_aliases(FunctionName=name)["Aliases"]
    return [alias["Name"] for alias in aliases] or ["$LATEST"]


def _invoke(name: str, qualifier: str) -> None:
    _client("lambda").invoke(FunctionName=name, Qualifier=qualifier, Payload=WARM)
