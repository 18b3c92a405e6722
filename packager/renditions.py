"""The ladder: which renditions a master is packaged into, and the words to describe them."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace
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
    LOSSY_CTR = "lossy-ctr"
    """Lossy renditions under `cenc`, which is CTR too."""
    LOSSLESS_CTR = "lossless-ctr"


class Protection(enum.StrEnum):
    """How a file is encrypted."""

    CBCS = "cbcs"
    """Common Encryption, AES-CBC with a constant IV (ISO/IEC 23001-7 section 10.4)."""

    CENC = "cenc"
    """Common Encryption, AES-CTR with an IV for each sample (ISO/IEC 23001-7 section 10.1)."""

    SEALED = "sealed"
    """The whole file under AES-128-CTR; any byte range is decryptable alone."""

    CLEAR = "clear"
    """Not at all."""


class Codec(enum.StrEnum):
    """Audio codecs of the ladder."""

    FLAC = "flac"
    AAC = "aac"
    VORBIS = "vorbis"
    OPUS = "opus"


class Container(enum.StrEnum):
    """File formats of the ladder. The value is the extension of the file's name."""

    MP4 = "mp4"
    OGG = "ogg"


CODEC_STRINGS: Final[Mapping[Codec, str]] = MappingProxyType(
    {
        Codec.FLAC: "flac",
        Codec.AAC: "mp4a.40.2",
        Codec.VORBIS: "vorbis",
        Codec.OPUS: "opus",
    }
)
"""The `codecs` parameter of RFC 6381, as manifests and `MediaSource.isTypeSupported` want it.

The registered string of FLAC in MP4 is `fLaC`; browsers take both, and `flac` is what they agree
on for every container.
"""

FRAME_SAMPLES: Final[Mapping[Codec, int]] = MappingProxyType({Codec.AAC: 1024, Codec.OPUS: 960})
"""What each packet decodes to: MPEG-4 AAC-LC; Opus in frames of 20 ms at 48 kHz.

Only codecs all of whose packets are alike: the last one of FLAC is shorter, and Vorbis has two
sizes.
"""

CONTEXT_CODECS: Final = frozenset({Codec.AAC, Codec.OPUS})
"""Those that are encoded with what surrounds a track, see `packager.context`.

FLAC has no use for it, and Vorbis in Ogg cannot drop what it begins with.
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


_CTR_CLASSES: Final[Mapping[KeyClass, KeyClass]] = MappingProxyType(
    {KeyClass.LOSSY: KeyClass.LOSSY_CTR, KeyClass.LOSSLESS: KeyClass.LOSSLESS_CTR}
)


def _mp4(name: str, codec: Codec, bitrate_bps: int | None) -> RenditionProfile:
    key_class = KeyClass.LOSSLESS if bitrate_bps is None else KeyClass.LOSSY
    return RenditionProfile(name, codec, Container.MP4, bitrate_bps, Protection.CBCS, key_class)


def _ogg(name: str, codec: Codec, bitrate_bps: int) -> RenditionProfile:
    return RenditionProfile(
        name, codec, Container.OGG, bitrate_bps, Protection.SEALED, KeyClass.SEALED
    )


_LADDER: Final = (
    _mp4("flac", Codec.FLAC, None),
    _mp4("aac-320", Codec.AAC, 320_000),
    _mp4("aac-160", Codec.AAC, 160_000),
    _mp4("aac-96", Codec.AAC, 96_000),
    _ogg("vorbis-320", Codec.VORBIS, 320_000),
    _ogg("vorbis-160", Codec.VORBIS, 160_000),
    _ogg("vorbis-96", Codec.VORBIS, 96_000),
    _mp4("opus-24", Codec.OPUS, 24_000),
)

PROFILES: Final[Mapping[str, RenditionProfile]] = MappingProxyType(
    {profile.name: profile for profile in _LADDER}
)
"""All renditions by name, best first; fragmented MP4 under `cbcs`."""


def profile_of(name: str, scheme: Protection) -> RenditionProfile:
    """The profile of a rendition whose ladder has `scheme` for its fragmented MP4 files.

    Args:
        name: one of `PROFILES`.
        scheme: `cbcs` or `cenc`.
    """
    assert scheme in {Protection.CBCS, Protection.CENC}
    profile = PROFILES[name]
    if scheme is Protection.CBCS or profile.protection is not Protection.CBCS:
        return profile
    return replace(profile, protection=scheme, key_class=_CTR_CLASSES[profile.key_class])
