"""Log groups. All are declared, because a group that AWS makes on first use is kept for ever."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.settings import RETENTION_DAYS, StackSettings

RETENTION = dict(zip(RETENTION_DAYS, logs.RetentionDays, strict=False))
"""The CDK's values by days. Both lists begin at one day; the CDK's longest values are left out."""


def make_log_group(scope: Construct, id_: str, settings: StackSettings, name: str) -> logs.LogGroup:
    """Make a log group that keeps lines for ``log_retention_days``."""
    return logs.LogGroup(
        scope,
        id_,
        log_group_name=name,
        retention=RETENTION[settings.log_retention_days],
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
