"""Log groups: always declared, so that none is made on first use and kept for ever."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.settings import RETENTION_DAYS, StackSettings

RETENTION = dict(zip(RETENTION_DAYS, logs.RetentionDays, strict=False))
"""Both run from one day upwards; the CDK's longest are left out."""


def make_log_group(scope: Construct, id_: str, settings: StackSettings, name: str) -> logs.LogGroup:
    return logs.LogGroup(
        scope,
        id_,
        log_group_name=name,
        retention=RETENTION[settings.log_retention_days],
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
