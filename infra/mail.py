"""Mail from alarms: a topic with one subscribed address."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.settings import StackSettings


def make_mail(scope: Construct, settings: StackSettings) -> actions.SnsAction | None:
    """Make the topic and return the action that publishes to it.

    Returns None if the settings have no address. AWS asks the address to confirm the subscription.

    The topic has a key of its own ($1 a month), because alarms may not publish with AWS's own key
    for SNS.
    https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    """
    if not settings.alarm_mail:
        return None
    cloudwatch = iam.ServicePrincipal(
        "cloudwatch.amazonaws.com",
        conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}},
    )
    key = kms.Key(
        scope,
        "AlarmKey",
        description=f"Alarms of {settings.stack_name}",
        enable_key_rotation=True,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    key.grant_encrypt_decrypt(cloudwatch)
    topic = sns.Topic(scope, "AlarmTopic", master_key=key, enforce_ssl=True)
    topic.add_to_resource_policy(
        iam.PolicyStatement(
            actions=["sns:Publish"], resources=[topic.topic_arn], principals=[cloudwatch]
        )
    )
    topic.add_subscription(subscriptions.EmailSubscription(settings.alarm_mail))
    return actions.SnsAction(topic)
