"""The version of a packaged track: a digest of everything that reaches its bytes. No I/O.

Media is immutable under its version. Other inputs give another version, never other bytes under
the old one.
"""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import orjson

from packager import fmp4, vorbis_file
from packager.identity import EncoderIdentity, shared_identity_to_json
from packager.renditions import (
    PROFILES,
    Container,
    KeyClass,
    Protection,
    RenditionProfile,
    profile_of,
)
from packager.sample_rates import rendition_rate_hz

VERSION_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class SegmentPlan:
    """How long the parts of a file last at most, in seconds."""

    first_s: int
    later_s: int


@dataclass(frozen=True, slots=True)
class PlannedRendition:
    """One rung as it is made of a certain master. Its protection is that of the scheme chosen."""

    profile: RenditionProfile
    sample_rate_hz: int
    segments: SegmentPlan


_SEGMENT_PLANS: Final[Mapping[Container, SegmentPlan]] = {
    Container.MP4: SegmentPlan(fmp4.FIRST_FRAGMENT_S, fmp4.FRAGMENT_S),
    Container.OGG: SegmentPlan(vorbis_file.FIRST_SEGMENT_S, vorbis_file.SEGMENT_S),
}


def plan_ladder(
    names: Sequence[str] = tuple(PROFILES), *, scheme: Protection, master_rate_hz: int
) -> tuple[PlannedRendition, ...]:
    """The renditions of a master.

    Args:
        names: of the ladder's rungs.
        scheme: `cbcs` or `cenc`, for fragmented MP4.
        master_rate_hz: the master's sample rate.
    """
    profiles = [profile_of(name, scheme) for name in names]
    return tuple(
        PlannedRendition(
            profile=profile,
            sample_rate_hz=rendition_rate_hz(profile.codec, master_rate_hz),
            segments=_SEGMENT_PLANS[profile.container],
        )
        for profile in profiles
    )


@dataclass(frozen=True, slots=True)
class VersionInputs:
    """All that decides the bytes of a track's renditions.

    Attributes:
        master_sha256: of the master file, hexadecimal.
        context_before: digest of the neighbouring audio used before the track; empty for none.
        context_after: likewise after it.
        metadata_sha256: of the metadata that the files embed; empty for none.
        identity: of the encoders; its probe of Opus does not count.
        kids: identifiers of the track's content keys; those that `ladder` does not use do not
            count.
        ladder: see `plan_ladder`.
        revision: counts versions of equal inputs, where one came out otherwise than it was
            recorded: what is made again then has a name of its own.
    """

    master_sha256: str
    context_before: str
    context_after: str
    metadata_sha256: str
    identity: EncoderIdentity
    kids: Mapping[KeyClass, uuid.UUID]
    ladder: Sequence[PlannedRendition]
    revision: int = 0


def version_of(inputs: VersionInputs) -> str:
    """16 hexadecimal digits; the order of mappings does not count.

    Raises:
        KeyError: a key that the ladder uses has no identifier.
    """
    used = {rendition.profile.key_class for rendition in inputs.ladder}
    document = {
        "master_sha256": inputs.master_sha256,
        "context_before": inputs.context_before,
        "context_after": inputs.context_after,
        "metadata_sha256": inputs.metadata_sha256,
        "identity": shared_identity_to_json(inputs.identity),
        "kids": {key_class.value: str(inputs.kids[key_class]) for key_class in used},
        "ladder": [asdict(rendition) for rendition in inputs.ladder],
        "revision": inputs.revision,
    }
    canonical = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(canonical).hexdigest()[:VERSION_DIGITS]
