"""What functions use: the resources, the environment that names them, and the rights to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.call_timers import BALANCE, RING
from infra.functions import FUNCTIONS, PUBLISHER, READ_QUEUES, SEND_UNPUBLISHED
from infra.gateway import Gateway
from infra.queues import dead_letters
from infra.settings import StackSettings
from shared.pipeline.deployment import FunctionSpec
from shared.settings import TABLE

ALIAS = "live"
"""The alias of the published version. SnapStart takes snapshots of published versions only."""

INVOKED = ("opener", "disconnect", "socketio")
"""The functions that other functions invoke."""

QUEUE_URLS = {
    "BROADCAST_QUEUE_URL": "broadcasts",
    "SHARDS_QUEUE_URL": "shards",
    "EVENTS_QUEUE_URL": "events",
    "LIVEKIT_ROOMS_QUEUE_URL": "livekit-rooms",
    "DEADLINES_QUEUE_URL": "deadlines",
    "PUSHES_QUEUE_URL": "pushes",
}
"""The names of queues' URLs in the environment. A stack that does not push has no ``pushes``."""

SENT_TO = {
    "send-broadcast": "broadcasts",
    "send-shard": "shards",
    "send-push": "pushes",
    "delete-livekit-room": "livekit-rooms",
    "send-deadline": "deadlines",
}
"""The rights to send to queues."""

BATCHES = frozenset({"send-broadcast", "send-shard", "send-push"})
"""The rights that are used for batches. The emulator asks for another action then."""

OPTIONAL = frozenset(
    {
        "create-endpoint",
        "delete-endpoint",
        "devices",
        "publish-push",
        "send-push",
        "set-endpoint",
    }
)
"""The grants and the table that a stack has only if it pushes. Without, no code uses them."""


@dataclass(frozen=True)
class Grant:
    """The right to one action on one resource.

    accepted: the findings of cdk-nag that it causes, each with the reason to accept it.
    emulated: an action that the emulator asks for besides, and AWS does not have.
    others: further resources.
    """

    action: str
    resource: str
    accepted: Mapping[str, str] = field(default_factory=dict)
    emulated: str = ""
    others: tuple[str, ...] = ()


