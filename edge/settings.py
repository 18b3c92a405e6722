"""Settings of an edge node."""

from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from config.settings import RoleSettings, Section
from edge.disk.settings import DiskSettings
from edge.eviction.policies import PolicyName
from edge.front_settings import FrontSettings
from edge.peers.settings import PeerSettings
from edge.tls.settings import TlsSettings


def _check_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("an http:// or https:// URL with a host is needed")
    if parts.path not in {"", "/"} or parts.query or parts.fragment or parts.username:
        raise ValueError("only scheme, host and port: paths come from the listeners' requests")
    return text.rstrip("/")


LOG_STDERR: Final = "stderr"
LOG_STDOUT: Final = "-"
LOG_OFF: Final = "off"


def _check_log(text: str) -> str:
    if text not in {LOG_STDERR, LOG_STDOUT, LOG_OFF} and not text.startswith("/"):
        raise ValueError(
            f"`{LOG_STDERR}`, `{LOG_STDOUT}` for standard output, `{LOG_OFF}`, or an absolute path"
        )
    return text


# A sound loop stands still for a moment, too.
_SILENCE_S_MIN: Final = 1.0


def _check_silence(silence_s: float) -> float:
    if 0 < silence_s < _SILENCE_S_MIN:
        raise ValueError(
            f"0, or at least {_SILENCE_S_MIN:.0f}: a sound worker may be silent for less"
        )
    return silence_s


LogDestination = Annotated[str, AfterValidator(_check_log)]
Silence = Annotated[float, AfterValidator(_check_silence)]
ServerUrl = Annotated[str, AfterValidator(_check_url)]


class CacheSettings(Section):
    """The tiers, and what they keep."""

    memory_bytes: int = Field(
        default=512 << 20,
        ge=1 << 20,
        description="What content, records and the objects around them may take, in bytes.",
    )
    memory_policy: PolicyName = Field(
        default=PolicyName.LRU,
        description="What the memory forgets first: `lru`, `clock`, or `s3fifo`, which keeps what "
        "is asked for again against what is asked for once.",
    )
    has_arena: bool = Field(
        default=True,
        description="Keep slices in one file in memory (Linux), from which the kernel sends them "
        "without a copy.",
    )
    disk: DiskSettings = Field(default=DiskSettings(), description="The disk tier.")
    slice_bytes: int = Field(
        default=256 << 10,
        ge=4 << 10,
        le=16 << 20,
        description="Size of a slice: the unit of storing, fetching and eviction, in bytes.",
    )
    run_bytes_max: int = Field(
        default=4 << 20, ge=4 << 10, description="What one request for a range may ask for."
    )
    object_share_max: float = Field(
        default=0.25,
        gt=0,
        le=1,
        description="Of representations larger than this share of the memory, or of the disk where "
        "parts can be fetched alone, only ranges are stored; requests for the whole are passed "
        "through.",
    )
    told_s: float = Field(
        default=1.0,
        ge=0,
        description="How long an error of the origin that comes again is told without asking it, "
        "in seconds.",
    )
    stale_patience_s: float = Field(
        default=0.5,
        gt=0,
        description="How long the origin is waited for while stale content may be sent instead "
        "(stale-if-error), in seconds.",
    )
    stale_disconnected_s: float = Field(
        default=3600.0,
        ge=0,
        description="How long content may have been stale that is sent while the origin cannot be "
        "reached, unless the origin forbids it (RFC 9111 section 4.2.4), in seconds; 0 sends none.",
    )
    uncacheable_s: float = Field(
        default=10.0,
        ge=0,
        description="How long it is remembered that answers to a target are not storable.",
    )
    uncacheable_keys_max: int = Field(
        default=10_000, ge=1, description="How many such targets are remembered."
    )
    purge_entries_max: int = Field(
        default=50_000,
        ge=1_000,
        description="How many URLs, prefixes and tags of purges are remembered; beyond that, all "
        "content from before the oldest of them counts as purged.",
    )


