"""Functions that a client waits for may start from a snapshot of a published version."""

from __future__ import annotations

import pytest

from functions.products import REGISTRY
from infra.functions import FUNCTIONS
from infra.gateway import HTTP_ROUTES, SYSTEM_ROUTES
from tests.infra.conftest import Stack, synthesize
from tests.infra.test_stack import (
    lint,
    plain,
    statements,
    targets,
    test_cdk_nag_finds_nothing,
)

AWAITED = {row.name for row in FUNCTIONS if row.awaited}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    return synthesize(tmp_path_factory.mktemp("snap-start"), snap_start="true")


def aliases(stack: Stack) -> dict[str, str]:
    """Return logical id of an alias → function of its version."""
    functions = {
        id_: one["Properties"]["FunctionName"].partition("-dev-")[2]
        for id_, one in stack.of_type("AWS::Lambda::Function").items()
    }
    versions = {
        id_: functions[one["Properties"]["FunctionName"]["Ref"]]
        for id_, one in stack.of_type("AWS::Lambda::Version").items()
    }
    found = {}
    for id_, one in stack.of_type("AWS::Lambda::Alias").items():
        assert one["Properties"]["Name"] == "live"
        version, attribute = one["Properties"]["FunctionVersion"]["Fn::GetAtt"]
        assert attribute == "Version"
        found[id_] = versions[version]
    return found


def snapshots(stack: Stack) -> set[str]:
    return {
        name
        for name, one in stack.functions().items()
        if one.get("SnapStart") == {"ApplyOn": "PublishedVersions"}
    }


def test_exactly_the_functions_that_a_client_waits_for_have_snapshots(
    stack: Stack, aws: Stack
) -> None:
    assert snapshots(stack) == AWAITED == set(aliases(stack).values())
    assert set(REGISTRY.routes().values()) | set(HTTP_ROUTES.values()) <= AWAITED
    assert set(SYSTEM_ROUTES.values()) - {"disconnect"} <= AWAITED
    assert not snapshots(aws)
    assert not aws.of_type("AWS::Lambda::Alias")


@pytest.mark.parametrize("protocol", ["WEBSOCKET", "HTTP"])
def test_routes_lead_to_the_alias_and_may_invoke_it(stack: Stack, protocol: str) -> None:
    """``targets`` finds a route only by the permission of the alias in its integration."""
    found = targets(stack, protocol)
    assert set(found.values()) - {"disconnect"} <= AWAITED
    named = aliases(stack)
    permitted = {plain(one["FunctionName"]) for one in stack.properties("AWS::Lambda::Permission")}
    assert permitted >= {id_ for id_, name in named.items() if name in found.values()}
    for one in stack.properties("AWS::ApiGatewayV2::Integration"):
        uri = plain(one["IntegrationUri"])
        assert "DisconnectFunction" in uri or any(f"functions/{id_}/" in uri for id_ in named)


def test_the_opener_is_invoked_by_its_alias(stack: Stack) -> None:
    for one in stack.functions().values():
        assert one["Environment"]["Variables"]["OPENER_FUNCTION"] == "switchboard-dev-opener:live"
    allowed = {
        resource
        for _, actions, resource in statements(stack)
        if actions == ["lambda:InvokeFunction"]
    }
    assert any(resource.endswith(":function:switchboard-dev-opener:live") for resource in allowed)
    assert not any(resource.endswith(":function:switchboard-dev-opener") for resource in allowed)
    (configured,) = (
        one["Qualifier"]
        for one in stack.properties("AWS::Lambda::EventInvokeConfig")
        if "Opener" in str(one["FunctionName"])
    )
    (alias,) = (id_ for id_, name in aliases(stack).items() if name == "opener")
    assert alias in str(configured)


@pytest.mark.slow
def test_cfn_lint_finds_nothing(stack: Stack) -> None:
    lint(stack)


__all__ = ["test_cdk_nag_finds_nothing"]
