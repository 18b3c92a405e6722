"""What manifests are made from: the renditions of one version of one track. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from packager.renditions import Codec, Container
from packager.seek_index import RenditionFacts

# What a player plays that does not choose a codec itself. All decode AAC, and it has rungs to
# switch between. Opus comes last, as its one rung is the lowest.
_CODEC_PREFERENCE: Final = (Codec.AAC, Codec.FLAC, Codec.OPUS)


@dataclass(frozen=True, slots=True)
class References:
    """Where things are as seen from a manifest.

    They are relative, so that whatever stands before the manifest's path, such as a token, is
    inherited.

    Attributes:
        folder: of the renditions' files; empty beside them.
        root: of licenses; both end with a `/` unless empty.
    """

    folder: str
    root: str

    @property
    def license_url(self) -> str:
        """Where Clear Key licenses are asked for."""
        return f"{self.root}licenses/clearkey"

    def key_url(self, facts: RenditionFacts) -> str:
        """Where the bare content key is, for players that take no license."""
        return f"{self.root}licenses/hls/{facts.kid}"

    def file_url(self, facts: RenditionFacts) -> str:
        """Where the rendition's file is."""
        return self.folder + file_name(facts)


BESIDE_ITS_FILES: Final = References(folder="", root="../../../")
"""Of a manifest in `/v1/audio/{track_id}/{version}/`."""


@dataclass(frozen=True, slots=True)
class Presentation:
    """The renditions that a manifest offers.

    Attributes:
        renditions: fragmented MP4 files only, clear or under Common Encryption; at least one.
        references: where they are as seen from the manifest.
    """

    renditions: Sequence[RenditionFacts]
    references: References = BESIDE_ITS_FILES

    def __post_init__(self) -> None:
        if not self.renditions:
            raise ValueError("a presentation has at least one rendition")
        for facts in self.renditions:
            if facts.container is not Container.MP4:
                raise ValueError(f"{facts.name} is not a fragmented MP4 file")

    @property
    def duration_s(self) -> Fraction:
        """Exact duration in seconds, of the longest rendition.

        Renditions at another sample rate differ from each other by less than a sample.
        """
        return max(map(duration_of, self.renditions))


def preference_of(codec: Codec) -> int:
    """Which codec a player shall prefer that is told nothing by its application: 0 is the first."""
    return _CODEC_PREFERENCE.index(codec)


def duration_of(facts: RenditionFacts) -> Fraction:
    """Exact duration in seconds."""
    return Fraction(facts.samples, facts.sample_rate_hz)


def file_name(facts: RenditionFacts) -> str:
    """Name of the rendition's file, beside the manifest."""
    return f"{facts.name}.{facts.container}"


def format_seconds(duration_s: Fraction, *, digits: int) -> str:
    """The nearest decimal of so many digits; halves go to the even one."""
    ticks = round(duration_s * 10**digits)
    whole, rest = divmod(ticks, 10**digits)
    return f"{whole}.{rest:0{digits}d}"
