"""The template against our tables, from which it is made, and against the rules of AWS."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from functions.calls.rows import PartyRow
from functions.http.main import app
from functions.products import REGISTRY
from infra.gateway import POLLING_PATHS
from infra.settings import BOUNDS
from infra.tables import TABLES
from shared.calling.ring import CalledPerson
from shared.realtime.people import Person
from shared.settings import Settings, from_environment
from tests.infra.conftest import MADE, ROOT, Stack, synthesize
from tests.models import models

ASYNCHRONOUS = {
    "disconnect": (2, 3_600),
    "opener": (1, 180),
    "socketio": (0, 60),
    "sweep": (0, 60),
}


def plain(value: Any) -> str:
    """Return a property as text, with every reference replaced by the name of its target."""
    if isinstance(value, str):
        return value
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return str(separator).join(map(plain, parts))
    ((function, argument),) = value.items()
    return argument if function == "Ref" else ".".join(argument)


def statements(stack: Stack) -> Iterator[tuple[str, list[str], str]]:
    """Yield logical id, actions and resource of everything that a role may do."""
    for id_, policy in stack.of_type("AWS::IAM::Policy").items():
        for one in policy["Properties"]["PolicyDocument"]["Statement"]:
            actions, resources = one["Action"], one["Resource"]
            for resource in resources if isinstance(resources, list) else [resources]:
                yield id_, [actions] if isinstance(actions, str) else actions, plain(resource)


def test_every_table_has_its_keys_expiry_and_stream(stack: Stack) -> None:
    tables = {
        id_.removeprefix("Tables")[:-8].lower(): one["Properties"]
        for id_, one in stack.of_type("AWS::DynamoDB::Table").items()
    }
    found = {
        name: (
            [key["AttributeName"] for key in one["KeySchema"]],
            one.get("TimeToLiveSpecification", {}).get("AttributeName"),
            one.get("StreamSpecification", {}).get("StreamViewType"),
        )
        for name, one in tables.items()
    }
    assert found == {
        row.name.replace("_", ""): (
            [row.key, row.sort_key] if row.sort_key else [row.key],
            "expiresAt" if row.expires else None,
            row.stream.value if row.stream else None,
        )
        for row in TABLES
    }
    for row in TABLES:
        one = tables[row.name.replace("_", "")]
        assert one["BillingMode"] == "PAY_PER_REQUEST"
        recovery = {"PointInTimeRecoveryEnabled": row.backed_up}
        assert one["PointInTimeRecoverySpecification"] == recovery


def test_the_tables_have_the_keys_of_the_models(stack: Stack) -> None:
    by_table: dict[str, set[tuple[str, ...]]] = {}
    for model in models():
        keys = tuple(
            attribute.attr_name
            for attribute in sorted(
                model.get_attributes().values(), key=lambda one: one.is_range_key
            )
            if attribute.is_hash_key or attribute.is_range_key
        )
        by_table.setdefault(vars(model.Meta)["table_name"].name, set()).add(keys)
    assert {PartyRow, CalledPerson} <= set(models(Person))
    assert [table for table, keys_ in by_table.items() if len(keys_) > 1] == []
    always = {row.name for row in TABLES}
    declared = set().union(*(keys_ for table, keys_ in by_table.items() if table in always))
    made = {
        tuple(key["AttributeName"] for key in table["KeySchema"])
        for table in stack.properties("AWS::DynamoDB::Table")
    }
    assert made == declared


def test_only_production_keeps_its_data(aws: Stack, tmp_path: Path) -> None:
    for table in aws.of_type("AWS::DynamoDB::Table").values():
        assert table["DeletionPolicy"] == "Delete"
        assert not table["Properties"].get("DeletionProtectionEnabled")
    production = synthesize(tmp_path, stage="prod", local="true")
    for table in production.of_type("AWS::DynamoDB::Table").values():
        assert table["DeletionPolicy"] == "Retain"
        assert table["Properties"]["DeletionProtectionEnabled"] is True
    secrets = production.of_type("AWS::SecretsManager::Secret")
    kept = {id_ for id_, one in secrets.items() if one["DeletionPolicy"] == "Retain"}
    assert {id_[:-8] for id_ in secrets.keys() - kept} == {"EdgeKey"}
    assert len(kept) == 1


def test_every_function_has_its_handler_runtime_and_log_group(stack: Stack) -> None:
    functions = stack.functions()
    handlers = {name: one["Handler"] for name, one in functions.items()}
    assert handlers == {row.name: row.handler for row in MADE}
    groups = {id_: one["Properties"] for id_, one in stack.of_type("AWS::Logs::LogGroup").items()}
    assert all(group["RetentionInDays"] == 30 for group in groups.values())
    for name, one in functions.items():
        assert one["Runtime"] == "python3.13"
        assert one["Architectures"] == ["arm64"]
        assert one["TracingConfig"] == {"Mode": "Active"}
        group = groups[one["LoggingConfig"]["LogGroup"]["Ref"]]
        assert group["LogGroupName"] == f"/aws/lambda/switchboard-dev-{name}"


def test_the_environment_holds_exactly_what_the_functions_read(stack: Stack) -> None:
    by_name = {name: one["Environment"]["Variables"] for name, one in stack.functions().items()}
    # The edge's key is for the function alone that counts handshakes by address.
    assert [name for name, one in by_name.items() if "EDGE_KEY" in one] == ["connect"]
    # The names of the dead letters are for the function alone whose route counts them.
    assert [name for name, one in by_name.items() if "DEAD_LETTERS" in one] == ["http"]
    environments = [
        {name: value for name, value in one.items() if name not in {"EDGE_KEY", "DEAD_LETTERS"}}
        for one in by_name.values()
    ]
    assert all(one == environments[0] for one in environments)
    given = {name: plain(value) for name, value in environments[0].items()}
    tables = {name for name in given if name.endswith("_TABLE")}
    assert {name.lower() for name in given.keys() - tables} <= set(Settings.__struct_fields__)
    assert {name.removesuffix("_TABLE").lower() for name in tables} == {row.name for row in TABLES}
    settings = from_environment(given)
    assert settings.tables["people"].startswith("TablesPeople")
    assert settings.opener_function in {one["FunctionName"] for one in stack.functions().values()}
    assert settings.disconnect_function == "switchboard-dev-disconnect"
    assert settings.websocket_stage == "live"
    assert settings.ring_state_machine_arn.endswith(":stateMachine:switchboard-dev-ring")


def test_the_code_bundle_holds_only_our_modules(local: Stack) -> None:
    (code,) = {one["Code"]["S3Key"] for one in local.functions().values()}
    asset = local.folder / f"asset.{code.removesuffix('.zip')}"
    assert {path.name for path in asset.iterdir()} == {"functions", "shared"}
    files = [path for path in asset.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".py"}
    for row in MADE:
        assert asset / (row.handler.rpartition(".")[0].replace(".", "/") + ".py") in files


def targets(stack: Stack, protocol: str) -> dict[str, str]:
    """Return route key → function, found through route, integration, permission and alias."""
    api = stack.api(protocol)
    functions = {
        id_: one["Properties"]["FunctionName"].partition("-dev-")[2]
        for id_, one in stack.of_type("AWS::Lambda::Function").items()
    }
    functions |= {
        id_: functions[one["Properties"]["FunctionName"]["Ref"]]
        for id_, one in stack.of_type("AWS::Lambda::Alias").items()
    }
    permitted = {
        plain(one["FunctionName"])
        for one in stack.properties("AWS::Lambda::Permission")
        if f":{api}/*" in plain(one["SourceArn"])
    }
    integrations = stack.of_type("AWS::ApiGatewayV2::Integration")
    found = {}
    for route in stack.properties("AWS::ApiGatewayV2::Route"):
        if route["ApiId"] == {"Ref": api}:
            id_ = plain(route["Target"]).removeprefix("integrations/")
            uri = plain(integrations[id_]["Properties"]["IntegrationUri"])
            (target,) = (one for one in permitted if f"functions/{one}/" in uri)
            found[route["RouteKey"]] = functions[target.removesuffix(".Arn")]
    return found


def test_the_websocket_routes_are_those_of_the_registry(stack: Stack) -> None:
    system = {"$connect": "connect", "$disconnect": "disconnect", "$default": "socketio"}
    assert targets(stack, "WEBSOCKET") == system | REGISTRY.routes()
    api = stack.of_type("AWS::ApiGatewayV2::Api")[stack.api("WEBSOCKET")]
    assert api["Properties"]["RouteSelectionExpression"] == "$request.body.action"


def test_the_http_routes_are_those_that_the_function_serves(stack: Stack) -> None:
    rows = REGISTRY.http_routes.values()
    served = [(one.method, one.rule.pattern) for one in app._static_routes + app._dynamic_routes]
    assert sorted(served) == sorted((row.method, f"^{row.rule}$") for row in rows)
    found = targets(stack, "HTTP")
    polling = {key for key in found if key.partition(" ")[2] in POLLING_PATHS}
    for key in polling:
        assert found[key] == ("socketio" if key.startswith("POST ") else "polling")
    assert {found[key] for key in set(found) - polling} == {"http"}
    assert {re.sub("{.*?}", "*", key) for key in set(found) - polling} == {
        "$default",
        *(re.sub("{.*?}", "*", f"{row.method} {row.path}") for row in rows),
    }


def test_no_websocket_route_returns_a_response(stack: Stack) -> None:
    assert not stack.of_type("AWS::ApiGatewayV2::RouteResponse")
    for route in stack.properties("AWS::ApiGatewayV2::Route"):
        assert "RouteResponseSelectionExpression" not in route


def test_stages_are_throttled_and_logged(stack: Stack) -> None:
    stages = stack.properties("AWS::ApiGatewayV2::Stage")
    assert {one["StageName"] for one in stages} == {"live", "$default"}
    for one in stages:
        assert one["AutoDeploy"] is True
        assert one["DefaultRouteSettings"]["ThrottlingRateLimit"] == 2_000
        assert one["DefaultRouteSettings"]["ThrottlingBurstLimit"] == 1_000
        log = one["AccessLogSettings"]["Format"]
        assert "$context.status" in log
        assert "query" not in log.lower()
        assert "header" not in log.lower()


def test_the_account_s_log_role_is_created_before_the_stages(aws: Stack, tmp_path: Path) -> None:
    ((account, resource),) = aws.of_type("AWS::ApiGateway::Account").items()
    assert resource["DeletionPolicy"] == "Retain"
    for stage in aws.of_type("AWS::ApiGatewayV2::Stage").values():
        assert account in stage["DependsOn"]
    without = synthesize(tmp_path, api_gateway_log_role="false", local="true")
    assert not without.of_type("AWS::ApiGateway::Account")


def test_asynchronous_invocations_have_limited_retries_and_a_dead_letter_queue(
    stack: Stack,
) -> None:
    queues = stack.of_type("AWS::SQS::Queue")
    found = {}
    for one in stack.properties("AWS::Lambda::EventInvokeConfig"):
        function = stack.template["Resources"][one["FunctionName"]["Ref"]]["Properties"]
        failed = plain(one["DestinationConfig"]["OnFailure"]["Destination"])
        assert failed.removesuffix(".Arn") in queues
        name = function["FunctionName"].partition("-dev-")[2]
        found[name] = (one["MaximumRetryAttempts"], one["MaximumEventAgeInSeconds"])
    assert found == ASYNCHRONOUS
    for name, (retries, age) in found.items():
        if retries:  # the first comes a minute after the failure, which may take the whole timeout
            assert age > stack.functions()[name]["Timeout"] + 60


def test_every_function_invoked_asynchronously_has_limited_retries(stack: Stack) -> None:
    timers = ("Ring", "Balance")
    invoked = {
        resource.rpartition("switchboard-dev-")[2]
        for id_, actions, resource in statements(stack)
        if "lambda:InvokeFunction" in actions and not id_.startswith(timers)
    }
    assert invoked == set(ASYNCHRONOUS) - {"sweep"}, "the sweep is invoked by a rule"


def test_a_failed_batch_of_a_stream_ends_in_a_dead_letter_queue(stack: Stack) -> None:
    streams = [
        one
        for one in stack.properties("AWS::Lambda::EventSourceMapping")
        if plain(one["EventSourceArn"]).endswith(".StreamArn")
    ]
    tables = sorted(plain(one["EventSourceArn"]).removeprefix("Tables")[:-18] for one in streams)
    assert tables == [
        "Bookingmessages",
        "Bookings",
        "Calls",
        "Chat",
        "Connections",
        "Messages",
        "People",
    ]
    for one in streams:
        assert stack.template["Resources"][one["FunctionName"]["Ref"]]["Properties"][
            "FunctionName"
        ].endswith(("-presence-stream", "-bookings-stream", "-chat-stream"))
        assert one["BatchSize"] == 100
        assert one["BisectBatchOnFunctionError"] is True
        assert one["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert one["StartingPosition"] == "TRIM_HORIZON"
        assert 0 < one["MaximumRetryAttempts"] <= 100
        assert one["DestinationConfig"]["OnFailure"]["Destination"]


def slowest(stack: Stack) -> Settings:
    """Return the functions' settings with the longest waits that a team may set."""
    variables = stack.functions()["opener"]["Environment"]["Variables"]
    settings = from_environment({name: plain(value) for name, value in variables.items()})
    most = {name: most for name, (_, most) in BOUNDS.items() if name.startswith(("post_", "open"))}
    return msgspec.structs.replace(settings, **most)


