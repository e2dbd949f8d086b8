"""The distribution routes every path of the contract as ``local/edge.py`` does."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.edge import FUNCTIONS, HTTP_API
from infra.gateway import HTTP_ROUTES, POLLING_PATHS
from infra.site import HEADERS, SITE
from local.edge import engine_error
from shared.identity.edge import ADDRESS_HEADER, KEY_HEADER
from tests.infra.conftest import ACL, CERTIFICATE, Stack, synthesize
from tests.infra.test_stack import plain

HANDSHAKE = {"sec-websocket-key": {"value": "x3JJHMbDL1EzLkh9GBhXDw=="}}

IMPORT = "import cf from 'cloudfront';"
HELPER = "const cf = { selectRequestOriginById: (id) => { chosen = id; } }; let chosen;"
"""CloudFront's module with a helper that only notes the origin."""

Behaviour = dict[str, Any]


def distribution(stack: Stack) -> dict[str, Any]:
    (one,) = stack.properties("AWS::CloudFront::Distribution")
    found: dict[str, Any] = one["DistributionConfig"]
    return found


def behaviour(stack: Stack, path: str) -> Behaviour:
    """Return the first behaviour whose pattern matches, as CloudFront chooses it."""
    config = distribution(stack)
    for one in config["CacheBehaviors"]:
        pattern = re.escape(one["PathPattern"]).replace(r"\*", ".*").replace(r"\?", ".")
        if re.fullmatch(pattern, path):
            return dict(one)
    return dict(config["DefaultCacheBehavior"])


def origin(stack: Stack, of: Behaviour) -> dict[str, Any]:
    (one,) = (one for one in distribution(stack)["Origins"] if one["Id"] == of["TargetOriginId"])
    return dict(one)


def run(name: str, uri: str, query: str = "", headers: dict[str, Any] | None = None) -> Any:
    """Return what an edge function makes of a request: the changed request, or an answer.

    The changed request has the origin that the function has chosen.
    """
    pairs = (one.split("=") for one in query.split())
    event = {
        "viewer": {"ip": "2001:db8::7"},
        "request": {
            "uri": uri,
            "querystring": {key: {"value": value} for key, value in pairs},
            "headers": headers or {},
        },
    }
    script = (FUNCTIONS / f"{name}.js").read_text().replace(IMPORT, HELPER)
    script += f"\nconst done = handler({json.dumps(event)});"
    if IMPORT in (FUNCTIONS / f"{name}.js").read_text():
        script += "done.origin = chosen;"
    script += "console.log(JSON.stringify(done));"
    done = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("path", ["/socket.io/", "/socket.io", "/ws", "/ws/"])
