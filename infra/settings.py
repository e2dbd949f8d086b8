"""The settings of a deployment: ``-c name=value`` or ``cdk.json``, checked before the build.

There are two kinds: the stack's own settings below, and every field of ``shared.settings.Settings``
that has a default. The latter are passed on to the functions' environment, so a new field there is
a setting here without any change in this module.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, TypeVar

import msgspec

from shared import settings as functions
from shared import wrong_values

RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827)
"""The days for which CloudWatch can keep logs.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"""

BOUNDS = {
    # An Express execution ends after 300 s; the rest is for retries.
    "ring_timeout_seconds": (1, 200),
    # The opener's own timeout is longer by one post.
    "opening_retry_seconds": (1, 20),
    # The timeouts of the functions are longer than the longest post.
    "post_connect_seconds": (0.1, 2),
    "post_timeout_seconds": (0.1, 3),
    "post_retry_seconds": (0, 5),
    "post_pause_most_seconds": (0, 2),
    # The timeout of the function that deletes LiveKit rooms is longer than this.
    "livekit_timeout_seconds": (0.1, 8),
    # SQS hides a message for 12 h at most.
    "livekit_retry_seconds": (1, 300),
    "unauthenticated_seconds": (5, 600),
    # API Gateway closes a connection that is idle for 600 s. A sweep may begin 60 s late, and takes
    # some time itself.
    "ping_period_seconds": (10, 480),
    "due_shards": (1, 64),
    # The sweep's own timeout is longer by the time that a request may take.
    "sweep_seconds": (1, 30),
    "ring_timer_grace_seconds": (1, 300),
    "repair_every_minutes": (1, 1_440),
}
"""The least and the greatest value of a setting."""

SWEEP_SECONDS = 60
"""The time between two sweeps. A ping may be late by as much."""

_FIELDS = msgspec.structs.fields(functions.Settings)
RESOURCES = tuple(field.name for field in _FIELDS if field.required)
"""The fields that the stack itself fills in: names of resources, which have no defaults."""

PASSED_ON = frozenset(field.name for field in _FIELDS if not field.required) - {
    "aws_region",  # Lambda sets it
    "edge_key",  # generated with the stack
    "pushes_queue_url",  # made with the stack
}
"""The settings that are passed on to the functions."""

ALWAYS_SHOWN = ("ring_timeout_seconds", "livekit_url", "allowed_origins", "ping_interval_ms")
"""The settings that are in the environment even with their defaults, so that an operator finds
them there."""

T = TypeVar("T")
AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]


class SettingError(ValueError):
    """A setting is wrong. The text is one sentence that names the setting and what is wrong."""


class StackSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The stack's own settings, under the same names in the context."""

    stage: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9]{0,11}$")] = "dev"
    """Part of every physical name: ``switchboard-<stage>-…``."""

    local: bool = False
    """Whether the stack is for the emulator: no dependency layer, plain http to the queues, no
    bootstrap roles."""

    api_gateway_log_role: bool = True
    """Whether to set the account's one role that API Gateway logs with. False if the account has
    one already."""

    edge: bool = True
    """Whether CloudFront is in front, as one origin for sockets, HTTP and pages."""

    domain: Annotated[str, msgspec.Meta(pattern=r"^([a-z0-9-]+(\.[a-z0-9-]+)+)?$")] = ""
    """The domain of the edge, in place of CloudFront's own."""

    certificate_arn: Annotated[
        str, msgspec.Meta(pattern=r"^(arn:aws:acm:us-east-1:\d{12}:certificate/.+)?$")
    ] = ""
    """The certificate for ``domain``. CloudFront accepts only certificates of us-east-1."""

    web_acl_arn: Annotated[
        str, msgspec.Meta(pattern=r"^(arn:aws:wafv2:us-east-1:\d{12}:global/webacl/.+)?$")
    ] = ""
    """An ACL of AWS WAF for the edge."""

    alarms: bool = True
    """Whether there are alarms and a dashboard."""

    alarm_mail: Annotated[str, msgspec.Meta(pattern=r"^([^@\s]+@[^@\s.]+(\.[^@\s.]+)+)?$")] = ""
    """The address that receives mail from the alarms."""

    traces: bool = True
    """Whether X-Ray samples invocations. AWS charges for each trace."""

    log_retention_days: int = 30
    throttle_rate: AtLeastOne = 2_000
    throttle_burst: AtLeastOne = 1_000
    stream_window_seconds: Annotated[int, msgspec.Meta(ge=0, le=300)] = 0
    """How long a stream waits to fill a batch. A longer wait is cheaper, and presence is later."""

    sweep_parts: Annotated[int, msgspec.Meta(ge=1, le=5)] = 3
    """How many sweeps share the connections at the same time. A rule has five targets at most. Each
    looks after about 15,000 connections a minute: three suffice for 100,000 connections."""

    snap_start: bool = False
    """Whether the functions that clients wait for start from a snapshot. A cold start is quicker
    then, and AWS charges for the snapshots."""

    disconnects_at_once: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 0
    """The reserved concurrency of the disconnect function, which is also its maximum. 0 reserves
    nothing and sets no maximum."""

    environment: dict[str, str] = {}
    """The environment of every function, without the names of resources."""

    @property
    def stack_name(self) -> str:
        """The stack's name, ``switchboard-<stage>``."""
        return f"switchboard-{self.stage}"

    @property
    def published_keys(self) -> bool:
        """Whether tokens are checked against the issuer's public keys."""
        return bool(self.environment.get("JWKS_URL"))

    @property
    def applications(self) -> list[str]:
        """The ARNs of the platform applications of Amazon SNS that push."""
        found = [self.environment.get(f"PUSH_{one}_ARN") for one in ("APNS", "APNS_VOIP", "FCM")]
        return [one for one in found if one]

    @property
    def pushes(self) -> bool:
        """Whether the stack pushes to phones."""
        return bool(self.applications)

    @property
    def is_production(self) -> bool:
        """Whether this is the stage whose data must be kept."""
        return self.stage == "prod"

    def is_on(self, name: str) -> bool:
        """Return whether a feature, off by default, is switched on.

        name: a setting of the functions, or ``pushes``.
        """
        return bool(getattr(self, name, False)) or self.environment.get(name.upper()) == str(True)

    def name(self, part: str) -> str:
        """Return a physical name.

        It is known before deployment, so an ARN made of it adds no dependency that could be a
        cycle.
        """
        return f"{self.stack_name}-{part}"