def test_a_function_s_timeout_outlasts_the_requests_that_it_waits_for(stack: Stack) -> None:
    timeouts = {name: one["Timeout"] for name, one in stack.functions().items()}
    settings = slowest(stack)
    post = settings.longest_post_seconds
    assert timeouts["opener"] > settings.opening_retry_seconds + post
    for row in MADE:
        if "post" in row.access.may.split():
            assert timeouts[row.name] > post, row.name
    api_gateway_waits = 29
    for name in {*targets(stack, "WEBSOCKET").values(), *targets(stack, "HTTP").values()}:
        assert timeouts[name] <= api_gateway_waits, name


def test_the_policies_have_only_the_known_wildcards(stack: Stack) -> None:
    wild = {
        (action, resource)
        for _, actions, resource in statements(stack)
        for action in actions
        if "*" in action or "*" in resource
    }
    anything = {action for action, resource in wild if resource == "*"}
    assert {action.partition(":")[0] for action in anything} == {"xray", "logs", "dynamodb"}
    assert {one for one in anything if one.startswith("dynamodb")} == {"dynamodb:ListStreams"}
    logs = [id_ for id_, actions, one in statements(stack) if one == "*" and "logs" in str(actions)]
    assert all(id_.startswith(("RingRole", "BalanceRole")) for id_ in logs)
    ((action, connections),) = {one for one in wild if one[1] != "*"}
    assert action == "execute-api:ManageConnections"
    assert connections.endswith("/live/*/@connections/*")