def test_sockets_are_routed_to_the_stage_with_the_whole_handshake(aws: Stack, path: str) -> None:
    found = behaviour(aws, path)
    assert found["OriginRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-68738e2966ac"
    assert found["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    to = origin(aws, found)
    assert plain(to["DomainName"]).startswith(f"{aws.api('WEBSOCKET')}.execute-api.")
    assert to["OriginPath"] == "/live"
    (header,) = to["OriginCustomHeaders"]
    assert header["HeaderName"] == KEY_HEADER
    assert not KEY_HEADER.lower().startswith(("x-edge-", "x-amz"))
    environments = {name: one["Environment"]["Variables"] for name, one in aws.functions().items()}
    assert environments["connect"]["EDGE_KEY"] == header["HeaderValue"]
    assert "{{resolve:secretsmanager:" in json.dumps(header["HeaderValue"])
    # Nobody else knows the key, by this name or another.
    del environments["connect"]
    assert json.dumps(header["HeaderValue"]) not in json.dumps(environments)


def test_every_route_goes_to_the_http_api(aws: Stack) -> None:
    routes = {route.partition(" ")[2].replace("{id}", "1") for route in HTTP_ROUTES}
    paths = routes - {"", *POLLING_PATHS}
    for path in {*paths, "/nothing", "/a/b", "/index.html/x"}:
        found = behaviour(aws, path)
        assert plain(origin(aws, found)["DomainName"]).startswith(f"{aws.api('HTTP')}.execute-api")
        assert set(found["AllowedMethods"]) >= {"GET", "POST", "DELETE"}
        assert found["OriginRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-68738e2966ac"


@pytest.mark.parametrize("path", ["/socket.io/", "/socket.io"])
def test_long_polling_is_passed_on_to_the_http_api(aws: Stack, path: str) -> None:
    passed = run("socket", path, "EIO=4 transport=polling sid=x", {ADDRESS_HEADER.lower(): {}})
    assert passed["origin"] == HTTP_API
    assert passed["uri"] in POLLING_PATHS
    assert passed["headers"] == {ADDRESS_HEADER.lower(): {"value": "2001:db8::7"}}
    (to,) = (one for one in distribution(aws)["Origins"] if one["Id"] == HTTP_API)
    assert plain(to["DomainName"]).startswith(f"{aws.api('HTTP')}.execute-api")
    assert [header["HeaderName"] for header in to["OriginCustomHeaders"]] == [KEY_HEADER]
    assert "origin" not in run("socket", path, "EIO=4 transport=websocket", HANDSHAKE)


def test_every_page_comes_from_the_bucket(aws: Stack) -> None:
    (bucket,) = aws.of_type("AWS::S3::Bucket")
    files = [path.relative_to(SITE) for path in SITE.rglob("*") if path.is_file()]
    assert Path("vendor/socket.io.esm.min.js") in files
    for file in files:
        path = "/" + str(file).removesuffix(".html")
        path = "/" if path == "/index" else path
        found = behaviour(aws, path)
        assert plain(origin(aws, found)["DomainName"]) == f"{bucket}.RegionalDomainName"
        assert run("page", path)["uri"] == f"/{file}"
        assert page_headers(aws, found) == HEADERS


def page_headers(aws: Stack, found: Any) -> dict[str, str]:
    """Return the headers that a behaviour adds, beside the one that asks for TLS."""
    policies = aws.of_type("AWS::CloudFront::ResponseHeadersPolicy")
    policy = policies[found["ResponseHeadersPolicyId"]["Ref"]]["Properties"]
    security = policy["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    assert security["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 31_536_000
    assert all(one["Override"] for one in security.values())
    return {
        "Content-Security-Policy": security["ContentSecurityPolicy"]["ContentSecurityPolicy"],
        "X-Content-Type-Options": "nosniff" if security["ContentTypeOptions"] else "",
        "X-Frame-Options": security["FrameOptions"]["FrameOption"],
        "Referrer-Policy": security["ReferrerPolicy"]["ReferrerPolicy"],
    }


def test_a_handshake_is_passed_on_to_the_stage_with_the_client_s_address() -> None:
    for path, query in (("/socket.io/", "EIO=4 transport=websocket"), ("/ws", "namespace=/user")):
        passed = run("socket", path, query, {**HANDSHAKE, ADDRESS_HEADER.lower(): {"value": "1.1"}})
        assert passed["uri"] == "/"
        assert passed["headers"][ADDRESS_HEADER.lower()] == {"value": "2001:db8::7"}
        assert passed["headers"]["sec-websocket-key"] == HANDSHAKE["sec-websocket-key"]
        assert len(passed["querystring"]) == len(query.split())


@pytest.mark.parametrize(
    ("path", "query", "headers", "answer"),
    [
        ("/socket.io/", "EIO=4 transport=other", {}, engine_error(0, "Transport unknown")),
        ("/socket.io/", "", HANDSHAKE, engine_error(0, "Transport unknown")),
        ("/socket.io/", "EIO=4 transport=websocket", {}, engine_error(3, "Bad request")),
    ],
)
def test_a_request_that_is_no_handshake_is_refused_as_by_the_local_edge(
    path: str, query: str, headers: dict[str, Any], answer: Any
) -> None:
    refused = run("socket", path, query, headers)
    assert refused["statusCode"] == answer.status
    assert json.loads(refused["body"]) == json.loads(answer.text)
    native = run("socket", "/ws", "namespace=/user")
    assert json.loads(native["body"]) == {
        "error": {"message": "A WebSocket handshake is expected here"}
    }


def test_a_team_may_set_its_domain_and_an_acl(tmp_path: Path) -> None:
    named = synthesize(
        tmp_path,
        domain="rt.example.com",
        certificate_arn=CERTIFICATE,
        web_acl_arn=ACL,
        allowed_origins="https://app.example",
    )
    config = distribution(named)
    assert config["Aliases"] == ["rt.example.com"]
    assert config["ViewerCertificate"]["AcmCertificateArn"] == CERTIFICATE
    assert config["WebACLId"] == ACL
    assert named.template["Outputs"]["Url"]["Value"] == "https://rt.example.com"
    (origins,) = {
        one["Environment"]["Variables"]["ALLOWED_ORIGINS"] for one in named.functions().values()
    }
    assert origins == "https://rt.example.com,https://app.example"


def test_pages_of_the_edge_may_use_the_cookie(aws: Stack) -> None:
    (id_,) = aws.of_type("AWS::CloudFront::Distribution")
    origins = aws.functions()["connect"]["Environment"]["Variables"]["ALLOWED_ORIGINS"]
    assert plain(origins) == f"https://{id_}.DomainName"


def test_without_an_edge_the_functions_have_no_edge_key(tmp_path: Path) -> None:
    bare = synthesize(tmp_path, edge="false")
    assert not bare.of_type("AWS::CloudFront::Distribution")
    assert not bare.of_type("AWS::S3::Bucket")
    assert len(bare.of_type("AWS::SecretsManager::Secret")) == 1
    assert "Url" not in bare.template["Outputs"]
    assert bare.functions()["connect"]["Environment"]["Variables"]["EDGE_KEY"] == ""


def test_no_error_is_cached(aws: Stack) -> None:
    kept = distribution(aws)["CustomErrorResponses"]
    assert {one["ErrorCode"] for one in kept} >= {400, 403, 404, 405, 502, 503, 504}
    assert {one["ErrorCachingMinTTL"] for one in kept} == {0}
    assert not any("ResponsePagePath" in one or "ResponseCode" in one for one in kept)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("AWS::CloudFront::Function", lambda one: one["Name"]),
        (
            "AWS::CloudFront::OriginAccessControl",
            lambda one: one["OriginAccessControlConfig"]["Name"],
        ),
    ],
)
def test_names_that_are_global_to_the_account_have_the_region(
    aws: Stack, kind: str, name: Callable[[dict[str, Any]], Any]
) -> None:
    assert aws.of_type(kind)
    for one in aws.properties(kind):
        assert "AWS::Region" in json.dumps(name(one))
