"""The environment of a function."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from shared.settings import from_environment, settings
from tests.conftest import RESOURCES, UseSettings

ENVIRONMENT = {name.upper(): value for name, value in RESOURCES.items()}


def test_resources_come_from_the_environment_and_other_settings_have_defaults() -> None:
    values = from_environment(ENVIRONMENT | {"PATH": "/bin", "UNRELATED": "x"})
    for name, value in RESOURCES.items():
        assert getattr(values, name) == value
    assert values.ring_timeout_seconds == 30
    assert values.aws_region == "us-east-1"


def test_a_value_is_converted_to_the_type_of_its_field() -> None:
    values = from_environment(
        ENVIRONMENT | {"RING_TIMEOUT_SECONDS": "5", "POST_TIMEOUT_SECONDS": "1.5"}
    )
    assert (values.ring_timeout_seconds, values.post_timeout_seconds) == (5, 1.5)


@pytest.mark.parametrize("name", list(RESOURCES))
def test_the_error_names_a_missing_resource(name: str) -> None:
    given = {key: value for key, value in ENVIRONMENT.items() if key != name.upper()}
    with pytest.raises(msgspec.ValidationError, match=name):
        from_environment(given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ROOM_SHARDS", "many"),
        ("RING_TIMEOUT_SECONDS", "1.5"),
        ("OPENING_RETRY_SECONDS", ""),
        ("LIMIT_CALL_END_PER_MINUTE", "0"),
        ("LIMIT_CALL_INITIATE_PER_MINUTE", "51"),
    ],
)
def test_the_error_names_a_setting_with_a_wrong_value(name: str, value: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=name.lower()):
        from_environment(ENVIRONMENT | {name: value})


def test_settings_are_read_once(use_settings: UseSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    first = use_settings(room_shards=3)
    monkeypatch.setenv("ROOM_SHARDS", "4")
    assert settings() is first
    assert first.room_shards == 3
    assert use_settings().room_shards == 4


def test_the_connections_url_leads_to_the_stage(use_settings: UseSettings) -> None:
    stage: dict[str, Any] = {
        "websocket_api_id": "abc",
        "websocket_stage": "dev",
        "aws_region": "eu-west-1",
    }
    values = use_settings(**stage)
    assert values.connections_url == "https://abc.execute-api.eu-west-1.amazonaws.com/dev"
    values = use_settings(connections_url_format="http://127.0.0.1:1/{api}/{stage}")
    assert values.connections_url == "http://127.0.0.1:1/abc/dev"


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("", set()),
        ("https://a", {"https://a"}),
        ("https://a,https://b,", {"https://a", "https://b"}),
    ],
)
def test_origins_are_separated_by_commas(
    use_settings: UseSettings, text: str, origins: set[str]
) -> None:
    assert use_settings(allowed_origins=text).origins == origins
