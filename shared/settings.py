"""Every limit, timeout, interval and resource name the functions read, in one typed place.

``infra`` writes the environment of every function from the same names in capitals; anything left
out has the default given here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache

import msgspec

AWS_CONNECTIONS_URL = "https://{api}.execute-api.{region}.amazonaws.com/{stage}"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The environment of a function. Seconds, milliseconds and bytes are named in the field."""

    connections_table: str
    rooms_table: str
    people_table: str
    accounts_table: str
    calls_table: str
    counts_table: str
    broadcast_queue_url: str
    opener_function: str
    disconnect_function: str
    ring_state_machine_arn: str
    secret_arn: str
    websocket_api_id: str
    websocket_stage: str
    aws_region: str = "us-east-1"
    connections_url_format: str = AWS_CONNECTIONS_URL
    """Where ``@connections`` is; an emulator serves it elsewhere than AWS does."""

    secret_cache_seconds: int = 300
    jwt_issuer: str = ""
    jwt_audience: str = ""
    allowed_origins: str = ""
    """Comma-separated origins whose pages may use the admin cookie, the stack's own among them."""

    ping_interval_ms: int = 300_000
    ping_timeout_ms: int = 300_000
    max_payload_bytes: int = 32_768
    """API Gateway's frame limit: unmodified clients send a message as one frame."""

    opening_retry_seconds: float = 15.0
    connection_max_seconds: int = 7_200 + 600
    """API Gateway ends a connection after 2 h; rows live a little longer, then TTL takes them."""

    room_shards: int = 8
    post_threads: int = 8
    post_timeout_seconds: float = 5.0
    transaction_attempts: int = 8

    ring_timeout_seconds: int = 30
    livekit_url: str = "ws://127.0.0.1:7880"
    livekit_token_seconds: int = 7_200

    @property
    def connections_url(self) -> str:
        return self.connections_url_format.format(
            api=self.websocket_api_id, region=self.aws_region, stage=self.websocket_stage
        )

    @property
    def origins(self) -> frozenset[str]:
        return frozenset(origin for origin in self.allowed_origins.split(",") if origin)


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read settings; raises ``msgspec.ValidationError`` that names a missing or wrong value."""
    known = Settings.__struct_fields__
    given = {name: environment[name.upper()] for name in known if name.upper() in environment}
    return msgspec.convert(given, Settings, strict=False)


@cache
def settings() -> Settings:
    """The settings of this process, read on first use so that importing needs no environment."""
    return from_environment(os.environ)