class LimitSettings(Section):
    """Bounds on what is taken from outside, and on how long it is waited for."""

    origin_debt_bytes_max: int = Field(
        default=64 << 20,
        ge=0,
        description="What one session or address may have fetched beyond what it is sent, in "
        "bytes; above that its ranges go to the origin as they are, past the cache.",
    )
    origin_debt_forgiven_bytes_per_s: float = Field(
        default=1 << 20, ge=0, description="How much of that is forgiven a second, in bytes."
    )
    origin_debts_max: int = Field(
        default=50_000, ge=1, description="Sessions and addresses whose debts are remembered."
    )
    upstream_failures_max: int = Field(
        default=5,
        ge=1,
        description="After so many requests in a row without an answer the origin is left alone.",
    )
    upstream_open_s: float = Field(
        default=2.0, gt=0, description="For how long, until one request finds out, in seconds."
    )
    upstream_retry_share: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Share of the requests to an upstream that may be sent a second time.",
    )
    fills_max: int = Field(
        default=256, ge=1, description="Fills at once; each has at most one slice in flight."
    )
    warms_max: int = Field(
        default=8, ge=1, le=1_000, description="Targets that are warmed at once, for all callers."
    )
    warm_bytes_per_s: int = Field(
        default=32 << 20,
        ge=1 << 10,
        description="What is fetched to warm the cache, in bytes a second.",
    )
    fill_wait_s: float = Field(
        default=5.0, gt=0, description="How long a fill waits for its turn, in seconds."
    )
    upstream_connections_max: int = Field(
        default=512, ge=1, description="Connections to each upstream."
    )
    upstream_connect_s: float = Field(
        default=5.0, gt=0, description="Until an upstream is connected, in seconds."
    )
    upstream_head_s: float = Field(
        default=15.0,
        gt=0,
        description="Until the head of an upstream's answer is there once the request has been "
        "sent, in seconds.",
    )
    upstream_stall_s: float = Field(
        default=10.0, gt=0, description="Longest pause within an upstream's content, in seconds."
    )
    header_bytes_max: int = Field(
        default=16 << 10,
        ge=1 << 10,
        description="Longest head of a request, and longest line in one of an answer, in bytes.",
    )
    content_bytes_max: int = Field(
        default=64 << 20, ge=0, description="Longest content of a request, in bytes."
    )
    content_stall_s: float = Field(
        default=30.0, gt=0, description="Longest pause within a request's content, in seconds."
    )
    connections_max: int = Field(
        default=0,
        ge=0,
        description="Connections of listeners at once; 0: as many as the process's descriptors "
        "allow.",
    )
    client_connections_max: int = Field(
        default=0,
        ge=0,
        description="Of these, how many may come from one address; 0: as many as come.",
    )
    head_s: float = Field(
        default=20.0,
        gt=0,
        description="Until a request's head is whole, from its first byte on, and that of a new "
        "connection from its begin on, in seconds.",
    )
    write_buffer_bytes: int = Field(
        default=64 << 10,
        ge=1 << 10,
        description="What may wait to be sent on a connection before the answer waits too, in "
        "bytes.",
    )
    unsent_bytes_max: int = Field(
        default=512 << 20,
        ge=1 << 20,
        description="What may wait to be sent on all connections together, in bytes; above that, "
        "those who take least are cut.",
    )
    answer_stall_s: float = Field(
        default=60.0,
        gt=0,
        description="In so long a listener takes what `answer_bytes_per_s_min` makes of it, or is "
        "cut, in seconds.",
    )
    answer_bytes_per_s_min: int = Field(
        default=1 << 10, ge=0, description="What he takes at least, in bytes a second."
    )
    pace: float = Field(
        default=0.0,
        ge=0,
        description="How quickly a long answer is sent, in times the bit rate that the origin "
        "tells in `Attacca-Bitrate`: 1.5 saves what listeners who leave would not have heard; 0 as "
        "quickly as it is taken.",
    )
    pace_burst_s: float = Field(
        default=30.0,
        ge=0,
        description="How much of such an answer is sent without delay, in seconds of listening.",
    )
    keep_alive_s: float = Field(
        default=75.0, gt=0, description="How long an idle connection is kept, in seconds."
    )
    shutdown_s: float = Field(
        default=5.0, ge=0, description="How long requests may go on after a stop, in seconds."
    )
    drain_s: float = Field(
        default=60.0,
        ge=0,
        description="How long requests may go on in a worker that another one has replaced, in "
        "seconds.",
    )
    worker_silence_s: Silence = Field(
        default=30.0,
        ge=0,
        description="A worker whose event loop stands still for so long is killed and replaced, in "
        "seconds, from 1 up; 0: never.",
    )


