"""The ring timer: a state machine that waits, reads a row, and ends a call if it still rings.

``shared/calling/ring.py`` is the contract about the row and the attributes that it reads.

It is an Express state machine, at about a third of the price of Standard. Per million calls of
30 s, us-east-1,
https://aws.amazon.com/step-functions/pricing/:

- Express: 1,000,000 * $1.00/million + 1,000,000 * 30 s * 64 MB * $0.00001667/GB-s = $1 + $31 = $32
- Standard: 1,000,000 * 4 transitions (ring, read, choice, done) * $25/million = $100

Express has disadvantages: an execution ends after five minutes (hence the bound on
``ring_timeout_seconds``), runs *at least* once, and two starts under one name are two executions.
The timeout of a call is a conditional write, so the second execution changes nothing.
https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
"""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.logs import make_log_group
from infra.nag import acknowledge
from infra.settings import StackSettings

DEFINITION = Path(__file__).with_name("ring.asl.json")
NAME = "ring"


def ring_arn(scope: Construct, settings: StackSettings) -> str:
    """Return the timer's ARN, made from its name.

    The timer's last step invokes a function that has this ARN in its settings, so a reference to
    the timer would be circular.
    """
    return cdk.Stack.of(scope).format_arn(
        service="states",
        resource="stateMachine",
        resource_name=settings.name(NAME),
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )


def make_ring(
    scope: Construct, settings: StackSettings, people: dynamodb.Table, timeout: lambda_.IFunction
) -> sfn.StateMachine:
    """Make the ring timer. ``timeout`` is the function that it invokes if a call still rings."""
    name = settings.name(NAME)
    # The prefix keeps the log's resource policy under its size limit:
    # https://docs.aws.amazon.com/step-functions/latest/dg/bp-cwl.html
    log = make_log_group(scope, "RingLog", settings, f"/aws/vendedlogs/states/{name}")
    ring = sfn.StateMachine(
        scope,
        "Ring",
        state_machine_name=name,
        state_machine_type=sfn.StateMachineType.EXPRESS,
        definition_body=sfn.DefinitionBody.from_string(DEFINITION.read_text()),
        definition_substitutions={
            "PeopleTable": people.table_name,
            "CallTimeoutFunction": timeout.function_arn,
        },
        logs=sfn.LogOptions(destination=log, level=sfn.LogLevel.ERROR),
        tracing_enabled=settings.traces,
    )
    for action, resource in (
        ("dynamodb:GetItem", people.table_arn),
        ("lambda:InvokeFunction", timeout.function_arn),
    ):
        ring.add_to_role_policy(iam.PolicyStatement(actions=[action], resources=[resource]))
    acknowledge(
        ring,
        {
            "SF1": "Errors only: a log line for every state of every answered call would cost more "
            "than the timer itself.",
            "IAM5[Resource::*]": "Log delivery and X-Ray take no resource.",
            **({} if settings.traces else {"SF2": "A choice: traces is false."}),
        },
    )
    return ring
