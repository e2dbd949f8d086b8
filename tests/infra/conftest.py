"""Both forms of the stack. Each is synthesized once, because a synth takes seconds."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.functions import made_with
from infra.settings import from_context

os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")
# Half of a synth would be CloudFormation's own validation. The template is checked with cfn-lint.
os.environ.setdefault("CDK_VALIDATION", "false")

ROOT = Path(__file__).parents[2]

Resource = dict[str, Any]

MADE = made_with(from_context({}))
"""The functions of a stack in which nothing is switched on that is off by default."""

CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"
ACL = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/edge/1"

UPLOADER = ("CustomCDKBucketDeployment", "EdgeUploadAwsCliLayer")
"""How the logical ids of the CDK's function that uploads the pages begin, and of its resources."""


@dataclass(frozen=True)
class Stack:
    """A synthesized stack: its template, and where cdk-nag and the template were written."""

    folder: Path
    template: dict[str, Any]

    def of_type(self, kind: str) -> dict[str, Resource]:
        """Return logical id → resource of one type, without those of the CDK's own function."""
        resources: dict[str, Resource] = self.template["Resources"]
        return {
            id_: one
            for id_, one in resources.items()
            if one["Type"] == kind and not id_.startswith(UPLOADER)
        }

    def properties(self, kind: str) -> list[dict[str, Any]]:
        return [one["Properties"] for one in self.of_type(kind).values()]

    def api(self, protocol: str) -> str:
        """Return the logical id of the only API with this protocol."""
        apis = self.of_type("AWS::ApiGatewayV2::Api").items()
        (id_,) = (id_ for id_, one in apis if one["Properties"]["ProtocolType"] == protocol)
        return id_

    def functions(self) -> dict[str, dict[str, Any]]:
        """Return function name without the stack's prefix → properties."""
        made = self.properties("AWS::Lambda::Function")
        return {one["FunctionName"].partition("-dev-")[2]: one for one in made}

    def path(self) -> Path:
        return self.folder / "switchboard-dev.template.json"


def synthesize(folder: Path, **context: str) -> Stack:
    """Synthesize into ``folder`` without the network: layers are not built."""
    import aws_cdk as cdk

    from infra.app import build

    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(outdir=str(folder), context={**flags, "aws:cdk:bundling-stacks": [], **context})
    name = build(app).stack_name
    app.synth()
    return Stack(folder, json.loads((folder / f"{name}.template.json").read_text()))


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The stack as a team deploys it."""
    return synthesize(tmp_path_factory.mktemp("aws"))


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The stack as it runs on this machine."""
    return synthesize(tmp_path_factory.mktemp("local"), local="true")


@pytest.fixture(scope="session", params=["aws", "local"])
def stack(request: pytest.FixtureRequest) -> Stack:
    """Each of the two stacks in turn, for tests that hold for both."""
    made: Stack = request.getfixturevalue(request.param)
    return made


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run these tests in one worker, so that no stack is synthesized twice."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("infra"))