OWN = frozenset(StackSettings.__struct_fields__) - {"environment"}


def from_context(context: Mapping[str, object]) -> StackSettings:
    """Read the settings. Raises ``SettingError``.

    Keys with other characters than lower-case letters and ``_`` are ignored: they are the CDK's own
    feature flags and lookups.
    """
    given = {name: value for name, value in context.items() if re.fullmatch(r"[a-z_]+", name)}
    unknown = sorted(given.keys() - OWN - PASSED_ON)
    if unknown:
        known = ", ".join(sorted(OWN | PASSED_ON))
        raise SettingError(f"There is no setting {unknown[0]}; the settings are {known}.")
    settings = _convert({name: given[name] for name in OWN & given.keys()}, StackSettings)
    if settings.log_retention_days not in RETENTION_DAYS:
        raise SettingError(f"log_retention_days is one of {', '.join(map(str, RETENTION_DAYS))}.")
    environment = _environment({name: given[name] for name in PASSED_ON & given.keys()})
    settings = msgspec.structs.replace(settings, environment=environment)
    _check_edge(settings)
    schemes = ("https://", "http://") if settings.local else ("https://",)
    if settings.published_keys and not environment["JWKS_URL"].startswith(schemes):
        raise SettingError(f"jwks_url begins with {' or '.join(schemes)}: its keys are trusted.")
    return settings


def _check_edge(settings: StackSettings) -> None:
    if bool(settings.domain) != bool(settings.certificate_arn):
        raise SettingError("domain and certificate_arn go together: one of them is missing.")
    if not settings.edge and (settings.domain or settings.web_acl_arn):
        raise SettingError("domain and web_acl_arn are the edge's, and edge is false.")


def _environment(given: dict[str, object]) -> dict[str, str]:
    """Return the functions' environment without resources, checked as the functions will read it.

    Raises ``SettingError``.
    """
    parsed = _convert({**dict.fromkeys(RESOURCES, "-"), "tables": {}, **given}, functions.Settings)
    for name, (low, high) in BOUNDS.items():
        if not low <= getattr(parsed, name) <= high:
            raise SettingError(f"{name} is between {low} and {high}.")
    # Some client libraries give up after the whole announced time, others after a part of it.
    if (parsed.ping_period_seconds + SWEEP_SECONDS) * 1000 > parsed.ping_interval_ms:
        raise SettingError(
            f"ping_period_seconds is at least {SWEEP_SECONDS} s less than "
            "ping_interval_ms announces."
        )
    if parsed.ring_by_push and not parsed.platform_applications:
        raise SettingError("ring_by_push needs push_apns_voip_arn, push_apns_arn or push_fcm_arn.")
    shown = sorted(given.keys() | set(ALWAYS_SHOWN))
    return {name.upper(): str(getattr(parsed, name)) for name in shown}


def _convert(values: Mapping[str, object], kind: type[T]) -> T:
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        wrong = wrong_values.read(error)
        raise SettingError(f"{wrong.path or 'A setting'} is wrong: {wrong.what}.") from error
