"""The whole stack. It is made in the order of its dependencies: data, APIs, functions, routes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.alarms import Watched, make_alarms, rows
from infra.bus import make_bus
from infra.call_timers import BALANCE, RING, make_timer
from infra.dashboard import make_dashboard
from infra.edge import Edge, make_edge_key, own_origins
from infra.functions import made_with
from infra.gateway import (
    HTTP_ROUTES,
    WEBSOCKET_STAGE,
    Gateway,
    set_account_log_role,
    websocket_routes,
)
from infra.lambdas import make_functions
from infra.mail import make_mail
from infra.nag import acknowledge
from infra.queues import (
    MAX_RECEIVES,
    ORDERED,
    RECEIVES,
    dead_letters,
    hidden_seconds,
    make_dead_letters,
    make_queue,
)
from infra.resources import Resources
from infra.settings import StackSettings
from infra.tables import make_tables


class SwitchboardStack(cdk.Stack):
    """The resources of one stage. Two stages share only the account's logging role."""

    def __init__(self, scope: Construct, settings: StackSettings) -> None:
        super().__init__(
            scope,
            settings.stack_name,
            description="Switchboard: a serverless Socket.IO backend",
            termination_protection=settings.is_production,
            synthesizer=_synthesizer(settings),
        )
        tables = make_tables(self, settings)
        secret_arn = _make_secret(self, settings)
        queues = _make_queues(self, settings)
        bus = make_bus(self, settings, queues["events"])
        websocket = Gateway(
            self, "WebSocket", settings, protocol="WEBSOCKET", stage=WEBSOCKET_STAGE
        )
        http = Gateway(self, "Http", settings, protocol="HTTP", stage="$default")
        if settings.api_gateway_log_role:
            set_account_log_role(self, websocket, http)
        key = make_edge_key(self) if settings.edge else None
        edge = (
            Edge(self, settings, websocket=websocket, http=http, key=key)
            if key and not settings.local
            else None
        )
        resources = Resources(
            scope=self,
            settings=settings,
            tables=tables,
            queues=queues,
            failed=_make_failed(self, settings),
            bus=bus,
            secret_arn=secret_arn,
            websocket=websocket,
            edge_key=key.secret_value.unsafe_unwrap() if key else "",
            allowed_origins=own_origins(edge, settings.environment["ALLOWED_ORIGINS"]),
        )
        functions = make_functions(self, settings, resources)
        websocket.route(websocket_routes(), functions.invoked)
        http.route(HTTP_ROUTES, functions.invoked)
        timers = {
            timer.name: make_timer(
                self, settings, timer, tables["people"], functions.invoked[timer.function]
            )
            for timer in (RING, BALANCE)
        }
        if settings.alarms:
            _watch(self, resources, functions.made, http, timers)
        _make_outputs(
            self,
            WebSocketApiId=websocket.api_id,
            WebSocketStage=websocket.stage_name,
            WebSocketUrl=websocket.url,
            HttpApiId=http.api_id,
            HttpUrl=http.url,
            SecretArn=secret_arn,
            AccountsTable=tables["accounts"].table_name,
            PeopleTable=tables["people"].table_name,
            EventBus=bus.event_bus_name,
            EdgeKeyArn=_arn(key) if key else None,
            Url=edge.url if edge else None,
            EdgeTarget=edge.target if edge else None,
        )


def _make_failed(scope: Construct, settings: StackSettings) -> dict[str, sqs.Queue]:
    """Make the dead-letter queues of the functions that no caller waits for, by function."""
    return {
        row.name: make_dead_letters(scope, row.name, settings)
        for row in made_with(settings)
        if row.asynchronous or row.streams
    }


def _watch(
    scope: Construct,
    resources: Resources,
    functions: Mapping[str, lambda_.Function],
    http: Gateway,
    timers: Mapping[str, sfn.StateMachine],
) -> None:
    """Make the alarms and the dashboard."""
    watched = Watched(
        settings=resources.settings,
        functions=functions,
        queues=resources.queues,
        dead_letters=dead_letters(scope),
        tables=resources.tables,
        websocket=resources.websocket,
        http=http,
        timers=timers,
    )
    alarms = make_alarms(scope, watched, make_mail(scope, resources.settings))
    make_dashboard(scope, watched, rows(watched), alarms)


def _make_outputs(scope: Construct, **outputs: str | None) -> None:
    for name, value in outputs.items():
        if value is not None:
            cdk.CfnOutput(scope, name, value=value)


def _synthesizer(settings: StackSettings) -> cdk.IStackSynthesizer:
    """Return the synthesizer of the stack.

    The emulator checks IAM, but cannot let the CDK assume its bootstrap roles.
    """
    if settings.local:
        return cdk.CliCredentialsStackSynthesizer()
    return cdk.DefaultStackSynthesizer()


def _make_secret(scope: Construct, settings: StackSettings) -> str:
    """Make the secret of the stack, and return its ARN.

    The key that signs tokens is generated. The team fills in LiveKit's keys.
    """
    secret = secretsmanager.Secret(
        scope,
        "Secret",
        description=f"What {settings.stack_name} signs and calls with",
        generate_secret_string=secretsmanager.SecretStringGenerator(
            generate_string_key="JWT_SECRET",
            secret_string_template='{"LIVEKIT_API_KEY":"","LIVEKIT_API_SECRET":""}',  # noqa: S106
            password_length=64,
            exclude_punctuation=True,
        ),
        removal_policy=cdk.RemovalPolicy.RETAIN
        if settings.is_production
        else cdk.RemovalPolicy.DESTROY,
    )
    acknowledge(
        secret,
        {
            "SMG4": "The signing key is shared with whoever issues the tokens and LiveKit's keys "
            "come from LiveKit, so only the team can rotate them, on both sides at once."
        },
    )
    return _arn(secret)


def _arn(secret: secretsmanager.Secret) -> str:
    """Return the ARN of a secret.

    ``Id`` is the ARN in AWS and in the emulator. ``Ref`` is the name in the emulator.
    """
    return cast("secretsmanager.CfnSecret", secret.node.default_child).attr_id


def _make_queues(scope: Construct, settings: StackSettings) -> dict[str, sqs.Queue]:
    """Make a queue for every function that takes one, each with a dead-letter queue."""
    return {
        row.takes: make_queue(
            scope,
            row.takes.title().replace("-", ""),
            settings,
            visibility=cdk.Duration.seconds(hidden_seconds(row)),
            dead_letters=make_dead_letters(
                scope, row.takes, settings, ordered=row.takes in ORDERED
            ),
            ordered=row.takes in ORDERED,
            receives=RECEIVES.get(row.takes, MAX_RECEIVES),
        )
        for row in made_with(settings)
        if row.takes
    }
