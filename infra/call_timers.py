"""The timers of calls: two state machines of one definition. Each waits, reads the row of a call,
and invokes a function if the call is still in the status that the timer is for.

The ring timer ends a call that still rings. The balance timer warns and ends a call that the user
cannot pay for any longer. ``shared/calling/ring.py`` is the contract about the row and the
attributes that they read.

The ring timer is an Express state machine, at about a third of the price of Standard. Per million
calls of 30 s, us-east-1,
https://aws.amazon.com/step-functions/pricing/:

- Express: 1,000,000 * $1.00/million + 1,000,000 * 30 s * 64 MB * $0.00001667/GB-s = $1 + $31 = $32
- Standard: 1,000,000 * 4 transitions (wait, read, choice, done) * $25/million = $100

Express has disadvantages: an execution ends after five minutes (hence the bound on
``ring_timeout_seconds``), runs *at least* once, and two starts under one name are two executions.
The timeout of a call is a conditional write, so the second execution changes nothing.
https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html

A call may last longer than five minutes, so the balance timer is Standard.
"""

from __future__ import annotations

from dataclasses import dataclass
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
from shared.calling import ring

DEFINITION = Path(__file__).with_name("call_timer.asl.json")


@dataclass(frozen=True)
class Timer:
    """A timer.

    name: the name of the state machine, without the stack's name in front.
    status: the status of a call in which the timer acts.
    function: the function that it invokes then.
    express: whether the state machine is Express.
    """

    name: str
    status: str
    function: str
    express: bool

    def arn(self, scope: Construct, settings: StackSettings) -> str:
        """Return the timer's ARN, made from its name.

        The functions that the timer invokes have this ARN in their settings, so a reference to the
        timer would be circular.
        """
        return cdk.Stack.of(scope).format_arn(
            service="states",
            resource="stateMachine",
            resource_name=settings.name(self.name),
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )


RING = Timer("ring", ring.RINGING, "ring-timeout", express=True)
BALANCE = Timer("balance", ring.ACCEPTED, "balance-due", express=False)


def make_timer(
    scope: Construct,
    settings: StackSettings,
    timer: Timer,
    people: dynamodb.Table,
    function: lambda_.IFunction,
) -> sfn.StateMachine:
    """Make a timer. ``function`` is the function that it names."""
    id_, name = timer.name.title(), settings.name(timer.name)
    # The prefix keeps the log's resource policy under its size limit:
    # https://docs.aws.amazon.com/step-functions/latest/dg/bp-cwl.html
    log = make_log_group(scope, f"{id_}Log", settings, f"/aws/vendedlogs/states/{name}")
    types = sfn.StateMachineType
    made = sfn.StateMachine(
        scope,
        id_,
        state_machine_name=name,
        state_machine_type=types.EXPRESS if timer.express else types.STANDARD,
        definition_body=sfn.DefinitionBody.from_string(DEFINITION.read_text()),
        definition_substitutions={
            "PeopleTable": people.table_name,
            "Status": timer.status,
            "Function": function.function_arn,
        },
        logs=sfn.LogOptions(destination=log, level=sfn.LogLevel.ERROR),
        tracing_enabled=settings.traces,
    )
    for action, resource in (
        ("dynamodb:GetItem", people.table_arn),
        ("lambda:InvokeFunction", function.function_arn),
    ):
        made.add_to_role_policy(iam.PolicyStatement(actions=[action], resources=[resource]))
    acknowledge(
        made,
        {
            "SF1": "Errors only: a log line for every state of every answered call would cost more "
            "than the timer itself.",
            "IAM5[Resource::*]": "Log delivery and X-Ray take no resource.",
            **({} if settings.traces else {"SF2": "A choice: traces is false."}),
        },
    )
    return made
