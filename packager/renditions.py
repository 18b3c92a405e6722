"""The ladder: which renditions a master is packaged into, and the words to describe them."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


class KeyClass(enum.StrEnum):
    """Renditions that share one content key of a track.

    A plan can exclude lossless, so it has a key of its own; sealed files have one because CTR and
    CBC must never share a key.
    """

    LOSSY = "lossy"
    LOSSLESS = "lossless"
    SEALED = "sealed"


class Protection(enum.StrEnum):
    """How a file is encrypted."""

    CBCS = "cbcs"
    """Common Encryption, AES-CBC with a constant IV (ISO/IEC 23001-7 section 10.4)."""

    SEALED = "sealed"
    """The whole file under AES-128-CTR; any byte range is decryptable alone."""

    CLEAR = "clear"
    """Not at all."""


class Codec(enum.StrEnum):
    """Audio codecs of the ladder."""

    FLAC = "flac"
    AAC = "aac"
    VORBIS = "vorbis"


class Container(enum.StrEnum):
    """File formats of the ladder. The value is the extension of the file's name."""

    MP4 = "mp4"
    OGG = "ogg"


CODEC_STRINGS: Final[Mapping[Codec, str]] = MappingProxyType(
    {Codec.FLAC: "flac", Codec.AAC: "mp4a.40.2", Codec.VORBIS: "vorbis"}
)
"""The `codecs` parameter of RFC 6381, as manifests and `MediaSource.isTypeSupported` want it.

The registered string of FLAC in MP4 is `fLaC`; browsers take both, and `flac` is what they agree
on for every container.
"""

MIME_TYPES: Final[Mapping[Container, str]] = MappingProxyType(
    {Container.MP4: "audio/mp4", Container.OGG: "audio/ogg"}
)


@dataclass(frozen=True, slots=True)
class RenditionProfile:
    """One rung of the ladder.

    Attributes:
        name: as in paths: `/v1/audio/{track_id}/{version}/{name}.{container}`.
        bitrate_bps: nominal; None for lossless, whose rate follows from the music.
    """

    name: str
    codec: Codec
    container: Container
    bitrate_bps: int | None
    protection: Protection
    key_class: KeyClass


_LADDER: Final = (
    RenditionProfile("flac", Codec.FLAC, Container.MP4, None, Protection.CBCS, KeyClass.LOSSLESS),
    RenditionProfile("aac-160", Codec.AAC, Container.MP4, 160_000, Protection.CBCS, KeyClass.LOSSY),
    RenditionProfile(
        "vorbis-160", Codec.VORBIS, Container.OGG, 160_000, Protection.SEALED, KeyClass.SEALED
    ),
)

PROFILES: Final[Mapping[str, RenditionProfile]] = MappingProxyType(
    {profile.name: profile for profile in _LADDER}
)
"""All renditions by name, best first."""
