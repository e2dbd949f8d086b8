"""The limits, timeouts, intervals and resource names the functions read, in one typed place.

``infra`` writes the environment of every function from the same names in capitals; anything left
out has the default given here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Literal

import msgspec

TABLE = "_TABLE"
"""What the environment variable of a table's name ends with."""

AWS_CONNECTIONS_URL = "https://{api}.execute-api.{region}.amazonaws.com/{stage}"


Limit = Annotated[int, msgspec.Meta(ge=1, le=10_000)]
InRow = Annotated[int, msgspec.Meta(ge=1, le=50)]
"""A limit that is kept on a person's row, inside another transaction."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The environment of a function. Seconds, milliseconds and bytes are named in the field."""

    tables: dict[str, str]
    """The physical name of each table, by the name that its product declares."""

    broadcast_queue_url: str
    livekit_rooms_queue_url: str
    deadlines_queue_url: str
    event_bus: str
    metrics_namespace: str
    opener_function: str
    disconnect_function: str
    ring_state_machine_arn: str
    secret_arn: str
    websocket_api_id: str
    websocket_stage: str
    aws_region: str = "us-east-1"
    connections_url_format: str = AWS_CONNECTIONS_URL
    """Where ``@connections`` is; an emulator serves it elsewhere than AWS does."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Read by powertools' Logger itself. Below ``INFO`` nothing says what was done, only what went
    wrong."""

    secret_cache_seconds: int = 300
    secret_retry_seconds: int = 10
    """How long the old value is used on when a new one could not be fetched."""

    secret_timeout_seconds: float = 2.0

    jwt_issuer: str = ""
    jwt_audience: str = ""
    jwt_leeway_seconds: int = 0
    """By how much the clocks of issuer and functions may differ."""

    jwks_url: str = ""
    """Where the issuer publishes its keys. Set: tokens are RS256 or ES256; empty: HS256."""

    jwks_cache_seconds: int = 300
    jwks_stale_seconds: int = 86_400
    """How much longer the keys are used while the issuer cannot be reached."""

    jwks_refetch_seconds: int = 10
    """A process asks the issuer no more often, whatever tokens it is shown."""

    jwks_timeout_seconds: float = 2.0
    allowed_origins: str = ""
    """Comma-separated origins whose pages may use the admin cookie, the stack's own among them."""

    edge_key: str = ""
    """What the edge shows to be believed when it names a client's address; empty: no edge."""

    ping_interval_ms: int = 300_000
    ping_timeout_ms: int = 300_000
    max_payload_bytes: int = 32_768
    """API Gateway's frame limit: unmodified clients send a message as one frame."""

    opening_retry_seconds: float = 15.0
    connection_max_seconds: int = 7_200 + 600
    """API Gateway ends a connection after 2 h; rows live a little longer, then TTL takes them."""

    limit_connections_per_minute: Limit = 10
    limit_call_initiate_per_minute: InRow = 5
    limit_call_accept_per_minute: Limit = 20
    limit_call_reject_per_minute: Limit = 20
    limit_call_cancel_per_minute: Limit = 20
    limit_call_end_per_minute: Limit = 20
    """Of one client address, of one person."""

    unauthenticated_seconds: int = 30
    """A connection that has joined nothing by then is closed, within a minute."""

    ping_period_seconds: int = 180
    """A client is pinged by the first sweep after this, and has as long to answer. Clients wait for
    the announced ``ping_interval_ms``."""

    session_data_bytes: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 8_192
    """The most that a session keeps with ``save_data``. It is read with every event."""

    due_shards: int = 8
    """Over how many partitions the times of connections are spread; not to be lowered while there
    are any."""

    sweep_seconds: float = 30.0
    """A sweep begins nothing more after this; the rest is for requests that hang."""

    ring_timer_grace_seconds: int = 15
    """How much longer than its timeout a call rings before the sweep takes its timer for lost."""

    repair_every_minutes: int = 5

    room_shards: Annotated[int, msgspec.Meta(ge=1)] = 4
    """Over how many partitions everybody in a namespace is spread: each takes 1,000 writes a
    second, and is one query more for a broadcast. Not to be lowered while there are connections."""

    split_above: Annotated[int, msgspec.Meta(ge=1)] = 500
    """A broadcast is split where a shard of its room has more members than this."""

    broadcast_retry_seconds: Annotated[int, msgspec.Meta(ge=1, le=20)] = 15
    """Until a broadcast is tried again, twice as long each time. Five tries are over within the
    five minutes in which SQS knows what has been sent before."""

    requests_at_once: Annotated[int, msgspec.Meta(ge=1, le=32)] = 32
    """The most to AWS's services, a thread for each; a client has as many connections."""

    posts_at_once: Annotated[int, msgspec.Meta(ge=1)] = 32
    """The most to ``@connections``, a connection for each: a post waits for API Gateway some
    hundred times as long as it takes to make."""

    post_connect_seconds: float = 2.0
    post_timeout_seconds: float = 3.0
    post_retry_seconds: float = 5.0
    """For so long throttled posts are tried again, after all others have had their turn."""

    post_pause_seconds: float = 0.1
    """The longest pause before the second attempt, twice as long each time ..."""

    post_pause_most_seconds: float = 2.0
    """... up to this."""

    transaction_attempts: int = 8

    ring_timeout_seconds: int = 30
    overtaken_wait_seconds: float = 0.4
    """How long an event waits for the one it needs and may have overtaken on the way ..."""

    overtaken_pause_seconds: float = 0.05
    """... looking for it so often."""

    livekit_url: str = "ws://127.0.0.1:7880"
    livekit_token_seconds: int = 7_200
    livekit_timeout_seconds: float = 5.0
    livekit_queue_timeout_seconds: float = 1.0
    """To queue a room for deletion, which the one who hangs up waits for."""

    livekit_retry_seconds: int = 15
    """Until the deletion of a room is tried again, twice as long each time."""

    @property
    def longest_post_seconds(self) -> float:
        """What one post may take: it hangs, is tried again as long as that is allowed, and hangs
        at last."""
        once = self.post_connect_seconds + self.post_timeout_seconds
        return once + self.post_retry_seconds + self.post_pause_most_seconds + once

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
    given: dict[str, object] = {
        name: environment[name.upper()] for name in known if name.upper() in environment
    }
    given["tables"] = {
        name.removesuffix(TABLE).lower(): value
        for name, value in environment.items()
        if name.endswith(TABLE)
    }
    return msgspec.convert(given, Settings, strict=False)


@cache
def settings() -> Settings:
    """The settings of this process, read on first use so that importing needs no environment."""
    return from_environment(os.environ)
