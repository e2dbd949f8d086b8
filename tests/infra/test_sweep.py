"""The sweep's schedule, its index and its permissions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import fields

from infra.settings import BOUNDS, SWEEP_SECONDS, SettingError, from_context
from shared.settings import Settings
from tests.infra.conftest import Stack, synthesize
from tests.infra.test_stack import plain, slowest, statements


def connections_table(stack: Stack) -> dict[str, Any]:
    (table,) = (
        one["Properties"]
        for id_, one in stack.of_type("AWS::DynamoDB::Table").items()
        if id_.startswith("TablesConnections")
    )
    properties: dict[str, Any] = table
    return properties


def schedules(stack: Stack) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = list(stack.properties("AWS::Events::Rule"))
    return [rule for rule in rules if "ScheduleExpression" in rule]


def test_the_sweep_runs_once_a_minute(stack: Stack) -> None:
    (rule,) = schedules(stack)
    assert rule["ScheduleExpression"] == "rate(1 minute)"
    assert rule["State"] == "ENABLED"
    for part, target in enumerate(rule["Targets"]):
        function = stack.template["Resources"][plain(target["Arn"]).removesuffix(".Arn")]
        assert function["Properties"]["FunctionName"] == "switchboard-dev-sweep"
        assert json.loads(target["Input"]) == {"part": part, "parts": len(rule["Targets"])}
        assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 1}


PINGS_A_SWEEP = 15_000
"""How many pings one part of a sweep makes in its time: docs/liveness.md."""


def test_the_sweep_suffices_for_a_hundred_thousand_connections(stack: Stack) -> None:
    (rule,) = schedules(stack)
    (period,) = (one.default for one in fields(Settings) if one.name == "ping_period_seconds")
    assert len(rule["Targets"]) * PINGS_A_SWEEP >= 100_000 * SWEEP_SECONDS / period


def test_a_sweep_ends_before_the_next_begins(stack: Stack) -> None:
    timeout = stack.functions()["sweep"]["Timeout"]
    assert timeout < SWEEP_SECONDS
    assert timeout > BOUNDS["sweep_seconds"][1] + slowest(stack).longest_post_seconds


def test_the_index_of_due_connections_holds_keys_only(stack: Stack) -> None:
    table = connections_table(stack)
    (index,) = table["GlobalSecondaryIndexes"]
    assert index == {
        "IndexName": "due",
        "KeySchema": [
            {"AttributeName": "dueShard", "KeyType": "HASH"},
            {"AttributeName": "dueAt", "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    kinds = {one["AttributeName"]: one["AttributeType"] for one in table["AttributeDefinitions"]}
    assert kinds == {"connectionId": "S", "dueShard": "S", "dueAt": "N"}


def test_the_sweep_may_use_its_own_tables_and_those_that_products_ask_for(stack: Stack) -> None:
    found = {
        (action, resource)
        for id_, actions, resource in statements(stack)
        for action in actions
        if id_.startswith("SweepRole") and action.startswith("dynamodb:")
    }
    tables: dict[str, set[str]] = {}
    for action, resource in found:
        name = resource.removeprefix("Tables").partition(".")
        key = name[0][:-8].lower() + name[2].removeprefix("Arn")
        tables.setdefault(key, set()).add(action.removeprefix("dynamodb:"))
    own = {
        "connections": {"BatchGetItem", "UpdateItem"},
        "connections/index/due": {"Query"},
        "accounts": {"GetItem"},
        "rooms": {"Query"},
        "counts": {"GetItem", "UpdateItem"},
    }
    assert {name: tables[name] for name in own} == own
    assert tables["people"] >= {"BatchGetItem", "GetItem", "UpdateItem"}


def test_pings_do_not_wake_the_function_that_follows_connections(stack: Stack) -> None:
    filters = {
        plain(one["EventSourceArn"]).removeprefix("Tables")[:-18]: one.get("FilterCriteria")
        for one in stack.properties("AWS::Lambda::EventSourceMapping")
        if plain(one["EventSourceArn"]).endswith(".StreamArn")
    }
    only = {
        table: json.loads(one["Pattern"])["eventName"]
        for table, found in filters.items()
        if found
        for one in found["Filters"]
    }
    assert only == {
        "Connections": ["INSERT", "REMOVE"],
        "Calls": ["INSERT"],
        "Messages": ["INSERT"],
        "Bookingmessages": ["INSERT"],
    }


@pytest.mark.parametrize(
    ("context", "sentence"),
    [
        ({"ping_period_seconds": "9"}, "ping_period_seconds is between 10 and 480."),
        (
            {"ping_period_seconds": "241"},
            "ping_period_seconds is at least 60 s less than ping_interval_ms announces.",
        ),
        ({"sweep_seconds": "31"}, "sweep_seconds is between 1 and 30."),
        ({"due_shards": "0"}, "due_shards is between 1 and 64."),
        ({"unauthenticated_seconds": "4"}, "unauthenticated_seconds is between 5 and 600."),
        ({"repair_every_minutes": "0"}, "repair_every_minutes is between 1 and 1440."),
    ],
)
def test_settings_that_would_lose_clients_are_refused(
    context: dict[str, str], sentence: str
) -> None:
    with pytest.raises(SettingError) as refused:
        from_context(context)
    assert str(refused.value) == sentence


def test_a_longer_period_goes_with_a_longer_interval() -> None:
    given = {"ping_period_seconds": "480", "ping_interval_ms": "600000"}
    assert from_context(given).environment["PING_PERIOD_SECONDS"] == "480"


def test_the_parts_of_a_sweep_are_targets_of_one_rule(tmp_path: Path) -> None:
    stack = synthesize(tmp_path, sweep_parts="5", local="true")
    (rule,) = schedules(stack)
    inputs = [json.loads(target["Input"]) for target in rule["Targets"]]
    assert inputs == [{"part": part, "parts": 5} for part in range(5)]
