"""The edge: CloudFront as one origin in front of both APIs and the bucket with the pages.

On a developer's machine ``local/edge.py`` takes its place. Without an edge (``edge=false``) clients
use the two APIs' own URLs, and there are no pages.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_deployment as deployment
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra import site
from infra.gateway import Gateway
from infra.logs import make_log_group
from infra.nag import acknowledge
from infra.settings import StackSettings
from shared.identity.edge import KEY_HEADER

SOCKETS = ("/socket.io/", "/socket.io", "/ws", "/ws/")
HTTP_API = "http-api"
"""The id of the origin that ``edge_functions/socket.js`` chooses for long polling."""

ANYTHING_ELSE = "/?*"
"""Every path but ``/``. No pattern means ``/`` alone, so ``/`` is left for the default behavior."""

CACHED_ERRORS = (400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504)
"""The errors that CloudFront keeps for ten seconds unless it is told otherwise, also for paths that
are not cached.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/HTTPStatusCodes.html"""

FUNCTIONS = Path(__file__).with_name("edge_functions")


def make_edge_key(scope: Construct) -> secretsmanager.Secret:
    """Make the key that proves to the stack that a request comes through the edge.

    With it, the stack believes the client's address in the request.
    """
    key = secretsmanager.Secret(
        scope,
        "EdgeKey",
        description="What the edge shows the two APIs",
        generate_secret_string=secretsmanager.SecretStringGenerator(
            password_length=40, exclude_punctuation=True
        ),
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    acknowledge(
        key,
        {
            "SMG4": "The key opens nothing: a client that has it can only make its handshakes "
            "count for another address. A new key takes a deployment."
        },
    )
    return key


class Edge(Construct):
    """The CloudFront distribution with the bucket of the pages."""

    def __init__(
        self,
        scope: Construct,
        settings: StackSettings,
        *,
        websocket: Gateway,
        http: Gateway,
        key: secretsmanager.Secret,
    ) -> None:
        super().__init__(scope, "Edge")
        site.assemble()
        bucket = self._make_bucket()
        pages = cloudfront.BehaviorOptions(
            origin=origins.S3BucketOrigin.with_origin_access_control(
                bucket, origin_access_control=self._make_access(settings)
            ),
            response_headers_policy=self._page_headers(settings),
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
            function_associations=[self._on_request("page")],
        )
        proof = {KEY_HEADER: key.secret_value.unsafe_unwrap()}
        sockets = self._uncached(
            origins.HttpOrigin(
                websocket.host,
                origin_path=f"/{websocket.stage_name}",
                custom_headers=proof,
            ),
            self._on_request("socket"),
        )
        api = self._uncached(
            origins.HttpOrigin(http.host, origin_id=HTTP_API, custom_headers=proof)
        )
        self._distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment=settings.stack_name,
            default_behavior=pages,
            additional_behaviors={
                **dict.fromkeys(SOCKETS, sockets),
                **dict.fromkeys(_patterns(), pages),
                ANYTHING_ELSE: api,
            },
            error_responses=[
                cloudfront.ErrorResponse(http_status=status, ttl=cdk.Duration.seconds(0))
                for status in CACHED_ERRORS
            ],
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            minimum_protocol_version=cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
            web_acl_id=settings.web_acl_arn or None,
            domain_names=[settings.domain] if settings.domain else None,
            certificate=acm.Certificate.from_certificate_arn(
                self, "Certificate", settings.certificate_arn
            )
            if settings.domain
            else None,
        )
        self._domain_name = settings.domain or self._distribution.distribution_domain_name
        self._upload(bucket, settings)
        self._acknowledge(settings)

    @property
    def url(self) -> str:
        """The edge's URL, without a slash at the end."""
        return f"https://{self._domain_name}"

    @property
    def target(self) -> str:
        """The host that a domain of the team's own must be an alias of."""
        return self._distribution.distribution_domain_name

    def _page_headers(self, settings: StackSettings) -> cloudfront.ResponseHeadersPolicy:
        """Make the policy that adds ``site.HEADERS`` to every page, and allows TLS only."""
        return cloudfront.ResponseHeadersPolicy(
            self,
            "PageHeaders",
            # The names of these policies are unique in the account, not in the region.
            response_headers_policy_name=settings.name(f"pages-{cdk.Aws.REGION}"),
            security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
                content_security_policy=cloudfront.ResponseHeadersContentSecurityPolicy(
                    content_security_policy=site.HEADERS["Content-Security-Policy"], override=True
                ),
                content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
                frame_options=cloudfront.ResponseHeadersFrameOptions(
                    frame_option=cloudfront.HeadersFrameOption.DENY, override=True
                ),
                referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
                    referrer_policy=cloudfront.HeadersReferrerPolicy.NO_REFERRER, override=True
                ),
                strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                    access_control_max_age=cdk.Duration.days(365), override=True
                ),
            ),
        )

    def _uncached(
        self, origin: cloudfront.IOrigin, *functions: cloudfront.FunctionAssociation
    ) -> cloudfront.BehaviorOptions:
        """Forward requests to an API, without caching.

        All of the client's headers are forwarded except ``Host``, by which API Gateway finds the
        API.
        """
        return cloudfront.BehaviorOptions(
            origin=origin,
            cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
            origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
            allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
            function_associations=list(functions),
        )

    def _on_request(self, name: str) -> cloudfront.FunctionAssociation:
        function = cloudfront.Function(
            self,
            name.title(),
            code=cloudfront.FunctionCode.from_inline((FUNCTIONS / f"{name}.js").read_text()),
            runtime=cloudfront.FunctionRuntime.JS_2_0,
        )
        return cloudfront.FunctionAssociation(
            function=function, event_type=cloudfront.FunctionEventType.VIEWER_REQUEST
        )

    def _make_access(self, settings: StackSettings) -> cloudfront.S3OriginAccessControl:
        """Make the right of the distribution to read the pages.

        Its name is global to the account, so that it must differ between regions.
        """
        name = f"{settings.name('pages')}-{cdk.Aws.REGION}"
        return cloudfront.S3OriginAccessControl(
            self, "PagesAccess", origin_access_control_name=name
        )

    def _make_bucket(self) -> s3.Bucket:
        """Make the bucket of the pages.

        It may be deleted, because all its files come from the repository.
        """
        bucket = s3.Bucket(
            self,
            "Pages",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        acknowledge(
            bucket, {"S1": "The pages are public and only the edge reads them: no log is needed."}
        )
        return bucket

    def _upload(self, bucket: s3.Bucket, settings: StackSettings) -> None:
        deployment.BucketDeployment(
            self,
            "Upload",
            sources=[deployment.Source.asset(str(site.SITE))],
            destination_bucket=bucket,
            cache_control=[deployment.CacheControl.no_cache()],
            retain_on_delete=False,
            memory_limit=512,
            log_group=make_log_group(
                self, "UploadLog", settings, f"/aws/lambda/{settings.name('upload')}"
            ),
        )
        stack = cdk.Stack.of(self)
        pages = stack.get_logical_id(cast("s3.CfnBucket", bucket.node.default_child))
        reasons = {
            **UPLOADER,
            **dict.fromkeys(
                (
                    *(f"IAM5[Action::s3:{actions}*]" for actions in UPLOADERS_ACTIONS),
                    f"IAM5[Resource::<{pages}.Arn>/*]",
                    "IAM5[Resource::arn:<AWS::Partition>:s3:::cdk-hnb659fds-assets-"
                    "<AWS::AccountId>-<AWS::Region>/*]",
                ),
                "Objects of the pages' bucket and of the CDK's bucket, whose names are hashes.",
            ),
        }
        for child in stack.node.children:
            if child.node.id.startswith("Custom::CDKBucketDeployment"):
                acknowledge(child, reasons)

    def _acknowledge(self, settings: StackSettings) -> None:
        reasons = {
            "CFR1": "The team decides in which countries its apps are used.",
            "CFR3": "The APIs log every request. A log here would contain the tokens that 2.x and "
            "native clients send in the query.",
        }
        if not settings.web_acl_arn:
            reasons["CFR2"] = "The team may choose an ACL: web_acl_arn names it."
        if not settings.domain:
            reasons["CFR4"] = "CloudFront's own name and certificate; domain sets others."
        acknowledge(self._distribution, reasons)


UPLOADER = {
    "L1": "The CDK's own function, which runs while the stack is deployed.",
    "IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]": (
        "The CDK's own role of that function."
    ),
}
UPLOADERS_ACTIONS = ("Abort", "DeleteObject", "GetBucket", "GetObject", "List")


def _patterns() -> list[str]:
    """Return the path patterns of the pages: ``/x/*`` for a folder, ``/x`` for ``x.html``.

    There is none for ``/``, which is the default behavior.
    """
    return sorted(
        f"/{path.name}/*" if path.is_dir() else f"/{path.name.removesuffix('.html')}"
        for path in site.SITE.iterdir()
        if path.name != "index.html"
    )


def own_origins(edge: Edge | None, allowed: str) -> str:
    """Return the origins whose pages may use the admin cookie: the edge's own and the team's."""
    return ",".join(filter(None, [edge.url if edge else "", allowed]))
