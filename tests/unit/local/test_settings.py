"""What ``python -m local`` accepts from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.settings import SettingError
from local.settings import OWN_ORIGIN, SECRETS, from_environment


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = from_environment({})
    assert settings.url == "http://127.0.0.1:8000"
    assert settings.secrets == SECRETS
    assert settings.accounts.name == "accounts.json"
    assert settings.context == {"stage": "dev", "local": "true", "allowed_origins": OWN_ORIGIN}


def test_settings_of_the_functions_are_passed_to_the_cdk_app() -> None:
    settings = from_environment(
        {
            "PORT": "9000",
            "RING_TIMEOUT_SECONDS": "3",
            "LIVEKIT_URL": "wss://livekit.example",
            "ALLOWED_ORIGINS": "https://a.example, https://b.example,",
            "JWT_SECRET": "another",
        }
    )
    assert settings.context["ring_timeout_seconds"] == "3"
    assert settings.context["livekit_url"] == "wss://livekit.example"
    assert (
        settings.context["allowed_origins"] == f"{OWN_ORIGIN},https://a.example,https://b.example"
    )
    assert settings.secrets["JWT_SECRET"] == "another"
    assert settings.work.name == "9000"


def test_the_synth_does_not_depend_on_the_port() -> None:
    assert from_environment({"PORT": "1"}).context == from_environment({"PORT": "2"}).context


def test_an_empty_variable_counts_as_not_set() -> None:
    assert from_environment({"PORT": "", "JWT_SECRET": ""}) == from_environment({})


@pytest.mark.parametrize("port", ["0", "65536", "-1", "eight", "80 ", "٣", "1e3"])
def test_the_error_names_a_wrong_port(port: str) -> None:
    with pytest.raises(SettingError, match=r"^PORT is a number between 1 and 65535, not "):
        from_environment({"PORT": port})


@pytest.mark.parametrize("seconds", ["0", "-5", "soon"])
def test_the_error_names_a_wrong_ring_timeout(seconds: str) -> None:
    with pytest.raises(SettingError, match="ring_timeout_seconds"):
        from_environment({"RING_TIMEOUT_SECONDS": seconds})


def test_the_error_names_a_missing_accounts_file(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"^ACCOUNTS names a file that does not exist: .*none"):
        from_environment({"ACCOUNTS": str(tmp_path / "none.json")})
