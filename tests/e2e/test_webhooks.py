"""The examples of docs/events.md, on the emulator: an event arrives at an HTTP endpoint.

The emulator's CloudFormation has no API destinations, so these are made with the events' own API
from the properties in the template. Its endpoints may be plain HTTP; those of AWS may not.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode import decode  # type: ignore[import-untyped]

from tests.e2e.calls import answer, ring
from tests.e2e.stack import ROOT, Stack
from tests.e2e.waiting import until
from tests.e2e.world import World
from tests.unit.http_server import ScriptedServer, serving

EXAMPLES = ROOT / "docs" / "examples"
KEY = "abcdefghijklmnopqrstuvwxyz012345"
Received = tuple[str, str, bytes, dict[str, str]]


@pytest.fixture
def endpoint() -> Iterator[ScriptedServer]:
    with serving() as server:
        yield server


def resources(path: Path) -> dict[str, dict[str, Any]]:
    """Return the properties of the resources of a template, by their names."""
    template, _ = decode(str(path))
    return {name: one.get("Properties", {}) for name, one in template["Resources"].items()}


def end_a_call(world: World) -> str:
    _, user = world.user()
    callee, telecaller = world.telecaller()
    call_id = ring(user, telecaller, callee)
    answer(user, telecaller, call_id)
    assert user.ask("call:end", {"callId": call_id}) is None
    return call_id


def about(endpoint: ScriptedServer, call_id: str) -> list[Received]:
    """Return the requests about a call that have arrived so far."""
    return [one for one in list(endpoint.asked) if call_id.encode() in one[2]]


def test_an_api_destination_delivers_an_event(
    world: World, stack: Stack, endpoint: ScriptedServer
) -> None:
    made = resources(EXAMPLES / "webhook.yaml")
    events, name = stack.client("events"), f"webhook-{uuid.uuid4().hex[:8]}"
    parameters = made["Connection"]["AuthParameters"]["ApiKeyAuthParameters"]
    connection = events.create_connection(
        Name=name,
        AuthorizationType=made["Connection"]["AuthorizationType"],
        AuthParameters={"ApiKeyAuthParameters": dict(parameters) | {"ApiKeyValue": "the key"}},
    )
    destination = events.create_api_destination(
        Name=name,
        ConnectionArn=connection["ConnectionArn"],
        HttpMethod=made["Destination"]["HttpMethod"],
        InvocationEndpoint=f"{endpoint.url}/hook",
    )
    bus, (target,) = stack.facts["outputs"]["EventBus"], made["Rule"]["Targets"]
    pattern = json.dumps(made["Rule"]["EventPattern"])
    events.put_rule(Name=name, EventBusName=bus, EventPattern=pattern)
    to = {
        "Id": target["Id"],
        "Arn": destination["ApiDestinationArn"],
        "RoleArn": "arn:aws:iam::000000000000:role/any",
        "HttpParameters": target["HttpParameters"],
    }
    events.put_targets(Rule=name, EventBusName=bus, Targets=[to])
    call_id = end_a_call(world)
    until(lambda: bool(about(endpoint, call_id)), "the webhook")
    events.remove_targets(Rule=name, EventBusName=bus, Ids=[target["Id"]])
    (method, path, body, headers), *_ = about(endpoint, call_id)
    event = json.loads(body)
    assert (method, path, headers["x-api-key"]) == ("POST", "/hook", "the key")
    assert (event["source"], event["detail-type"]) == ("switchboard", "call.ended")
    assert event["detail"]["data"]["callId"] == call_id
    assert headers["x-event-id"] == event["detail"]["id"]


def test_a_function_of_the_team_signs_an_event(
    world: World, stack: Stack, endpoint: ScriptedServer
) -> None:
    cloudformation, name = stack.client("cloudformation"), f"signed-{uuid.uuid4().hex[:8]}"
    template = (EXAMPLES / "signed-webhook.yaml").read_text()
    parameters = {"Bus": stack.facts["outputs"]["EventBus"], "Endpoint": f"{endpoint.url}/hook"}
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=template.replace("^https://", "^http://"),
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ],
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1}
    )
    (made,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    (output,) = made["Outputs"]
    # The emulator generates punctuation also where the template excludes it.
    stack.client("secretsmanager").put_secret_value(
        SecretId=output["OutputValue"], SecretString=KEY
    )
    call_id = end_a_call(world)
    until(lambda: bool(about(endpoint, call_id)), "the webhook")
    cloudformation.delete_stack(StackName=name)
    (method, path, body, headers), *_ = about(endpoint, call_id)
    assert (method, path) == ("POST", "/hook")
    assert verified(f"whsec_{KEY}", headers, body)
    assert not verified(f"whsec_{KEY}", headers, body + b" ")
    sent = json.loads(body)
    assert sent.keys() == {"type", "timestamp", "data"}
    assert (sent["type"], sent["data"]["callId"]) == ("call.ended", call_id)


def verified(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """Verify a signature as a receiver does, by the text of the Standard Webhooks."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(
        hmac.compare_digest(one, f"v1,{expected}")
        for one in headers["webhook-signature"].split(" ")
    )