def test_no_function_may_scan_or_delete_a_table(stack: Stack) -> None:
    of_tables = {
        action
        for _, actions, resource in statements(stack)
        for action in actions
        if resource.startswith("Tables") and not resource.endswith(".StreamArn")
    }
    assert of_tables <= {
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:ConditionCheckItem",
        "dynamodb:Query",
        "dynamodb:BatchGetItem",
    }


def test_the_secret_has_a_signing_key_from_the_start(stack: Stack) -> None:
    secrets = stack.properties("AWS::SecretsManager::Secret")
    (generated,) = (
        one["GenerateSecretString"]
        for one in secrets
        if "GenerateStringKey" in one["GenerateSecretString"]
    )
    assert generated["GenerateStringKey"] == "JWT_SECRET"
    assert generated["PasswordLength"] >= 48
    assert json.loads(generated["SecretStringTemplate"]) == {
        "LIVEKIT_API_KEY": "",
        "LIVEKIT_API_SECRET": "",
    }


def test_the_stack_outputs_its_ids_urls_and_tables(stack: Stack) -> None:
    assert set(stack.template["Outputs"]) >= {
        "WebSocketApiId", "WebSocketStage", "WebSocketUrl", "HttpApiId", "HttpUrl", "SecretArn",
        "AccountsTable", "PeopleTable",
    }  # fmt: skip


