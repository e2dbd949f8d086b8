"""The way of a backend's event: bus, rule, queue, function, and the dead letters of failures."""

from __future__ import annotations

from shared.ports import OWN_SOURCE
from tests.infra.conftest import Stack
from tests.infra.test_stack import plain, statements


def test_every_event_of_others_on_the_bus_goes_to_the_queue(stack: Stack) -> None:
    ((bus, made),) = stack.of_type("AWS::Events::EventBus").items()
    assert made["Properties"]["Name"] == "switchboard-dev"
    (rule,) = (
        one
        for one in stack.properties("AWS::Events::Rule")
        if one.get("EventBusName") == {"Ref": bus}
    )
    # What the stack itself puts on the bus does not come back to it.
    others = [{"anything-but": [OWN_SOURCE]}]
    assert rule["EventPattern"] == {"account": [{"Ref": "AWS::AccountId"}], "source": others}
    (target,) = rule["Targets"]
    queues = stack.of_type("AWS::SQS::Queue")
    queue = queues[plain(target["Arn"]).removesuffix(".Arn")]["Properties"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 6
    failed = plain(queue["RedrivePolicy"]["deadLetterTargetArn"])
    assert plain(target["DeadLetterConfig"]["Arn"]) == failed
    # SQS redrives only what came from a queue. docs/operations.md says how the rest is sent again,
    # as it is: the queue receives the whole event.
    assert not target.keys() & {"Input", "InputPath", "InputTransformer"}
    (source,) = (
        one
        for one in stack.properties("AWS::Lambda::EventSourceMapping")
        if plain(one["EventSourceArn"]) == plain(target["Arn"])
    )
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    function = stack.template["Resources"][source["FunctionName"]["Ref"]]["Properties"]
    assert function["FunctionName"] == "switchboard-dev-backend"


def test_only_http_puts_events_on_the_bus(stack: Stack) -> None:
    allowed = [id_ for id_, actions, _ in statements(stack) if "events:PutEvents" in actions]
    assert len(allowed) == 1
    assert allowed[0].startswith("HttpRole")
