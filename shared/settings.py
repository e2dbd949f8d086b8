"""The settings of the functions: limits, timeouts, intervals and names of resources.

``infra`` writes them into every function's environment under the same names in capitals. A setting
that is not in the environment has the default given here.
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
Coarse = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
"""A limit against floods, far above what an app needs."""

InRow = Annotated[int, msgspec.Meta(ge=1, le=50)]
"""A limit that is kept on a person's row, in a transaction that is made anyway."""


APPLICATION = r"^(arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:app/[A-Z_]+/[\w.-]+)?$"
Application = Annotated[str, msgspec.Meta(pattern=APPLICATION)]
"""The ARN of a platform application of Amazon SNS, or an empty text."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The environment of a function. The names of the fields say seconds, milliseconds or bytes."""

    tables: dict[str, str]
    """The physical name of each table, by the name that its product declares."""

    broadcast_queue_url: str
    shards_queue_url: str
    livekit_rooms_queue_url: str
    deadlines_queue_url: str
    events_queue_url: str
    event_bus: str
    metrics_namespace: str
    opener_function: str
    disconnect_function: str
    socketio_function: str
    dead_letters: str = ""
    """The names of the dead-letter queues of functions, as ``function=queue``, separated by spaces.
    Only the function that reports their sizes has it."""

    unpublished_queue_url: str = ""
    """The queue for events that the bus does not take. Only the publisher sends to it."""

    ring_state_machine_arn: str
    balance_state_machine_arn: str
    secret_arn: str
    websocket_api_id: str
    websocket_stage: str
    aws_region: str = "us-east-1"
    connections_url_format: str = AWS_CONNECTIONS_URL
    """The URL of ``@connections``. An emulator serves it under another URL than AWS does."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least severe lines that are logged. Powertools' Logger reads it from the environment by
    itself. With ``WARNING`` and ``ERROR`` only failures are logged."""

    secret_cache_seconds: int = 300
    secret_retry_seconds: int = 10
    """How long the old value is used before the next attempt, if a new one could not be fetched."""

    secret_timeout_seconds: float = 2.0

    jwt_issuer: str = ""
    jwt_audience: str = ""
    jwt_leeway_seconds: int = 0
    """How much the clocks of the issuer and the functions may differ."""

    jwks_url: str = ""
    """The URL of the issuer's published keys. If it is set, tokens are RS256 or ES256. If it is
    empty, they are HS256."""

    jwks_cache_seconds: int = 300
    jwks_stale_seconds: int = 86_400
    """How much longer the old keys are used while the issuer cannot be reached."""

    jwks_refetch_seconds: int = 10
    """The least time between two requests of one process to the issuer, whichever tokens arrive."""

    jwks_timeout_seconds: float = 2.0
    allowed_origins: str = ""
    """Comma-separated origins whose pages may use the admin cookie. The stack's own is included."""

    edge_key: str = ""
    """The key that proves that a request comes through our edge, so that the client's address in it
    is believed. Empty if there is no edge."""

    ping_interval_ms: int = 300_000
    ping_timeout_ms: int = 300_000
    max_payload_bytes: int = 32_768
    """API Gateway's limit for a frame. Unmodified clients send a message as one frame."""

    poll_seconds: Annotated[float, msgspec.Meta(gt=0, le=25)] = 20.0
    """The longest that a client's GET waits for packets. API Gateway ends a request after 30 s."""

    poll_eager_seconds: float = 1.0
    """How long a GET looks for packets often. Most clients upgrade within this time."""

    poll_eager_pause_seconds: float = 0.03
    poll_pause_seconds: float = 0.1
    """The pause between two looks, in the first ``poll_eager_seconds`` and afterwards."""

    poll_answer_pause_seconds: float = 0.01
    """The pause before the client's first POST, and while one is handled: its answers come soon."""

    polls_at_once: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 100
    """How many GETs may wait longer than ``poll_eager_seconds`` at the same time. Each occupies an
    invocation. Above this number a GET is answered after ``poll_eager_seconds``."""

    polling_gone_seconds: int = 60
    """A client that polls is gone if it has made no GET for this time."""

    mailbox_packets: Annotated[int, msgspec.Meta(ge=1)] = 1_000
    """How many packets wait for a client that polls. A post above that fails, as a post to a
    WebSocket client does whose buffer is full."""

    upgrade_seconds: float = 10.0
    """How long a client may take to upgrade to a WebSocket."""

    upgrade_wait_ms: int = 1_000
    """How long after the opening the first packets of a client that polls wait for its WebSocket,
    so that the client's sessions belong to it. A CONNECT is answered at once nevertheless."""

    upgrade_hold_ms: int = 3_000
    """How long they wait for the end of an upgrade that has begun."""

    opening_retry_seconds: float = 15.0
    connection_max_seconds: int = 7_200 + 600
    """How long a connection's row lives. API Gateway ends a connection after 2 h; DynamoDB's TTL
    deletes the row a little later."""

    recovery_seconds: Annotated[int, msgspec.Meta(ge=0, le=3_600)] = 120
    """How long after the unexpected end of its connection a session can be recovered, if its client
    has asked for that. 0 switches recovery off."""

    restore_settle_seconds: float = 1.0
    """How long the log of a session that has come back is read before others reach the session: the
    longest that an event may take from the read of its recipients until it is logged."""

    restore_quiet_seconds: float = 0.5
    restore_most_seconds: float = 5.0
    """How long nothing must have come to such a session before others reach it, and how long to
    wait for that. An event that is sent in that very moment may be overtaken by the next one."""

    restore_pause_seconds: float = 0.1
    """The pause between two looks into its log."""

    limit_connections_per_minute: Limit = 10
    limit_call_initiate_per_minute: InRow = 5
    limit_call_accept_per_minute: Limit = 20
    limit_call_reject_per_minute: Limit = 20
    limit_call_cancel_per_minute: Limit = 20
    limit_call_end_per_minute: Limit = 20
    """Handshakes are limited per client address, the other events per person."""

    limit_invites_per_minute: Coarse = 10
    """The chat calls that a person may begin."""

    limit_events_per_minute: Coarse = 600
    limit_joins_per_minute: Coarse = 30
    """The events and the CONNECT packets of one connection. Each process counts by itself and tells
    the others now and then, so a client that many processes serve may send a little more."""

    told_every_ms: Annotated[int, msgspec.Meta(ge=0, le=5_000)] = 1_000
    """The least time between two changes of one person's presence, or of their typing, that others
    are told of. Of changes in between, the last is told when the time is over."""

    limit_failed_authentications: Coarse = 5
    """A connection is closed after this many invalid tokens."""

    unauthenticated_seconds: int = 30
    """The time to join a namespace. A connection that has joined none by then is closed within a
    minute."""

    ping_period_seconds: int = 180
    """The first sweep after this time pings a client, which has the same time to answer. Clients
    themselves wait for the announced ``ping_interval_ms``."""

    session_data_bytes: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 8_192
    """The most that a session keeps with ``save_data``. It is read with every event."""

    due_shards: int = 8
    """The number of partitions of the index of due connections. It must not be lowered while there
    are connections."""

    sweep_seconds: float = 30.0
    """The time after which a sweep begins no more work. The rest of the function's timeout is for
    requests that hang."""

    ring_timer_grace_seconds: int = 15
    """How much longer than its time a call rings, or goes on without coins, before the sweep
    assumes that its timer is lost."""

    repair_every_minutes: int = 5
    """How often the live counts are compared with the rows that exist, and corrected."""

    room_shards: Annotated[int, msgspec.Meta(ge=1)] = 4
    """The number of partitions over which the members of a namespace are spread. Each takes 1,000
    writes a second and one more query per broadcast. It must not be lowered while there are
    connections."""

    split_above: Annotated[int, msgspec.Meta(ge=1)] = 500
    """A broadcast is split if a shard of its room has more members than this."""

    broadcast_posts_per_second: Annotated[int, msgspec.Meta(ge=1)] = 5_000
    """The posts to ``@connections`` that all broadcasts make together, at most. It must be well
    below what API Gateway allows the account (10,000 requests a second), because rings need the
    rest."""

    broadcast_free_posts: Annotated[int, msgspec.Meta(ge=1)] = 100
    """A broadcast, or what is left of it, to fewer connections than this takes nothing from that
    budget, and waits for nothing."""

    presence_audience: Literal["everybody", "watchers"] = "everybody"
    """Who hears of the presence of telecallers: all users, or those whose app has sent
    ``telecallers:watch``."""

    broadcast_retry_seconds: Annotated[int, msgspec.Meta(ge=1, le=20)] = 15
    """The time until a broadcast is tried again; it doubles with each attempt. Five attempts are
    over within the five minutes for which SQS remembers what it has accepted."""

    report_retry_seconds: Annotated[int, msgspec.Meta(ge=1, le=60)] = 10
    """The time until a backend event that could not be handled is handled again; it doubles with
    each attempt."""

    requests_at_once: Annotated[int, msgspec.Meta(ge=1, le=32)] = 32
    """The most requests to AWS services at the same time, with a thread for each. An AWS client has
    as many HTTP connections."""

    posts_at_once: Annotated[int, msgspec.Meta(ge=1)] = 32
    """The most posts to ``@connections`` at the same time, with an HTTP connection for each. A post
    waits for API Gateway about a hundred times as long as it takes to make."""

    post_connect_seconds: float = 2.0
    post_timeout_seconds: float = 3.0
    post_idle_seconds: float = 5.0
    """The time after which an HTTP connection without a post is not used again. While the process
    was frozen, API Gateway may have closed it."""

    post_retry_seconds: float = 5.0
    """How long posts that failed for a reason that may be temporary, such as throttling, are tried
    again, after all other posts."""

    post_pause_seconds: float = 0.1
    """The longest pause before the second attempt. It doubles with each attempt."""

    post_pause_most_seconds: float = 2.0
    """The longest pause before any attempt."""

    transaction_attempts: int = 8

    ring_timeout_seconds: int = 30
    prepaid_calls: bool = False
    """Whether a user needs coins for one billed unit to call, and the call ends with the coins."""

    low_balance_seconds: Annotated[int, msgspec.Meta(ge=1, le=3_600)] = 60
    """How long before the end of a prepaid call its user is warned."""

    billed_seconds: Annotated[int, msgspec.Meta(ge=1, le=3_600)] = 60
    """The unit of time for which a call costs its rate. A started unit counts in full."""

    overtaken_wait_seconds: float = 0.4
    """How long an event waits for an earlier event of the same connection that it has overtaken."""

    reconnect_grace_seconds: Annotated[int, msgspec.Meta(ge=0, le=60)] = 5
    """How long a client whose connection has ended unexpectedly may take to come back before the
    consequences run. With 0, they run at once."""

    replace_after_seconds: Annotated[int, msgspec.Meta(ge=60, le=7_000)] = 6_000
    replace_spread_seconds: Annotated[int, msgspec.Meta(ge=1, le=3_600)] = 600
    replacements_per_sweep: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 500
    """The sweep closes a connection that is so old, plus a part of the spread that differs from one
    connection to the next, if its person is in no call; so many at most in one sweep. The client
    comes back within the grace. Otherwise API Gateway ends the connection after 2 h."""

    missed_events: Annotated[int, msgspec.Meta(ge=0, le=50)] = 20
    missed_event_bytes: Annotated[int, msgspec.Meta(ge=1, le=6_000)] = 4_096
    """How many events are kept for a person who may come back, and how long each may be. They are
    kept on the person's row, which has 400 KB at most."""

    last_words_seconds: float = 0.5
    """How long the consequences of a goodbye wait for frames of the client that arrived before."""

    overtaken_pause_seconds: float = 0.05
    """The pause between two looks for that earlier event."""

    overtake_seconds: float = 2.0
    """How long the events of a newer decision wait for the process that sends those of an older
    one. It costs that much only if this process has ended."""

    untold_seconds: float = 10.0
    """The time after which a process that has not sent the events of its decision is taken for
    dead, and another one sends them."""

    untold_pause_seconds: float = 0.5
    """The pause between two looks at a mark of a decision that has not been told, by a function
    that must not leave before."""

    kept_offer_bytes: Annotated[int, msgspec.Meta(ge=0, le=32_768)] = 16_384
    """How long an invite may be that is kept for tabs of the callee that come while it rings. They
    do not ring for a longer one."""

    held_candidates: int = 50
    held_candidate_bytes: int = 4_096
    """How many ICE candidates of a call are kept until the other party can use them, and how long
    each may be. They are kept on the row of the call, which has 400 KB at most."""
    unannounced_seconds: int = 30
    """The age from which the sweep sends the events of a transition of a booking that is recorded
    as unannounced. No process that makes one runs longer."""

    missed_seconds: int = 300
    """How long the events of a transition of a booking are sent again to connections that have
    missed them."""

    publish_events: bool = False
    """Whether what happens is put on the stack's bus, for a team's own systems."""

    livekit_url: str = "ws://127.0.0.1:7880"
    livekit_webhooks: bool = False
    """Whether LiveKit reports who joins and leaves its rooms, to ``POST /livekit/webhook``. A call
    whose room both have left ends then."""

    livekit_join_seconds: Annotated[int, msgspec.Meta(ge=0, le=3_600)] = 0
    """With ``livekit_webhooks``, how long an answered call goes on while nobody is in its room. 0
    sets no limit."""

    livekit_early_seconds: Annotated[int, msgspec.Meta(ge=0, le=600)] = 60
    """With ``livekit_webhooks``, for how long after its start a call may not be listed yet. LiveKit
    is asked to repeat a report of it that comes before it is."""

    livekit_token_seconds: int = 7_200
    livekit_timeout_seconds: float = 5.0
    livekit_queue_timeout_seconds: float = 1.0
    """The time to queue a LiveKit room for deletion. The person who ends the call waits for it."""

    livekit_retry_seconds: int = 15
    """The time until LiveKit is asked again to delete a room; it doubles with each attempt."""

    push_apns_arn: Application = ""
    push_apns_voip_arn: Application = ""
    push_fcm_arn: Application = ""
    """The platform applications of Amazon SNS that push to the devices of each platform. Without
    any of them, nothing is pushed, and no device can be registered."""

    pushes_queue_url: str = ""
    """The queue of pushes; empty if nothing is pushed."""

    ring_by_push: bool = False
    """Whether a telecaller without a connection can be called who has a device, and has not gone
    offline by themselves."""

    devices_per_person: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    """How many devices a person may have registered."""

    push_kept_seconds: Annotated[int, msgspec.Meta(ge=60, le=2_419_200)] = 86_400
    """How long Apple and Google keep a push about something that is over, such as a missed call,
    for a device that is switched off."""

    push_retry_seconds: Annotated[int, msgspec.Meta(ge=1, le=300)] = 5
    """The time until a push that has failed is tried again; it doubles with each attempt."""

    @property
    def platform_applications(self) -> dict[str, str]:
        """The platform applications that are set, by the platform of their devices."""
        found = {
            "APNS": self.push_apns_arn,
            "APNS_VOIP": self.push_apns_voip_arn,
            "FCM": self.push_fcm_arn,
        }
        return {platform: arn for platform, arn in found.items() if arn}

    @property
    def longest_post_seconds(self) -> float:
        """The longest that one post may take: it hangs, is tried again as long as that is allowed,
        and hangs once more."""
        once = self.post_connect_seconds + self.post_timeout_seconds
        return once + self.post_retry_seconds + self.post_pause_most_seconds + once

    @property
    def recovery_log_seconds(self) -> int:
        """How long events are kept for recovery: ``recovery_seconds`` after the latest moment at
        which the sweep notices that a client is gone."""
        return self.recovery_seconds + 2 * (self.ping_period_seconds + 60)

    @property
    def connections_url(self) -> str:
        """The URL of ``@connections`` for this stack."""
        return self.connections_url_format.format(
            api=self.websocket_api_id, region=self.aws_region, stage=self.websocket_stage
        )

    @property
    def origins(self) -> frozenset[str]:
        """The origins whose pages may use the admin cookie."""
        return frozenset(origin for origin in self.allowed_origins.split(",") if origin)


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings.

    Raises ``msgspec.ValidationError``, which names the setting that is missing or wrong.
    """
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
    """Return the settings of this process.

    They are read on first use, so that importing this module needs no environment.
    """
    return from_environment(os.environ)