def test_only_the_emulator_is_reached_without_tls(aws: Stack, local: Stack) -> None:
    policies = aws.properties("AWS::SQS::QueuePolicy")
    assert len(policies) == len(aws.of_type("AWS::SQS::Queue"))
    assert all("aws:SecureTransport" in json.dumps(one) for one in policies)
    emulated = json.dumps(local.properties("AWS::SQS::QueuePolicy"))
    assert "aws:SecureTransport" not in emulated


def test_cdk_nag_finds_nothing(stack: Stack) -> None:
    report = json.loads((stack.folder / "validation-report.json").read_text())
    assert not report["pluginReports"]


@pytest.mark.slow
def test_cfn_lint_finds_nothing(aws: Stack) -> None:
    """The local stack never goes to AWS."""
    lint(aws)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "docs" / "examples").iterdir()), ids=lambda path: path.stem
)
def test_cfn_lint_finds_nothing_in_the_examples(path: Path) -> None:
    lint_file(path)


def lint(stack: Stack) -> None:
    lint_file(stack.path())


def lint_file(path: Path) -> None:
    """W3005 reports that the CDK names a dependency that a reference already implies."""
    cfn_lint = Path(sys.executable).with_name("cfn-lint")
    command = [str(cfn_lint), "--ignore-checks", "W3005", "--", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_traces_can_be_turned_off(tmp_path: Path) -> None:
    silent = synthesize(tmp_path, traces="false")
    assert not any("TracingConfig" in one for one in silent.functions().values())
    timers = silent.properties("AWS::StepFunctions::StateMachine")
    assert [one["TracingConfiguration"] for one in timers] == [{"Enabled": False}] * 2
    assert not {
        action for _, actions, _ in statements(silent) for action in actions if "xray" in action
    }
