"""The whole stack. It is made in the order of its dependencies: data, APIs, functions, routes."""

from __future__ import annotations

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.alarms import Watched, make_alarms, rows
from infra.bus import make_bus
from infra.call_timers import BALANCE, RING, make_timer
from infra.dashboard import make_dashboard
from infra.edge import Edge, make_edge_key, own_origins
from infra.functions import PUBLISHER, READ_QUEUES, SEND_UNPUBLISHED, made_with
from infra.gateway import (
    HTTP_ROUTES,
    WEBSOCKET_STAGE,
    Gateway,
    set_account_log_role,
    websocket_routes,
)
from infra.lambdas import Grant, Resources, invoked_arn, invoked_name, make_functions
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
from infra.settings import StackSettings
from infra.tables import make_tables
from shared.settings import TABLE


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
        failed = {
            row.name: make_dead_letters(self, row.name, settings)
            for row in made_with(settings)
            if row.asynchronous or row.streams
        }
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
        resources = _resources(
            self,
            settings,
            tables=tables,
            queues=queues,
            failed=failed,
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
        watched = Watched(
            settings=settings,
            functions=functions.made,
            queues=queues,
            dead_letters=dead_letters(self),
            tables=tables,
            websocket=websocket,
            http=http,
            timers=timers,
        )
        if settings.alarms:
            alarms = make_alarms(self, watched, make_mail(self, settings))
            make_dashboard(self, watched, rows(watched), alarms)
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


def _resources(
    scope: Construct,
    settings: StackSettings,
    *,
    tables: dict[str, dynamodb.Table],
    queues: dict[str, sqs.Queue],
    failed: dict[str, sqs.Queue],
    bus: events.EventBus,
    secret_arn: str,
    websocket: Gateway,
    edge_key: str,
    allowed_origins: str,
) -> Resources:
    """Return the resources that functions may use, and the environment that names them."""
    ring, balance = (timer.arn(scope, settings) for timer in (RING, BALANCE))
    first, *others = (one.queue_arn for one in (*queues.values(), *dead_letters(scope).values()))
    return Resources(
        tables=tables,
        queues=queues,
        failed=failed,
        environment={
            **{f"{name.upper()}{TABLE}": table.table_name for name, table in tables.items()},
            "BROADCAST_QUEUE_URL": queues["broadcasts"].queue_url,
            "SHARDS_QUEUE_URL": queues["shards"].queue_url,
            "EVENTS_QUEUE_URL": queues["events"].queue_url,
            "LIVEKIT_ROOMS_QUEUE_URL": queues["livekit-rooms"].queue_url,
            "DEADLINES_QUEUE_URL": queues["deadlines"].queue_url,
            "EVENT_BUS": bus.event_bus_name,
            "METRICS_NAMESPACE": settings.stack_name,
            "OPENER_FUNCTION": invoked_name(settings, "opener"),
            "DISCONNECT_FUNCTION": invoked_name(settings, "disconnect"),
            "SOCKETIO_FUNCTION": invoked_name(settings, "socketio"),
            "RING_STATE_MACHINE_ARN": ring,
            "BALANCE_STATE_MACHINE_ARN": balance,
            "SECRET_ARN": secret_arn,
            "WEBSOCKET_API_ID": websocket.api_id,
            "WEBSOCKET_STAGE": websocket.stage_name,
            **({"PUSHES_QUEUE_URL": queues["pushes"].queue_url} if settings.pushes else {}),
            **settings.environment,
            "ALLOWED_ORIGINS": allowed_origins,
        },
        edge_key=edge_key,
        grants={
            "read-secret": Grant("secretsmanager:GetSecretValue", secret_arn),
            "start-ring": Grant("states:StartExecution", ring),
            "start-balance": Grant("states:StartExecution", balance),
            **{
                grant: Grant(
                    "sqs:SendMessage",  # of which SendMessageBatch is a part
                    queues[queue].queue_arn,
                    emulated="sqs:SendMessageBatch" if settings.local else "",
                )
                for grant, queue in (("send-broadcast", "broadcasts"), ("send-shard", "shards"))
            },
            READ_QUEUES: Grant("sqs:GetQueueAttributes", first, others=tuple(others)),
            **(
                {SEND_UNPUBLISHED: Grant("sqs:SendMessage", failed[PUBLISHER].queue_arn)}
                if PUBLISHER in failed
                else {}
            ),
            "put-events": Grant("events:PutEvents", bus.event_bus_arn),
            "delete-livekit-room": Grant("sqs:SendMessage", queues["livekit-rooms"].queue_arn),
            "send-deadline": Grant("sqs:SendMessage", queues["deadlines"].queue_arn),
            "post": Grant(
                "execute-api:ManageConnections",
                websocket.connections_arn,
                {websocket.connections_finding: "Which connections there will be is not known."},
            ),
            **{
                f"invoke-{name}": Grant("lambda:InvokeFunction", invoked_arn(scope, settings, name))
                for name in ("opener", "disconnect", "socketio")
            },
            **(_of_pushes(settings, queues["pushes"]) if settings.pushes else {}),
        },
    )


def _of_pushes(settings: StackSettings, queue: sqs.Queue) -> dict[str, Grant]:
    """Return the rights to push: on the platform applications that are set, and their endpoints.

    https://docs.aws.amazon.com/sns/latest/dg/sns-using-identity-based-policies.html
    """
    applications = settings.applications
    endpoints = [one.replace(":app/", ":endpoint/") + "/*" for one in applications]
    if settings.local:  # the emulator's endpoints are named otherwise
        endpoints = [f"{one}/*" for one in applications]
    finding = {
        f"IAM5[Resource::{one}]": "Which devices there will be is not known." for one in endpoints
    }
    first, *others = endpoints
    return {
        "send-push": Grant(
            "sqs:SendMessage",
            queue.queue_arn,
            emulated="sqs:SendMessageBatch" if settings.local else "",
        ),
        "create-endpoint": Grant(
            "sns:CreatePlatformEndpoint", applications[0], others=tuple(applications[1:])
        ),
        **{
            grant: Grant(f"sns:{action}", first, finding, others=tuple(others))
            for grant, action in (
                ("set-endpoint", "SetEndpointAttributes"),
                ("delete-endpoint", "DeleteEndpoint"),
                ("publish-push", "Publish"),
            )
        },
    }