class TokenSettings(Section):
    """How playback tokens are checked."""

    refresh_s: float = Field(
        default=60.0, gt=0, description="How often drm's public keys are fetched, in seconds."
    )
    early_refresh_s: float = Field(
        default=2.0,
        ge=0,
        description="How often at most they are fetched for a token of an unknown key, in seconds.",
    )
    remembered_max: int = Field(
        default=20_000, ge=1, description="Verified tokens that are remembered."
    )
    refusals_burst: int = Field(
        default=30, ge=1, description="Refused tokens that one client address may send at once."
    )
    refusals_per_s: float = Field(
        default=1.0, gt=0, description="Refused tokens a second, in the long run."
    )
    clients_max: int = Field(
        default=50_000, ge=1, description="Client addresses whose refusals are remembered."
    )


class EdgeSettings(RoleSettings):
    """An edge node."""

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port for listeners; 0 picks one.")
    admin_host: str = Field(default="127.0.0.1", description="Address of the admin listener.")
    admin_port: int = Field(default=8081, ge=0, le=65535, description="Its port; 0 picks one.")
    workers: int = Field(
        default=1,
        ge=0,
        le=256,
        description="Processes that serve listeners; 0: one for each core. They share what is said "
        "of memory, disk, and requests to the origin.",
    )
    is_metrics_open: bool = Field(
        default=True, description="Whether /metrics needs no operator's credential."
    )
    allowed_hosts: tuple[str, ...] = Field(
        default=(),
        description="Host names, beside those of loopback, by which operators' calls and calls for "
        "tokens may reach this node.",
    )
    tls: TlsSettings = TlsSettings()
    front: FrontSettings = FrontSettings()
    access_log: LogDestination = Field(
        default=LOG_STDERR,
        description="Where the access log goes: `stderr`, `-` for standard output, `off`, or the "
        "absolute path of a file, which is opened again on SIGUSR1.",
    )
    upstream: ServerUrl = Field(
        default="http://127.0.0.1:8090", description="URL of the origin, without a path."
    )
    drm: ServerUrl = Field(
        default="http://127.0.0.1:8095", description="URL of drm, without a path."
    )
    token_check: bool = Field(
        default=True,
        description="Check playback tokens. Off, this is a cache in front of any HTTP origin.",
    )
    fast_lane: bool = Field(
        default=True,
        description="Answer plain hits in memory before anything else is done with them. Off, all "
        "requests take one road, to the same answers.",
    )
    edge_credential: SecretStr | None = Field(
        default=None, description="The edge credential, which origin and drm ask for."
    )
    edge_credential_file: Path | None = Field(
        default=None, description="A file with the edge credential."
    )
    operator_credential: SecretStr | None = Field(
        default=None, description="The operator's credential, for the admin listener."
    )
    operator_credential_file: Path | None = Field(
        default=None, description="A file with the operator's credential."
    )
    cache: CacheSettings = CacheSettings()
    limits: LimitSettings = LimitSettings()
    tokens: TokenSettings = TokenSettings()
    peers: PeerSettings = PeerSettings()
