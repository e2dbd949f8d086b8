"""The alarms, the dashboard made of the same rows, and the manual for the engineer on call."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from infra.alarms import KINDS, MANUAL
from infra.tables import TABLES
from shared.aws.metrics import Metric
from tests.infra.conftest import MADE, ROOT, Stack, synthesize
from tests.infra.test_stack import plain

MAIL = "ops@example.com"
ALARM = "AWS::CloudWatch::Alarm"


def alarms(stack: Stack) -> dict[str, dict[str, Any]]:
    """Return alarm name without the stack's prefix → properties."""
    return {one["AlarmName"].partition("-dev-")[2]: one for one in stack.properties(ALARM)}


def dashboard(stack: Stack) -> list[dict[str, Any]]:
    (one,) = stack.properties("AWS::CloudWatch::Dashboard")
    widgets: list[dict[str, Any]] = json.loads(plain(one["DashboardBody"]))["widgets"]
    return widgets


def shown(stack: Stack, title: str) -> list[Any]:
    (widget,) = (one for one in dashboard(stack) if one["properties"]["title"] == title)
    metrics: list[Any] = widget["properties"]["metrics"]
    return metrics


def test_there_is_an_alarm_for_everything_that_can_fail(stack: Stack) -> None:
    waiting = [row for row in MADE if row.takes]
    batches = [row for row in MADE if row.takes or row.streams or row.every_minute]
    asynchronous = [row.name for row in MADE if row.asynchronous]
    streams = [row.name for row in MADE if row.streams]
    letters = [*asynchronous, *streams, *(row.takes for row in waiting)]
    assert set(alarms(stack)) == {
        "errors-functions",
        "throttles-account",
        *(f"near-timeout-{row.name}" for row in batches),
        *(f"stream-lag-{name}" for name in streams),
        *(f"queue-lag-{row.takes}" for row in waiting),
        *(f"dead-letters-{name.replace('-', '')}" for name in letters),
        "api-errors-http",
        "api-errors-websocket",
        *(f"table-throttles-{row.name.replace('_', '-')}" for row in TABLES),
        *(f"table-throttles-{row.name}-{one.name}" for row in TABLES for one in row.indexes),
        "balance-timer-failed",
        "balance-timer-timedout",
        "ring-timer-failed",
        "ring-timer-timedout",
        "sweep-missing-sweep",
    }


def test_every_dead_letter_queue_has_an_alarm(stack: Stack) -> None:
    watched = {
        plain(one["Dimensions"][0]["Value"]).removesuffix(".QueueName")
        for name, one in alarms(stack).items()
        if name.startswith("dead-letters-")
    }
    assert watched == {id_ for id_ in stack.of_type("AWS::SQS::Queue") if "DeadLetters" in id_}


def test_every_alarm_watches_one_metric(stack: Stack) -> None:
    """Metric math is paid for by the metric, and the emulator does not have it."""
    for name, one in alarms(stack).items():
        assert one["MetricName"], name
        assert one["Statistic"] in ("Sum", "Maximum")
        missing = name.startswith("sweep-missing")
        assert one["TreatMissingData"] == ("breaching" if missing else "notBreaching")
        assert one["ComparisonOperator"].startswith("Less" if missing else "GreaterThanOrEqual")
        assert f"{MANUAL}#" in one["AlarmDescription"]


def test_a_stream_s_lag_alarm_allows_for_the_time_to_fill_a_batch(tmp_path: Path) -> None:
    patient = synthesize(tmp_path, stream_window_seconds="300", local="true")
    found = {alarms(patient)[f"stream-lag-{one}-stream"]["Threshold"] for one in ("presence",)}
    assert found == {360_000}


def test_errors_of_all_functions_are_one_metric(stack: Stack) -> None:
    filters = stack.properties("AWS::Logs::MetricFilter")
    groups = {plain(one["LogGroupName"]) for one in filters}
    assert len(groups) == len(filters) == len(MADE)
    alarm = alarms(stack)["errors-functions"]
    counted = {
        (one["MetricTransformations"][0]["MetricNamespace"], made["MetricName"])
        for one in filters
        for made in one["MetricTransformations"]
    }
    assert counted == {(alarm["Namespace"], alarm["MetricName"])}
    assert "Dimensions" not in alarm
    for one in filters:
        assert one["FilterPattern"] == '?"ERROR" ?"Task timed out" ?"Runtime exited"'


