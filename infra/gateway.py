"""The WebSocket API and the HTTP API, each with the routes of a table.

They are made of level-1 constructs on purpose: these allow one integration and one permission per
function. The level-2 constructs make both for every route, and so many resources would exceed the
limit of 500 resources per stack.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal

import aws_cdk as cdk
from aws_cdk import aws_apigateway as rest
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from functions.products import REGISTRY
from infra.logs import make_log_group
from infra.nag import acknowledge
from infra.settings import StackSettings

WEBSOCKET_STAGE = "live"
SYSTEM_ROUTES = {"$connect": "connect", "$disconnect": "disconnect", "$default": "socketio"}
POLLING_PATHS = ("/socket.io/", "/socket.io")
HTTP_ROUTES = {
    # $default, so that a request for a path that does not exist is answered in the API's own form
    **dict.fromkeys((*REGISTRY.http_routes, "$default"), "http"),
    **{f"ANY {path}": "polling" for path in POLLING_PATHS},
    **{f"POST {path}": "socketio" for path in POLLING_PATHS},
}

ACCESS_LOG = {
    "requestId": "$context.requestId",
    "connectionId": "$context.connectionId",
    "eventType": "$context.eventType",
    "routeKey": "$context.routeKey",
    "status": "$context.status",
    "error": "$context.error.message",
    "integrationError": "$context.integrationErrorMessage",
    "ip": "$context.identity.sourceIp",
}
"""The fields of the access log. Query string and headers are left out, because they contain the
token.
https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-logging.html"""


def websocket_routes() -> dict[str, str]:
    """Return the function of each route key.

    The keys are the routes that API Gateway defines itself, and one for every event of the
    registry.
    """
    return SYSTEM_ROUTES | REGISTRY.routes()


class Gateway(Construct):
    """An API with one stage that deploys itself. The routes are added after the functions."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        settings: StackSettings,
        *,
        protocol: Literal["WEBSOCKET", "HTTP"],
        stage: str,
    ) -> None:
        super().__init__(scope, id_)
        self._websocket = protocol == "WEBSOCKET"
        self.stage_name = stage
        self.api = apigateway.CfnApi(
            self,
            "Api",
            name=settings.name(protocol.lower()),
            protocol_type=protocol,
            route_selection_expression="$request.body.action" if self._websocket else None,
        )
        self.api_id = self.api.ref
        log = make_log_group(self, "AccessLog", settings, f"/aws/apigateway/{self.api.name}")
        self.stage = apigateway.CfnStage(
            self,
            "Stage",
            api_id=self.api_id,
            stage_name=stage,
            auto_deploy=True,
            default_route_settings=apigateway.CfnStage.RouteSettingsProperty(
                throttling_rate_limit=settings.throttle_rate,
                throttling_burst_limit=settings.throttle_burst,
            ),
            access_log_settings=apigateway.CfnStage.AccessLogSettingsProperty(
                destination_arn=log.log_group_arn, format=json.dumps(ACCESS_LOG)
            ),
        )
        acknowledge(
            self,
            {
                "APIG4": "Browsers and Socket.IO clients hand over the token in a frame or a "
                "cookie, which authorizers cannot read: the functions check it, per namespace."
            },
        )

    @property
    def host(self) -> str:
        """The name of the API's host."""
        return f"{self.api_id}.execute-api.{cdk.Aws.REGION}.{cdk.Aws.URL_SUFFIX}"

    @property
    def url(self) -> str:
        """The URL of the API's stage."""
        scheme, path = ("wss", f"/{self.stage_name}") if self._websocket else ("https", "")
        return f"{scheme}://{self.host}{path}"

    @property
    def connections_arn(self) -> str:
        """The ARN of all connections with any of the three methods (get, post, delete)."""
        return self.arn(f"{self.stage_name}/*/@connections/*")

    @property
    def connections_finding(self) -> str:
        """The finding of cdk-nag about ``connections_arn``."""
        api = cdk.Stack.of(self).get_logical_id(self.api)
        return (
            "IAM5[Resource::arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>:"
            f"<{api}>/{self.stage_name}/*/@connections/*]"
        )

    def arn(self, resource: str) -> str:
        """Return the ARN of a resource of this API."""
        return cdk.Stack.of(self).format_arn(
            service="execute-api", resource=self.api_id, resource_name=resource
        )

    def route(self, routes: Mapping[str, str], functions: Mapping[str, lambda_.IFunction]) -> None:
        """Add the routes: each route key invokes the function of the name beside it.

        The routes have no responses, because the client would receive everything that a function
        returns as a frame.
        """
        targets = {
            name: self._integrate(name, functions[name]) for name in sorted(set(routes.values()))
        }
        for key, name in routes.items():
            apigateway.CfnRoute(
                self,
                f"Route {key.replace('/', '-')}",
                api_id=self.api_id,
                route_key=key,
                authorization_type="NONE",
                target=targets[name],
            )

    def _integrate(self, name: str, function: lambda_.IFunction) -> str:
        integration = apigateway.CfnIntegration(
            self,
            f"Integration {name}",
            api_id=self.api_id,
            integration_type="AWS_PROXY",
            integration_uri=self._invocation_uri(function),
            payload_format_version=None if self._websocket else "2.0",
        )
        lambda_.CfnPermission(
            self,
            f"Permission {name}",
            action="lambda:InvokeFunction",
            function_name=function.function_arn,
            principal="apigateway.amazonaws.com",
            source_arn=self.arn("*"),
        )
        return f"integrations/{integration.ref}"

    def _invocation_uri(self, function: lambda_.IFunction) -> str:
        return cdk.Stack.of(self).format_arn(
            service="apigateway",
            account="lambda",
            resource="path",
            resource_name=f"2015-03-31/functions/{function.function_arn}/invocations",
        )


def set_account_log_role(scope: Construct, *gateways: Gateway) -> None:
    """Set the role with which API Gateway writes the access logs of WebSocket APIs.

    An account has one such role per region. A stage with an access log cannot be made before the
    role is set:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
    The role stays when the stack is deleted, because other APIs of the account may need it.
    """
    role = iam.Role(
        scope,
        "ApiGatewayLogRole",
        assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com"),
        managed_policies=[
            iam.ManagedPolicy.from_aws_managed_policy_name(
                "service-role/AmazonAPIGatewayPushToCloudWatchLogs"
            )
        ],
    )
    role.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
    acknowledge(
        role,
        {
            "IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
            "AmazonAPIGatewayPushToCloudWatchLogs]": "The policy that API Gateway's manual asks "
            "for, maintained by AWS together with the service that uses it."
        },
    )
    account = rest.CfnAccount(scope, "ApiGatewayAccount", cloud_watch_role_arn=role.role_arn)
    account.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
    for gateway in gateways:
        gateway.stage.add_resource_dependency(account)
