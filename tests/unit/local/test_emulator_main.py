"""What is left out of the emulator, in its pinned version only."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from ministack.core import iam_evaluator  # type: ignore[import-untyped]
from ministack.core.lambda_runtime import Worker  # type: ignore[import-untyped]
from ministack.services import dynamodb  # type: ignore[import-untyped]

from local import emulator_main

PATCHES = {
    emulator_main.wait_for_no_log: (Worker, "_drain_stderr_bounded"),
    emulator_main.parse_policies_once: (iam_evaluator, "parse_policy_document"),
    emulator_main.split_expressions_once: (dynamodb, "_tokenize"),
    emulator_main.copy_rows_quickly: (dynamodb, "copy"),
}


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name in PATCHES.values():
        monkeypatch.setattr(owner, name, getattr(owner, name))


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.__name__)
def test_another_version_of_the_emulator_is_refused(
    monkeypatch: pytest.MonkeyPatch, patch: Callable[[], None]
) -> None:
    monkeypatch.setattr(*PATCHES[patch], lambda self, patience=1: "")
    with pytest.raises(RuntimeError, match="another ministack"):
        patch()


def test_an_invocation_returns_the_lines_that_are_there_and_waits_for_no_other() -> None:
    emulator_main.wait_for_no_log()
    worker = Worker("function", {}, b"")
    worker._stderr_queue.put("a line")
    assert worker._drain_stderr_bounded() == "a line"
    assert worker._drain_stderr_bounded(first_line_wait=60) == ""


def test_the_same_policy_is_parsed_once() -> None:
    emulator_main.parse_policies_once()
    parse = iam_evaluator.parse_policy_document
    policy = {"Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}
    first = parse(json.dumps(policy))
    assert parse(json.dumps(policy)) is first
    assert parse(policy) == first
    assert parse("no policy") == []


def test_a_change_of_tokens_changes_no_later_ones() -> None:
    split = dynamodb._tokenize
    emulator_main.split_expressions_once()
    dynamodb._tokenize("SET #0 = :0").clear()
    assert dynamodb._tokenize("SET #0 = :0") == split("SET #0 = :0")


@pytest.mark.parametrize(
    "row",
    [
        {"id": {"S": "ü"}, "list": {"L": [{"N": "1"}, {"NULL": True}]}, "bytes": {"B": "AA=="}},
        defaultdict(dict, {"part": {"sort": {"id": {"S": "a"}}}}),
        None,
    ],
)
def test_a_copied_row_shares_nothing(row: Any) -> None:
    emulator_main.copy_rows_quickly()
    made = dynamodb.copy.deepcopy(row)
    assert made == row
    assert type(made) is type(row)
    for name in row or ():
        assert made[name] is not row[name]
