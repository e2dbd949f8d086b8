"""Nothing that holds data or an address of clients is replaced by a deployment.

CloudFormation replaces a resource if its logical id, a table's key or an index's key changes: the
table would be empty, and the API would have another URL. ``kept.json`` has what is deployed. A
resource that is new belongs into it; one that changes needs a migration first.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.infra.conftest import Stack

KEPT = json.loads(Path(__file__).with_name("kept.json").read_text())

TABLE = "AWS::DynamoDB::Table"

KINDS: dict[str, tuple[str, ...]] = {
    TABLE: (),
    "AWS::ApiGatewayV2::Api": ("ProtocolType",),
    "AWS::ApiGatewayV2::Stage": ("StageName",),
    "AWS::CloudFront::Distribution": (),
    "AWS::SecretsManager::Secret": ("Name",),
    "AWS::Events::EventBus": (),
}
"""The kinds of resources that must stay, each with the properties that must stay as they are."""


def kept(kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    """Return what must not change: for a table, the attributes of its keys and of its indexes'."""
    if kind == TABLE:
        keyed = [*properties.get("GlobalSecondaryIndexes", []), properties]
        return {one.get("IndexName", "key"): names(one["KeySchema"]) for one in keyed}
    return {name: properties[name] for name in KINDS[kind] if name in properties}


def names(keys: list[dict[str, str]]) -> str:
    return ", ".join(one["AttributeName"] for one in keys)


@pytest.mark.parametrize("kind", KINDS)
def test_a_deployment_replaces_nothing_that_must_stay(aws: Stack, kind: str) -> None:
    made = {id_: kept(kind, one["Properties"]) for id_, one in aws.of_type(kind).items()}
    assert made == KEPT[kind]
