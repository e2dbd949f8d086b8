"""What a team may set with ``-c name=value`` or in ``cdk.json``, checked before anything is built.

Two kinds: the stack's own settings below, and every field of ``shared.settings.Settings`` that has
a default. Those pass through to the functions' environment, so a limit added there is a context
setting without a line here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, TypeVar

import msgspec

from shared import settings as functions

RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827)
"""https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"""

BOUNDS = {
    "ring_timeout_seconds": (1, 200),  # an Express execution ends at 300: the rest is for retries
    "opening_retry_seconds": (1, 20),  # the opener's own timeout is a post longer
    # Functions end later than the longest post.
    "post_connect_seconds": (0.1, 2),
    "post_timeout_seconds": (0.1, 3),
    "post_retry_seconds": (0, 5),
    "post_pause_most_seconds": (0, 2),
    "livekit_timeout_seconds": (0.1, 8),  # and so is that of the function that deletes rooms
    "livekit_retry_seconds": (1, 300),  # SQS hides a message for 12 h at most
    "unauthenticated_seconds": (5, 600),
    # API Gateway closes what is idle for 600; a sweep may be 60 late and takes a while itself.
    "ping_period_seconds": (10, 480),
    "due_shards": (1, 64),
    "sweep_seconds": (1, 30),  # the sweep's own timeout is longer by what a request may take
    "ring_timer_grace_seconds": (1, 300),
    "repair_every_minutes": (1, 1_440),
}
SWEEP_SECONDS = 60
"""Between two sweeps, so a ping may be that much late."""

_FIELDS = msgspec.structs.fields(functions.Settings)
RESOURCES = tuple(field.name for field in _FIELDS if field.required)
"""What the stack itself fills in: a resource has no default."""

PASSED_ON = frozenset(field.name for field in _FIELDS if not field.required) - {
    "aws_region",  # Lambda's own
    "edge_key",  # generated
}

ALWAYS_SHOWN = ("ring_timeout_seconds", "livekit_url", "allowed_origins", "ping_interval_ms")
"""In the environment even when left at their defaults, so that an operator finds them there."""

T = TypeVar("T")
AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]


class SettingError(ValueError):
    """One sentence that names the setting and says what is wrong with it."""


class StackSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The stack's own settings, under the same names in the context."""

    stage: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9]{0,11}$")] = "dev"
    """Part of every physical name: ``switchboard-<stage>-…``."""

    local: bool = False
    """For the emulator: no dependency layer, plain http to the queues, no bootstrap roles."""

    api_gateway_log_role: bool = True
    """Set the account's one role that API Gateway logs with; false where the account has it."""

    edge: bool = True
    """CloudFront in front: one origin for sockets, HTTP and pages."""

    domain: Annotated[str, msgspec.Meta(pattern=r"^([a-z0-9-]+(\.[a-z0-9-]+)+)?$")] = ""
    """The edge's own name, in place of CloudFront's."""

    certificate_arn: Annotated[
        str, msgspec.Meta(pattern=r"^(arn:aws:acm:us-east-1:\d{12}:certificate/.+)?$")
    ] = ""
    """For ``domain``; CloudFront takes certificates of us-east-1 alone."""

    web_acl_arn: Annotated[
        str, msgspec.Meta(pattern=r"^(arn:aws:wafv2:us-east-1:\d{12}:global/webacl/.+)?$")
    ] = ""
    """Of AWS WAF, for the edge."""

    alarms: bool = True
    """Alarms and the dashboard."""

    alarm_mail: Annotated[str, msgspec.Meta(pattern=r"^([^@\s]+@[^@\s.]+(\.[^@\s.]+)+)?$")] = ""
    """Whom the alarms tell."""

    traces: bool = True
    """X-Ray samples invocations, which is paid for by the trace."""

    log_retention_days: int = 30
    throttle_rate: AtLeastOne = 2_000
    throttle_burst: AtLeastOne = 1_000
    stream_window_seconds: Annotated[int, msgspec.Meta(ge=0, le=300)] = 0
    """How long a stream waits to fill a batch: more is cheaper, and presence comes later."""

    sweep_parts: Annotated[int, msgspec.Meta(ge=1, le=5)] = 1
    """How many sweeps at a time share the connections; a rule has five targets at most."""

    snap_start: bool = False
    """Start the functions that somebody waits for from a snapshot: quicker when cold, and paid."""

    disconnects_at_once: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 0
    """Reserved for the disconnect function, which then has no more; 0 for as many as there are."""

    environment: dict[str, str] = {}
    """Of every function, without the names of resources."""

    @property
    def stack_name(self) -> str:
        return f"switchboard-{self.stage}"

    @property
    def published_keys(self) -> bool:
        """Whether tokens are checked against the issuer's public keys."""
        return bool(self.environment.get("JWKS_URL"))

    @property
    def is_production(self) -> bool:
        return self.stage == "prod"

    def name(self, part: str) -> str:
        """A physical name. It is known before deployment, so an ARN made of it closes no cycle."""
        return f"{self.stack_name}-{part}"


OWN = frozenset(StackSettings.__struct_fields__) - {"environment"}


def from_context(context: Mapping[str, object]) -> StackSettings:
    """Read the settings; raises ``SettingError``.

    Keys with anything but lower-case letters and ``_`` are the CDK's own feature flags and lookups.
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
    """What the functions read beside resources, proved to be what they accept."""
    parsed = _convert({**dict.fromkeys(RESOURCES, "-"), "tables": {}, **given}, functions.Settings)
    for name, (low, high) in BOUNDS.items():
        if not low <= getattr(parsed, name) <= high:
            raise SettingError(f"{name} is between {low} and {high}.")
    # Clients of one library give up on the whole announced interval, others on a part of it.
    if (parsed.ping_period_seconds + SWEEP_SECONDS) * 1000 > parsed.ping_interval_ms:
        raise SettingError(
            f"ping_period_seconds is at least {SWEEP_SECONDS} s less than "
            "ping_interval_ms announces."
        )
    shown = sorted(given.keys() | set(ALWAYS_SHOWN))
    return {name.upper(): str(getattr(parsed, name)) for name in shown}


def _convert(values: Mapping[str, object], kind: type[T]) -> T:
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        raise SettingError(f"{where.rstrip('`') or 'A setting'} is wrong: {what}.") from error
