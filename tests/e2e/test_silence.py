"""Tests that the terminal shows every failure of a function."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from shared.errors import INTERNAL
from shared.identity.accounts import Account
from tests.e2e import backstage
from tests.e2e.client_js import NodeDriver
from tests.e2e.client_python import Loop
from tests.e2e.clients import Client
from tests.e2e.people import People
from tests.e2e.stack import Stack
from tests.e2e.waiting import until
from tests.e2e.world import World

FAILED = {"error": {"message": INTERNAL}}
WHOLE_SECONDS = 0.5
"""How long to wait after the first line of a failure, for its other lines, and for a second failure
that must not be shown."""

TIMED_OUT = "Task timed out after"
INITIATE = "!! socketio  call:initiate  "


@pytest.fixture
def world(stack: Stack, people: People, driver: NodeDriver, loop: Loop) -> Iterator[World]:
    world = World(stack, people, driver, loop)
    yield world
    for client in world.clients:
        client.leave()


def shown(stack: Stack, before: list[str], beginning: str, excused: str = TIMED_OUT) -> str:
    """Wait for the only failure that is shown after those in ``before``, and return it.

    excused: what another failure may contain. A worker that starts slowly may time out for another
        frame besides.
    """

    def fresh() -> list[str]:
        blocks = stack.shown()[len(before) :]
        return [one for one in blocks if one.startswith(beginning) or excused not in one]

    until(lambda: bool(fresh()), "the failure is shown")
    time.sleep(WHOLE_SECONDS)
    blocks = fresh()
    assert len(blocks) == 1, "\n".join(blocks)
    assert blocks[0].startswith(beginning), blocks[0]
    return blocks[0]


def user_and_call(world: World, kind: str = "js") -> tuple[Client, dict[str, Any]]:
    """Connect a user and a telecaller.

    Returns the user's client and the payload with which it calls the telecaller.
    """
    callee, _ = world.telecaller()
    _, user = world.user(kind)
    return user, {"telecallerId": callee.id, "callType": "AUDIO"}


@contextmanager
def without(stack: Stack, function: str, action: str, resource: str) -> Iterator[None]:
    """Deny a function one action on resources with ``resource`` in their ARN, in the block."""
    name = f"{backstage.PREFIX}-{function}"
    found = stack.client("lambda").get_function_configuration(FunctionName=name)
    iam, role = stack.client("iam"), found["Role"].rsplit("/", 1)[1]
    (policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    whole = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    deny = {"Effect": "Deny", "Action": action, "Resource": f"arn:aws:*{resource}*"}

    def put(document: dict[str, Any]) -> None:
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))

    put({**whole, "Statement": [*whole["Statement"], deny]})
    try:
        yield
    finally:
        put(whole)


@pytest.mark.parametrize(("kind", "function"), [("js", "socketio"), ("native", "calls")])
def test_an_exception_in_a_handler_is_shown(
    stack: Stack, world: World, kind: str, function: str
) -> None:
    user, call = user_and_call(world, kind)
    before = stack.shown()
    with backstage.settings_of(stack, function, fault="raise"):
        assert user.ask("call:initiate", call) == FAILED
    block = shown(stack, before, f"!! {function}  call:initiate  ")
    line = stack.wait_logged(function, level="ERROR", event_name="call:initiate")
    assert block.splitlines()[0].endswith(line["correlation_id"])
    assert "   Traceback (most recent call last):" in block
    assert '"functions/calls/initiating.py", line' in block
    assert block.count("LookupError: a fault of this test") == 1


def test_a_missing_right_is_shown(stack: Stack, world: World) -> None:
    user, call = user_and_call(world)
    before = stack.shown()
    with without(stack, "socketio", "dynamodb:GetItem", stack.environment["PEOPLE_TABLE"]):
        assert user.ask("call:initiate", call) == FAILED
    block = shown(stack, before, INITIATE)
    assert "Traceback" in block
    assert "AccessDenied" in block
    assert "dynamodb:GetItem" in block


def test_a_missing_right_to_disconnect_a_device_is_shown(stack: Stack, world: World) -> None:
    """One device of the telecaller is gone. The others ring nevertheless."""
    callee, telecaller = world.telecaller()
    _, user = world.user()
    add_device(stack, callee, "none")
    before = stack.shown()
    with without(stack, "socketio", "lambda:InvokeFunction", "disconnect"):
        answer = user.ask("call:initiate", {"telecallerId": callee.id, "callType": "AUDIO"})
    assert telecaller.wait("call:incoming")["callId"] == answer["callId"]
    assert "AccessDenied" in shown(stack, before, INITIATE)


def add_device(stack: Stack, account: Account, connection_id: str) -> None:
    stack.dynamodb.update_item(
        TableName=stack.facts["outputs"]["PeopleTable"],
        Key={"person": {"S": f"/telecaller#{account.id}"}},
        UpdateExpression="ADD connections :it",
        ExpressionAttributeValues={":it": {"SS": [f"s:{connection_id}"]}},
    )


def test_a_missing_right_to_post_is_shown(stack: Stack, world: World) -> None:
    """The call rings, and its parties receive no event."""
    user, call = user_and_call(world)
    before = stack.shown()
    with without(stack, "socketio", "execute-api:ManageConnections", "@connections"):
        user.emit("call:initiate", call)
        block = shown(stack, before, INITIATE, excused="POST 403")
    assert "event not delivered" in block
    assert "POST 403" in block
    assert "execute-api:ManageConnections" in block


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("exit", "Worker process died (exit code 7)"),
        ("hang", f"{TIMED_OUT} 2.00 seconds"),
    ],
)
def test_a_worker_that_ends_is_shown(stack: Stack, world: World, fault: str, reason: str) -> None:
    user, call = user_and_call(world)
    before = stack.shown()
    name = f"{backstage.PREFIX}-socketio"
    api = stack.client("lambda")
    timeout = api.get_function_configuration(FunctionName=name)["Timeout"]
    api.update_function_configuration(FunctionName=name, Timeout=2)
    try:
        with backstage.settings_of(stack, "socketio", fault=fault):
            user.emit("call:initiate", call)
            block = shown(stack, before, INITIATE)
    finally:
        api.update_function_configuration(FunctionName=name, Timeout=timeout)
    heading, message, *trace = block.splitlines()
    assert len(heading.removeprefix(INITIATE)) == 36
    assert message == f"   {reason}"
    assert any("faults.py" in line and line.endswith(" in fail") for line in trace), block


def test_a_function_that_cannot_be_imported_is_shown(stack: Stack) -> None:
    before = stack.shown()
    name = f"{backstage.PREFIX}-bookings"
    api = stack.client("lambda")
    handler = api.get_function_configuration(FunctionName=name)["Handler"]
    api.update_function_configuration(FunctionName=name, Handler="functions.nowhere.handler")
    try:
        answer = api.invoke(FunctionName=name, Payload=b"{}")
        assert "FunctionError" in answer
    finally:
        api.update_function_configuration(FunctionName=name, Handler=handler)
    block = shown(stack, before, "!! bookings  ")
    assert "   Worker init failed: No module named 'functions.nowhere'" in block
    assert "   Traceback (most recent call last):" in block


def test_the_terminal_names_the_file_with_the_whole_log(stack: Stack) -> None:
    (path,) = (line.strip() for line in stack.terminal if "functions.log" in line)
    lines = (stack.work / "functions.log").read_text().splitlines()
    assert path == str(stack.work / "functions.log")
    assert any(line.startswith("switchboard-dev-socketio[") for line in lines)
