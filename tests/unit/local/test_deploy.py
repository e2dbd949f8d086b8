"""When an earlier synth is used again, and which account the tools can reach."""

from __future__ import annotations

from pathlib import Path

from local.deploy import fingerprint
from local.emulator import aws_environment


def test_a_synth_is_kept_for_the_same_sources_and_settings(tmp_path: Path) -> None:
    source = tmp_path / "infra" / "app.py"
    source.parent.mkdir()
    source.write_text("1")
    for name in ("cdk.json", "pyproject.toml", "local/requirements.lock"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    first = fingerprint({"stage": "dev"}, tmp_path)
    assert fingerprint({"stage": "dev"}, tmp_path) == first
    assert fingerprint({"stage": "prod"}, tmp_path) != first
    cache = tmp_path / "infra" / "__pycache__" / "app.pyc"
    cache.parent.mkdir()
    cache.write_text("x")
    assert fingerprint({"stage": "dev"}, tmp_path) == first
    source.write_text("2")
    assert fingerprint({"stage": "dev"}, tmp_path) != first


def test_the_tools_can_reach_no_real_aws_account() -> None:
    environment = aws_environment(
        {"AWS_PROFILE": "prod", "AWS_SESSION_TOKEN": "t", "NO_PROXY": "a", "PATH": "/bin"},
        "http://x",
    )
    assert "AWS_PROFILE" not in environment
    assert "AWS_SESSION_TOKEN" not in environment
    assert environment["AWS_ENDPOINT_URL"] == "http://x"
    assert environment["NO_PROXY"] == "a,127.0.0.1,localhost"
    assert environment["PATH"] == "/bin"
