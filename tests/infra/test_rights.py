"""Each function's role allows what its row declares, and nothing else.

The simulation checks the functions' requests against these rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.functions import FUNCTIONS
from infra.resources import OPTIONAL
from shared.pipeline.deployment import FunctionSpec
from tests.infra.conftest import MADE, Stack, synthesize
from tests.infra.test_stack import plain, statements

Right = tuple[str, str]
"""An action, and its resource in the template."""

GRANTS = {
    "delete-livekit-room": ("sqs:SendMessage", "LIVEKIT_ROOMS_QUEUE_URL", ".Arn"),
    "invoke-disconnect": ("lambda:InvokeFunction", "DISCONNECT_FUNCTION", ""),
    "invoke-opener": ("lambda:InvokeFunction", "OPENER_FUNCTION", ""),
    "invoke-socketio": ("lambda:InvokeFunction", "SOCKETIO_FUNCTION", ""),
    "put-events": ("events:PutEvents", "EVENT_BUS", ".Arn"),
    "read-secret": ("secretsmanager:GetSecretValue", "SECRET_ARN", ""),
    "send-broadcast": ("sqs:SendMessage", "BROADCAST_QUEUE_URL", ".Arn"),
    "send-deadline": ("sqs:SendMessage", "DEADLINES_QUEUE_URL", ".Arn"),
    "send-push": ("sqs:SendMessage", "PUSHES_QUEUE_URL", ".Arn"),
    "send-shard": ("sqs:SendMessage", "SHARDS_QUEUE_URL", ".Arn"),
    "start-balance": ("states:StartExecution", "BALANCE_STATE_MACHINE_ARN", ""),
    "start-ring": ("states:StartExecution", "RING_STATE_MACHINE_ARN", ""),
}
"""The action of each grant, the variable with which code finds its resource, and what the ARN has
behind that."""

ENDPOINTS = {
    "create-endpoint": "sns:CreatePlatformEndpoint",
    "set-endpoint": "sns:SetEndpointAttributes",
    "delete-endpoint": "sns:DeleteEndpoint",
    "publish-push": "sns:Publish",
}
"""The rights on the platform applications of SNS, and on the endpoints of their devices."""

SNS = "arn:aws:sns:us-east-1:123456789012"
ARNS = {
    grant: (
        [f"{SNS}:app/APNS_VOIP/phones", f"{SNS}:app/GCM/phones"]
        if grant == "create-endpoint"
        else [f"{SNS}:endpoint/APNS_VOIP/phones/*", f"{SNS}:endpoint/GCM/phones/*"]
    )
    for grant in ENDPOINTS
}

NOT_DECLARED = {
    "logs", "xray",
    "sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueUrl",
    "sqs:DeleteMessage", "sqs:GetQueueAttributes",
    "dynamodb:ListStreams", "dynamodb:DescribeStream", "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "sqs:SendMessageBatch",
}  # fmt: skip
"""What the CDK adds: logs, traces, reading the event sources, and dead letters. And an action that
only the emulator has."""


def declared(row: FunctionSpec, environment: dict[str, str]) -> Iterator[Right]:
    """Yield the rights of a function, with the resources as its environment names them."""
    pushes = "PUSHES_QUEUE_URL" in environment
    for name, actions in row.access.tables.items():
        if name in OPTIONAL and not pushes:
            continue
        table, _, index = name.partition("/")
        arn = f"{environment[f'{table.upper()}_TABLE']}.Arn" + (f"/index/{index}" if index else "")
        yield from ((f"dynamodb:{action}", arn) for action in actions.split())
    for grant in row.access.may.split():
        if grant == "post":
            yield "execute-api:ManageConnections", "@connections/*"
        elif grant == "read-queues":
            continue  # in NOT_DECLARED, and below
        elif grant in ENDPOINTS:
            yield from ((ENDPOINTS[grant], arn) for arn in ARNS[grant] if pushes)
        elif grant not in OPTIONAL or pushes:
            action, variable, behind = GRANTS[grant]
            yield action, environment[variable] + behind


def allowed(stack: Stack, row: FunctionSpec, environment: dict[str, str]) -> Iterator[Right]:
    """Yield the rights of a function's role."""
    dead_letters = (row.asynchronous or row.streams) and "DeadLetters"
    for id_, actions, resource in statements(stack):
        if not id_.startswith(f"{row.name.title().replace('-', '')}Role"):
            continue
        for action in actions:
            added = {action, action.partition(":")[0]} & NOT_DECLARED
            if added or (dead_letters and dead_letters in resource):
                continue
            if action == "lambda:InvokeFunction":
                yield action, resource.rpartition(":function:")[2]
            elif action == "execute-api:ManageConnections":
                yield action, resource.rpartition("/live/*/")[2]
            else:
                yield action, resource


@pytest.fixture(scope="module")
def pushing(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A stack that pushes to two platforms."""
    applications = {
        "push_apns_voip_arn": f"{SNS}:app/APNS_VOIP/phones",
        "push_fcm_arn": f"{SNS}:app/GCM/phones",
    }
    return synthesize(tmp_path_factory.mktemp("pushing"), ring_by_push="true", **applications)


def test_a_stack_that_pushes_may_use_its_platform_applications_only(pushing: Stack) -> None:
    for row in FUNCTIONS:
        if row.only_with not in ("", "pushes"):
            continue
        variables = pushing.functions()[row.name]["Environment"]["Variables"]
        environment = {name: plain(value) for name, value in variables.items()}
        found = set(allowed(pushing, row, environment))
        assert found == set(declared(row, environment)), row.name
    alarms = {one["AlarmName"] for one in pushing.properties("AWS::CloudWatch::Alarm")}
    of_pushes = {name.partition("-dev-")[2] for name in alarms if "push" in name}
    assert of_pushes == {"dead-letters-pushes", "near-timeout-push", "queue-lag-pushes"}


def test_a_stack_that_does_not_push_has_nothing_of_it(stack: Stack) -> None:
    assert "push" not in stack.functions()
    for kind in ("AWS::SQS::Queue", "AWS::DynamoDB::Table", "AWS::CloudWatch::Alarm"):
        assert [id_ for id_ in stack.of_type(kind) if "Push" in id_ or "Devices" in id_] == []
    assert [one for one in statements(stack) if any("sns:" in action for action in one[1])] == []


@pytest.mark.parametrize("row", MADE, ids=lambda row: row.name)
def test_a_role_allows_what_is_declared(stack: Stack, row: FunctionSpec) -> None:
    variables = stack.functions()[row.name]["Environment"]["Variables"]
    environment = {name: plain(value) for name, value in variables.items()}
    found, wanted = (
        set(allowed(stack, row, environment)),
        set(declared(row, environment)),
    )
    assert found == wanted


def test_the_console_reads_the_sizes_of_all_queues(stack: Stack) -> None:
    readable = {
        resource
        for id_, actions, resource in statements(stack)
        if id_.startswith("HttpRole") and "sqs:GetQueueAttributes" in actions
    }
    queues = {f"{id_}.Arn" for id_ in stack.of_type("AWS::SQS::Queue")}
    assert readable == queues
    variables = stack.functions()["http"]["Environment"]["Variables"]
    named = plain(variables["DEAD_LETTERS"])
    assert {row.name for row in MADE if row.asynchronous or row.streams} == {
        one.partition("=")[0] for one in named.split()
    }