def test_the_functions_count_where_the_dashboard_looks(stack: Stack) -> None:
    namespace = stack.functions()["sweep"]["Environment"]["Variables"]["METRICS_NAMESPACE"]
    own = [
        metric[:2]
        for widget in dashboard(stack)
        for metric in widget["properties"].get("metrics", ())
        if metric[0] == namespace
    ]
    assert {metric[1] for metric in own} == {one.value for one in Metric} | {"ErrorsLogged"}
    titles = [one["properties"]["title"] for one in dashboard(stack)]
    assert titles[:3] == ["calls", "calls missed, % of those started", "people online"]
    share, *parts = shown(stack, titles[1])
    assert share[0]["expression"] == "100 * missed / started"
    assert {part[1] for part in parts} == {"CallsMissed", "CallsStarted"}


def test_every_alarm_is_on_the_dashboard(stack: Stack) -> None:
    for kind in KINDS:
        mine = [one for name, one in alarms(stack).items() if name.startswith(f"{kind.name}-")]
        assert {metric[1] for metric in shown(stack, f"alarm: {kind.name}")} == {
            one["MetricName"] for one in mine
        }
        assert len(shown(stack, f"alarm: {kind.name}")) == len(mine)
    (status,) = (one for one in dashboard(stack) if one["type"] == "alarm")
    assert len(status["properties"]["alarms"]) == len(alarms(stack))


@pytest.mark.parametrize("title", ["errors", "throttles", "latency, half are faster"])
def test_every_function_is_on_the_dashboard(stack: Stack, title: str) -> None:
    metrics = shown(stack, title)
    assert [metric[-1]["label"] for metric in metrics] == [row.name for row in MADE]


def test_alarms_have_no_action_without_a_mail_address(stack: Stack) -> None:
    assert not stack.of_type("AWS::SNS::Topic")
    assert all("AlarmActions" not in one for one in alarms(stack).values())


def test_an_alarm_sends_a_mail_when_it_begins_and_when_it_ends(tmp_path: Path) -> None:
    stack = synthesize(tmp_path, alarm_mail=MAIL)
    ((topic, made),) = stack.of_type("AWS::SNS::Topic").items()
    ((key, _),) = stack.of_type("AWS::KMS::Key").items()
    assert plain(made["Properties"]["KmsMasterKeyId"]) == f"{key}.Arn"
    (subscription,) = stack.properties("AWS::SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", MAIL)
    for one in alarms(stack).values():
        assert [plain(action) for action in one["AlarmActions"]] == [topic]
        assert one["OKActions"] == one["AlarmActions"]
    (policy,) = stack.properties("AWS::SNS::TopicPolicy")
    statements = policy["PolicyDocument"]["Statement"]
    (publish,) = (one for one in statements if one["Effect"] == "Allow")
    assert publish["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    own = {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert (publish["Action"], publish["Condition"]) == ("sns:Publish", {"StringEquals": own})
    (refuse,) = (one for one in statements if one["Effect"] == "Deny")
    assert "aws:SecureTransport" in refuse["Condition"]["Bool"]
    report = json.loads((stack.folder / "validation-report.json").read_text())
    assert not report["pluginReports"]


def test_the_alarms_can_be_left_out(tmp_path: Path) -> None:
    stack = synthesize(tmp_path, alarms="false", local="true")
    assert not alarms(stack)
    for kind in ("AWS::CloudWatch::Dashboard", "AWS::Logs::MetricFilter"):
        assert not stack.of_type(kind)


def test_the_manual_gives_the_cost_of_all_alarms_and_metrics(stack: Stack) -> None:
    text = (ROOT / MANUAL).read_text()
    count = len(alarms(stack))
    assert f"| {count} alarms (an account's first ten are free) | {count / 10:.2f} |" in text
    assert f"all {len(Metric) + 1} are ${(len(Metric) + 1) * 0.3:.2f}" in text


def test_the_manual_has_a_section_for_every_kind_and_no_other() -> None:
    text = (ROOT / MANUAL).read_text()
    alarms_section = text.partition("\n## Alarms\n")[2].partition("\n## ")[0]
    assert re.findall(r"^### (.+)$", alarms_section, re.MULTILINE) == [kind.name for kind in KINDS]
