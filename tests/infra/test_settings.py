"""The settings of the CDK app, as they are read from its context."""

from __future__ import annotations

import pytest

from infra.settings import PASSED_ON, SettingError, from_context
from tests.infra.conftest import ACL, CERTIFICATE


def test_defaults_are_complete() -> None:
    settings = from_context({})
    assert settings.stack_name == "switchboard-dev"
    assert not settings.local
    assert settings.environment["RING_TIMEOUT_SECONDS"] == "30"


def test_text_from_the_command_line_is_converted() -> None:
    settings = from_context({"local": "true", "stage": "prod", "throttle_rate": "5"})
    assert settings.local
    assert settings.is_production
    assert settings.throttle_rate == 5


def test_the_cdk_s_own_context_is_ignored() -> None:
    from_context({"@aws-cdk/core:x": True, "aws:cdk:y": [], "availability-zones:account=1": []})


def test_settings_of_the_functions_are_passed_on() -> None:
    given = from_context({"room_shards": "4", "livekit_url": "wss://livekit.example"}).environment
    assert given["ROOM_SHARDS"] == "4"
    assert given["LIVEKIT_URL"] == "wss://livekit.example"
    assert "AWS_REGION" not in given


def test_a_jwks_url_makes_published_keys_required() -> None:
    assert not from_context({}).published_keys
    assert not from_context({"jwks_url": ""}).published_keys
    assert from_context({"jwks_url": "https://issuer.example/jwks.json"}).published_keys
    assert from_context({"jwks_url": "http://127.0.0.1:1/", "local": "true"}).published_keys


def test_the_connection_limit_is_passed_on_once_it_is_read() -> None:
    given = from_context({"limit_connections_per_minute": "1000"}).environment
    read = "limit_connections_per_minute" in PASSED_ON
    assert given.get("LIMIT_CONNECTIONS_PER_MINUTE") == ("1000" if read else None)


@pytest.mark.parametrize(
    ("context", "sentence"),
    [
        ({"stage": "Dev!"}, r"^stage is wrong: Expected `str` matching regex .*\.$"),
        ({"local": "perhaps"}, r"^local is wrong: Expected `bool`, got `str`\.$"),
        ({"ring_timeout_seconds": "0"}, r"^ring_timeout_seconds is between 1 and 200\.$"),
        ({"ring_timeout_seconds": "201"}, r"^ring_timeout_seconds is between 1 and 200\.$"),
        ({"ring_timeout_seconds": "soon"}, r"^ring_timeout_seconds is wrong: Expected `int`"),
        ({"opening_retry_seconds": "60"}, r"^opening_retry_seconds is between 1 and 20\.$"),
        ({"log_retention_days": "31"}, r"^log_retention_days is one of 1, 3, 5, .*\.$"),
        ({"alarm_mail": "ops"}, r"^alarm_mail is wrong: Expected `str` matching regex "),
        ({"alarm_mail": "a@b.c d@e.f"}, r"^alarm_mail is wrong: "),
        ({"log_level": "LOUD"}, r"^log_level is wrong: Invalid enum value 'LOUD'\.$"),
        ({"throttle_rate": "0"}, r"^throttle_rate is wrong: Expected `int` >= 1\.$"),
        ({"stream_window_seconds": "301"}, r"^stream_window_seconds is wrong: .* <= 300\.$"),
        ({"ring_timeout": "30"}, r"^There is no setting ring_timeout; the settings are .*\.$"),
        ({"connections_table": "mine"}, r"^There is no setting connections_table; "),
        ({"aws_region": "eu-west-1"}, r"^There is no setting aws_region; "),
        ({"jwks_url": "http://issuer.example"}, r"^jwks_url begins with https://: its keys are "),
        (
            {"jwks_url": "file:///keys", "local": "true"},
            r"^jwks_url begins with https:// or http://",
        ),
        ({"livekit_timeout_seconds": "9"}, r"^livekit_timeout_seconds is between 0.1 and 8\.$"),
        ({"snap_start": "perhaps"}, r"^snap_start is wrong: Expected `bool`, got `str`\.$"),
        ({"disconnects_at_once": "-1"}, r"^disconnects_at_once is wrong: Expected `int` >= 0\.$"),
        ({"livekit_retry_seconds": "0"}, r"^livekit_retry_seconds is between 1 and 300\.$"),
        ({"edge_key": "mine"}, r"^There is no setting edge_key; "),
        ({"domain": "https://rt.example.com"}, r"^domain is wrong: Expected `str` matching"),
        ({"domain": "rt.example.com"}, r"^domain and certificate_arn go together: one of them is "),
        ({"certificate_arn": CERTIFICATE}, r"^domain and certificate_arn go together: one of "),
        (
            {"domain": "a.example", "certificate_arn": CERTIFICATE.replace("us-east", "eu-west")},
            r"^certificate_arn is wrong: ",
        ),
        ({"web_acl_arn": ACL.replace("global", "regional")}, r"^web_acl_arn is wrong: "),
        ({"web_acl_arn": ACL, "edge": "false"}, r"^domain and web_acl_arn are the edge's, and "),
    ],
)
def test_wrong_values_are_refused_in_one_sentence(context: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence) as refused:
        from_context(context)
    assert "\n" not in str(refused.value)
