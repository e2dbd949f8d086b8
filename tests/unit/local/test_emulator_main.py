"""What is left out of the emulator, in its pinned version only."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from ministack import app  # type: ignore[import-untyped]
from ministack.core import iam_evaluator  # type: ignore[import-untyped]
from ministack.core.lambda_runtime import Worker  # type: ignore[import-untyped]
from ministack.services import dynamodb  # type: ignore[import-untyped]

from local import emulator_main

PATCHES = {
    emulator_main.wait_for_no_log: (Worker, "_drain_stderr_bounded"),
    emulator_main.work_out_once: (iam_evaluator, "parse_policy_document"),
    emulator_main.find_caller_once: (iam_evaluator, "resolve_principal"),
    emulator_main.answer_as_to_an_sdk: (app, "_dispatch_service_request"),
    emulator_main.split_expressions_once: (dynamodb, "_tokenize"),
    emulator_main.copy_rows_quickly: (dynamodb, "copy"),
}


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    pure = ((module, name) for module, name, _ in emulator_main.PURE)
    for owner, name in (*PATCHES.values(), *pure):
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
    emulator_main.work_out_once()
    parse = iam_evaluator.parse_policy_document
    policy = {"Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}
    first = parse(json.dumps(policy))
    assert parse(json.dumps(policy)) is first
    assert parse(policy) == first
    assert parse("no policy") == []


def test_a_value_that_is_no_text_is_worked_out_too() -> None:
    emulator_main.work_out_once()
    assert dynamodb._number_error("1") is None
    assert dynamodb._number_error(["1"])


def test_a_caller_is_found_once_for_each_request(monkeypatch: pytest.MonkeyPatch) -> None:
    found = iter(range(9))
    monkeypatch.setattr(
        iam_evaluator,
        "resolve_principal",
        lambda access_key_id, account_id, credential=None: next(found),
    )
    emulator_main.find_caller_once()
    find = iam_evaluator.resolve_principal
    assert [find("key", "account"), find("key", "account")] == [0, 1]  # no request is signed
    for first in (2, 4):
        request = iam_evaluator.SignedRequest("key", "POST", "/", {}, {})
        iam_evaluator._signed_request.set(request)
        assert [find("key", "account"), find("key", "account", "verified")] == [first, first]
        assert find("another", "account") == first + 1
    iam_evaluator._signed_request.set(None)


@pytest.mark.parametrize("headers", [{}, {"origin": "http://page"}])
async def test_only_a_browser_gets_headers_for_browsers(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    async def dispatch(*_: Any, **__: Any) -> Any:
        return 200, {"Content-Type": "text/plain", "Access-Control-Allow-Origin": "*"}, b""

    monkeypatch.setattr(emulator_main, "expect", lambda *_, **__: None)
    monkeypatch.setattr(app, "_dispatch_service_request", dispatch)
    emulator_main.answer_as_to_an_sdk()
    _, sent, _ = await app._dispatch_service_request("POST", "/", headers, b"", {}, "id")
    assert ("Access-Control-Allow-Origin" in sent) is bool(headers)


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
