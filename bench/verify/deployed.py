"""The stack in its AWS account: its settings, tokens for it, and requests to AWS."""

from __future__ import annotations

import asyncio
import json
import os
import time
from typing import Any

import boto3
import jwt
import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from local.emulator import CONNECTIONS_PATH
from local.stack import function_environment, functions, secret
from shared.settings import Settings, from_environment

PRODUCTION = "prod"
PREFIX = "switchboard-"
TOKEN_SECONDS = 4 * 3600


class Refused(Exception):
    """The run is refused before anything is done. The text says why."""


class Deployed:
    """A stack of the account whose credentials are in the environment.

    functions: the configurations of its functions.
    settings: the settings of its functions.
    """

    def __init__(self, name: str, outputs: dict[str, str]) -> None:
        self.name = name
        self.outputs = outputs
        self.functions = functions(name)
        environment = function_environment(self.functions)
        self.emulator = os.environ.get("AWS_ENDPOINT_URL", "")
        if self.emulator:
            environment["CONNECTIONS_URL_FORMAT"] = self.emulator + CONNECTIONS_PATH
        self.settings: Settings = from_environment(environment)
        self.secret: dict[str, str] = json.loads(secret(outputs["SecretArn"]))
        self._clients: dict[str, Any] = {}

    @property
    def stage(self) -> str:
        """The stage, ``dev`` for example."""
        return self.name.removeprefix(PREFIX)

    @property
    def websocket_api(self) -> str:
        """The own URL of the WebSocket API's stage, without a slash at the end."""
        return self.settings.connections_url.replace("http", "ws", 1)

    @property
    def http_api(self) -> str:
        """The own URL of the HTTP API."""
        if self.emulator:
            path = CONNECTIONS_PATH.format(api=self.outputs["HttpApiId"], stage="$default")
            return self.emulator + path
        return self.outputs["HttpUrl"]

    @property
    def livekit_key(self) -> tuple[str, str]:
        """The key of LiveKit and its secret. Both are empty if the stack has none."""
        return self.secret.get("LIVEKIT_API_KEY", ""), self.secret.get("LIVEKIT_API_SECRET", "")

    def sign(self, person_id: str, role: str, **claims: object) -> str:
        """Return a token of a person, signed with the stack's secret."""
        values = self.settings
        issued = {"iss": values.jwt_issuer, "aud": values.jwt_audience}
        return jwt.encode(
            {
                "sub": person_id,
                "role": role,
                "name": "Verification",
                "exp": int(time.time()) + TOKEN_SECONDS,
                **{name: value for name, value in issued.items() if value},
                **claims,
            },
            self.secret["JWT_SECRET"],
            algorithm="HS256",
        )

    async def ask(self, service: str, operation: str, **parameters: Any) -> Any:
        """Make a request to AWS, beside everything else. Raises ``ClientError``."""
        if service not in self._clients:
            self._clients[service] = boto3.client(service)  # type: ignore[call-overload]
        return await asyncio.to_thread(getattr(self._clients[service], operation), **parameters)


def find(url: str, stage: str) -> Deployed | None:
    """Return the stack that serves a URL. Returns None if the environment has no credentials.

    stage: the stage of the stack, or empty: then it is found by its URL.

    Raises ``Refused`` if the account has no such stack, or does not let us see it.
    """
    if boto3.Session().get_credentials() is None:
        return None
    try:
        pages = boto3.client("cloudformation").get_paginator("describe_stacks").paginate()
        stacks = {
            stack["StackName"]: {
                output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())
            }
            for page in pages
            for stack in page["Stacks"]
            if stack["StackName"].startswith(PREFIX)
        }
        for name, outputs in stacks.items():
            if name == PREFIX + stage or (not stage and url in outputs.values()):
                return _verifiable(Deployed(name, outputs))
    except (BotoCoreError, ClientError) as error:
        raise Refused(f"The AWS account cannot be read: {error}") from error
    raise Refused(
        f"No stack of this account and region has the output {url}: give its stage (STAGE=…), "
        "or take the credentials out of the environment to check the handshakes only."
    )


def _verifiable(stack: Deployed) -> Deployed:
    """Return the stack. Raises ``Refused`` if it is one that a run cannot verify."""
    if "Url" not in stack.outputs and not stack.emulator:
        raise Refused(
            f"{stack.name} has no edge, and so not one origin: verify a stage with edge=true."
        )
    if stack.settings.jwks_url:
        raise Refused(
            f"{stack.name} takes tokens of {stack.settings.jwks_url}, for which this run has no "
            "key: verify a stage without jwks_url."
        )
    return stack


def defaults() -> Settings:
    """Return the default settings, for a stack whose account is not known."""
    fields = msgspec.structs.fields(Settings)
    required = [field.name for field in fields if field.required and field.name != "tables"]
    return from_environment(dict.fromkeys((name.upper() for name in required), "unknown"))