@dataclass
class Resources:
    """What the functions use. It is made before the functions.

    scope: the stack.
    queues: the queues that ``FunctionSpec.takes`` can name.
    failed: the dead-letter queues of functions, by the function's name.
    edge_key: the key of the edge, or an empty text without an edge.
    allowed_origins: the setting of this name.
    """

    scope: Construct
    settings: StackSettings
    tables: Mapping[str, dynamodb.Table]
    queues: Mapping[str, sqs.Queue]
    failed: Mapping[str, sqs.Queue]
    bus: events.EventBus
    secret_arn: str
    websocket: Gateway
    edge_key: str
    allowed_origins: str

    @cached_property
    def environment(self) -> dict[str, str]:
        """The environment of every function."""
        return {
            **{f"{name.upper()}{TABLE}": table.table_name for name, table in self.tables.items()},
            **{
                name: self.queues[queue].queue_url
                for name, queue in QUEUE_URLS.items()
                if queue in self.queues
            },
            **{f"{name.upper()}_FUNCTION": self._invoked_name(name) for name in INVOKED},
            "EVENT_BUS": self.bus.event_bus_name,
            "METRICS_NAMESPACE": self.settings.stack_name,
            "RING_STATE_MACHINE_ARN": RING.arn(self.scope, self.settings),
            "BALANCE_STATE_MACHINE_ARN": BALANCE.arn(self.scope, self.settings),
            "SECRET_ARN": self.secret_arn,
            "WEBSOCKET_API_ID": self.websocket.api_id,
            "WEBSOCKET_STAGE": self.websocket.stage_name,
            **self.settings.environment,
            "ALLOWED_ORIGINS": self.allowed_origins,
        }

    @cached_property
    def grants(self) -> dict[str, Grant]:
        """The rights that ``Access.may`` can name."""
        start = "states:StartExecution"
        return {
            "read-secret": Grant("secretsmanager:GetSecretValue", self.secret_arn),
            "start-ring": Grant(start, RING.arn(self.scope, self.settings)),
            "start-balance": Grant(start, BALANCE.arn(self.scope, self.settings)),
            "put-events": Grant("events:PutEvents", self.bus.event_bus_arn),
            "post": Grant(
                "execute-api:ManageConnections",
                self.websocket.connections_arn,
                {self.websocket.connections_finding: "Connections come and go."},
            ),
            **{
                f"invoke-{name}": Grant("lambda:InvokeFunction", self._invoked_arn(name))
                for name in INVOKED
            },
            **self._for_queues(),
            **(self._for_phones() if self.settings.pushes else {}),
        }

    def _for_queues(self) -> dict[str, Grant]:
        """Return the rights to queues."""
        send = "sqs:SendMessage"  # of which SendMessageBatch is a part
        queues = (*self.queues.values(), *dead_letters(self.scope).values())
        first, *others = (one.queue_arn for one in queues)
        rights = {
            name: Grant(
                send,
                self.queues[queue].queue_arn,
                emulated="sqs:SendMessageBatch" if self.settings.local and name in BATCHES else "",
            )
            for name, queue in SENT_TO.items()
            if queue in self.queues
        }
        if PUBLISHER in self.failed:
            rights[SEND_UNPUBLISHED] = Grant(send, self.failed[PUBLISHER].queue_arn)
        return rights | {READ_QUEUES: Grant("sqs:GetQueueAttributes", first, others=tuple(others))}

    def _for_phones(self) -> dict[str, Grant]:
        """Return the rights to push: on the platform applications that are set, and their
        endpoints.

        https://docs.aws.amazon.com/sns/latest/dg/sns-using-identity-based-policies.html
        """
        application, *applications = self.settings.applications
        resource = ":app/" if self.settings.local else ":endpoint/"  # as the emulator names them
        endpoints = [one.replace(":app/", resource) + "/*" for one in self.settings.applications]
        finding = {
            f"IAM5[Resource::{one}]": "Which devices there will be is not known."
            for one in endpoints
        }
        endpoint, *more = endpoints
        return {
            "create-endpoint": Grant(
                "sns:CreatePlatformEndpoint", application, others=tuple(applications)
            ),
            **{
                grant: Grant(f"sns:{action}", endpoint, finding, others=tuple(more))
                for grant, action in (
                    ("set-endpoint", "SetEndpointAttributes"),
                    ("delete-endpoint", "DeleteEndpoint"),
                    ("publish-push", "Publish"),
                )
            },
        }

    def _invoked_name(self, name: str) -> str:
        """Return the physical name under which other functions invoke a function."""
        (row,) = (row for row in FUNCTIONS if row.name == name)
        alias = f":{ALIAS}" if self.settings.snap_start and row.awaited else ""
        return self.settings.name(name) + alias

    def _invoked_arn(self, name: str) -> str:
        """Return the ARN under which other functions invoke a function.

        The ARN is made from the name, because a function that invokes itself cannot refer to
        itself.
        """
        return cdk.Stack.of(self.scope).format_arn(
            service="lambda",
            resource="function",
            resource_name=self._invoked_name(name),
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )

    def statements(self, row: FunctionSpec) -> Iterable[iam.PolicyStatement]:
        """Yield the statements of a function's role.

        The rights to write its log and its traces and to read its event sources are added
        elsewhere.
        """
        for name, actions in row.access.tables.items():
            table, _, index = name.partition("/")
            if table not in self.tables and table in OPTIONAL:
                continue
            arn = self.tables[table].table_arn
            yield iam.PolicyStatement(
                actions=[f"dynamodb:{action}" for action in actions.split()],
                resources=[f"{arn}/index/{index}" if index else arn],
            )
        for name in row.access.may.split():
            if name not in self.grants and name in OPTIONAL:
                continue
            grant = self.grants[name]
            asked = [one for one in (grant.action, grant.emulated) if one]
            yield iam.PolicyStatement(actions=asked, resources=[grant.resource, *grant.others])
