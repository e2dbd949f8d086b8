"""The queues that functions read, and the layers that functions have, in the template."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.build import KEYS
from infra.settings import BOUNDS
from shared.settings import from_environment
from tests.infra.conftest import MADE, Stack, synthesize
from tests.infra.test_stack import plain, statements

QUEUES = {
    "Broadcasts": ("broadcast", 5, 1),
    "Shards": ("broadcast-shard", 5, 1),
    "Events": ("backend", 6, 10),
    "Deadlines": ("deadline", 5, 10),
    "LivekitRooms": ("livekit-rooms", 8, 10),
}
"""Queue → the function that reads it, the most receives of a message, the messages per batch."""


@pytest.mark.parametrize(
    ("name", "reader", "receives", "batch"), [(one, *QUEUES[one]) for one in QUEUES]
)
def test_messages_stay_hidden_while_they_are_worked_on(
    stack: Stack, name: str, reader: str, receives: int, batch: int
) -> None:
    (source,) = (
        one
        for one in stack.properties("AWS::Lambda::EventSourceMapping")
        if plain(one["EventSourceArn"]).startswith(name)
    )
    function = stack.template["Resources"][source["FunctionName"]["Ref"]]["Properties"]
    assert function["FunctionName"] == f"switchboard-dev-{reader}"
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["BatchSize"] == batch
    queues = stack.of_type("AWS::SQS::Queue")
    queue = queues[plain(source["EventSourceArn"]).removesuffix(".Arn")]["Properties"]
    timeout = stack.functions()[reader]["Timeout"]
    if queue.get("FifoQueue"):
        # A death holds up the message's group for this long. It must be longer than the function
        # runs, or a message would be handled twice at the same time; and shorter than the five
        # minutes for which SQS recognizes a message that the second run sends again.
        assert timeout + 30 <= queue["VisibilityTimeout"] < 5 * 60
        assert source["BatchSize"] == 1, "no message waits for others of its batch"
        assert source["ScalingConfig"]["MaximumConcurrency"], "Lambda receives no more than it runs"
    elif name == "Events":
        # An event may be handled twice at the same time, and people wait for what it tells.
        assert timeout + 30 <= queue["VisibilityTimeout"] <= 60
    else:
        assert queue["VisibilityTimeout"] >= 6 * timeout
    assert queue["RedrivePolicy"]["maxReceiveCount"] == receives
    assert plain(queue["RedrivePolicy"]["deadLetterTargetArn"]).removesuffix(".Arn") in queues


def test_no_queue_can_use_up_the_account_s_concurrency(stack: Stack) -> None:
    found = {
        stack.template["Resources"][one["FunctionName"]["Ref"]]["Properties"]["FunctionName"]: one
        for one in stack.properties("AWS::Lambda::EventSourceMapping")
        if "BatchSize" in one and "StartingPosition" not in one
    }
    at_once = {name.partition("-dev-")[2]: one["ScalingConfig"] for name, one in found.items()}
    expected = {row.name: {"MaximumConcurrency": row.at_once} for row in MADE if row.takes}
    assert at_once == expected
    assert sum(row.at_once or 0 for row in MADE) <= 50


def test_concurrency_is_reserved_on_request(stack: Stack, tmp_path: Path) -> None:
    reserved = "ReservedConcurrentExecutions"
    assert not any(reserved in one for one in stack.functions().values())
    asked = synthesize(tmp_path, local="true", disconnects_at_once="100").functions()
    assert {name: one[reserved] for name, one in asked.items() if reserved in one} == {
        "disconnect": 100
    }


def test_functions_that_end_calls_queue_livekit_rooms_and_one_function_reads_them(
    stack: Stack,
) -> None:
    allowed: dict[str, set[str]] = {}
    for id_, actions, resource in statements(stack):
        if resource.startswith("LivekitRooms") and "DeadLetters" not in resource:
            allowed.setdefault(id_.partition("Role")[0], set()).update(actions)
    senders = {name for name, actions in allowed.items() if actions == {"sqs:SendMessage"}}
    assert senders == {"BalanceDue", "Calls", "Disconnect", "Socketio", "Sweep"}
    assert allowed.keys() - senders == {"Http", "LivekitRooms"}
    assert allowed["Http"] == {"sqs:SendMessage", "sqs:GetQueueAttributes"}
    assert "sqs:ChangeMessageVisibility" in allowed["LivekitRooms"], (
        "it postpones messages that failed"
    )
    assert "sqs:SendMessage" not in allowed["LivekitRooms"]


def test_the_rooms_function_outlasts_livekit_and_the_secret(stack: Stack) -> None:
    variables = stack.functions()["livekit-rooms"]["Environment"]["Variables"]
    settings = from_environment({name: plain(value) for name, value in variables.items()})
    longest = BOUNDS["livekit_timeout_seconds"][1]
    assert settings.livekit_timeout_seconds <= longest
    fetch = 2 * settings.secret_timeout_seconds + 1  # two attempts and a pause between them
    assert stack.functions()["livekit-rooms"]["Timeout"] > longest + fetch
    last = settings.livekit_retry_seconds << QUEUES["LivekitRooms"][1] - 1
    assert last < 12 * 3_600


def test_dead_letters_are_kept_for_two_weeks(stack: Stack) -> None:
    kept = {
        id_: one["Properties"].get("MessageRetentionPeriod")
        for id_, one in stack.of_type("AWS::SQS::Queue").items()
        if "DeadLetters" in id_
    }
    retrying = [bool(one) for row in MADE for one in (row.asynchronous, row.streams, row.takes)]
    assert len(kept) == sum(retrying)
    assert set(kept.values()) == {14 * 24 * 3600}


def layers(stack: Stack) -> dict[str, list[str]]:
    """Return function → its layers, without the hash in their ids."""
    return {
        name: sorted(layer["Ref"][:-8] for layer in one.get("Layers", ()))
        for name, one in stack.functions().items()
    }


def test_only_aws_has_layers_and_only_the_rooms_function_has_livekit_s(
    aws: Stack, local: Stack
) -> None:
    expected = {row.name: ["Packages"] for row in MADE} | {"livekit-rooms": ["LiveKit", "Packages"]}
    assert layers(aws) == expected
    assert len(aws.of_type("AWS::Lambda::LayerVersion")) == 2
    assert not any(layers(local).values())


def test_functions_that_check_tokens_get_the_keys_layer_if_keys_are_published(
    tmp_path: Path,
) -> None:
    given = {
        "jwks_url": "https://issuer.example/jwks.json",
        "jwt_issuer": "https://issuer.example/",
        "jwt_audience": "calls",
    }
    keys = synthesize(tmp_path, **given)
    found = layers(keys)
    with_keys = {name for name in found if "Keys" in found[name]}
    assert with_keys == {row.name for row in MADE if KEYS in row.layers}
    assert with_keys >= {"connect", "socketio", "http"}
    assert len(keys.of_type("AWS::Lambda::LayerVersion")) == 3
    for one in keys.functions().values():
        variables = one["Environment"]["Variables"]
        assert {name: variables[name.upper()] for name in given} == given
