"""What the player is asked for, and what it reports."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from player.playback_gain import GainChoice

PACKAGING_S_MAX: Final = 300.0


@dataclass(frozen=True, slots=True)
class PlayRequest:
    """One track to play.

    Attributes:
        edge_url: where the edge is; it may end in a token as path prefix (`/~TOKEN`).
        token: sent as `Authorization: Bearer`; empty to send none. Secret.
        rendition: name of a rung of the ladder.
        out: WAV file to write, or None.
        gain: applied to what is written.
        packaging_s_max: how long to wait in all for what is still being packaged, in seconds.
    """

    edge_url: str = field(repr=False)  # It may carry a token.
    token: str = field(repr=False)
    track_id: str
    rendition: str = "flac"
    out: Path | None = None
    gain: GainChoice = field(default_factory=GainChoice)
    packaging_s_max: float = PACKAGING_S_MAX


@dataclass(frozen=True, slots=True)
class Stalls:
    """How often, and for how long in all, playback in real time would have stood still."""

    count: int
    total_ms: float


@dataclass(frozen=True, slots=True)
class CacheTally:
    """Media responses by what the nearest cache says about them (RFC 9211).

    Attributes:
        hit: answered from its store.
        miss: forwarded, for whatever reason.
        unknown: without a `Cache-Status` that can be read.
    """

    hit: int = 0
    miss: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class PlayReport:
    """How a track played.

    Attributes:
        samples: per channel, counted after the priming was dropped; equal to the record.
        pcm_format: what the digest is taken over, always interleaved: `s16le`; `s32le` for 24 bits,
            the low byte zero; `f32le` for lossy codecs, as their decoders return it.
        pcm_sha256: hexadecimal. That of a lossy codec may differ between decoders.
        gain_db: what was added to what was written; the digest is of the samples before.
        first_audio_ms: from the start to the first decoded samples.
        bytes: content of the media responses, without records and licence.
        segments: how many there were.
    """

    track_id: str
    title: str
    rendition: str
    samples: int
    sample_rate_hz: int
    channels: int
    pcm_format: str
    pcm_sha256: str
    gain_db: float
    first_audio_ms: float
    stalls: Stalls
    bytes: int
    segments: int
    cache: CacheTally

    def to_json(self) -> dict[str, object]:
        """The report as objects that any JSON encoder takes."""
        return asdict(self)
