"""What a version is made from, settled before anything of it is made. No I/O.

A version is named by its inputs alone: so a track can be shown, and its files be named, while no
rendition of it has been packaged.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from drm.ports import TrackKeys
from origin.neighbors import Neighbors, contexts_of
from origin.records import TrackRecord, VersionRecord
from packager.identity import EncoderIdentity, shared_identity_to_json
from packager.jobs import PackagingOrder
from packager.loudness import (
    SILENCE_LUFS,
    TrackGain,
    replaygain_gain_text,
    replaygain_peak_text,
)
from packager.renditions import PROFILES, Codec, Protection, profile_of
from packager.seek_index import RenditionFacts
from packager.version import VersionInputs, plan_ladder, version_of


@dataclass(frozen=True, slots=True)
class Means:
    """What decides the bytes of a version beside its track.

    Attributes:
        identity: of the encoders.
        keys: of the track.
        scheme: of Common Encryption.
    """

    identity: EncoderIdentity
    keys: TrackKeys
    scheme: Protection


@dataclass(frozen=True, slots=True)
class Ingredients:
    """Local files that a rendition is made from; None for no context on that side."""

    master: Path
    before: Path | None
    after: Path | None


def plan_version(
    track: TrackRecord, neighbors: Neighbors, means: Means, *, now_s: int, revision: int = 0
) -> VersionRecord:
    """The version that `track` has by these means, with nothing of it packaged."""
    ladder = tuple(PROFILES)
    classes = {profile_of(name, means.scheme).key_class for name in ladder}
    kids = {key_class: means.keys.by_class[key_class].kid for key_class in sorted(classes)}
    before, after = contexts_of(track, neighbors)
    metadata_sha256 = digest_of_gain(embedded_gain(track))
    inputs = VersionInputs(
        master_sha256=track.master.sha256,
        context_before=before,
        context_after=after,
        metadata_sha256=metadata_sha256,
        identity=means.identity,
        kids=kids,
        ladder=plan_ladder(ladder, scheme=means.scheme, master_rate_hz=track.master.sample_rate_hz),
        revision=revision,
    )
    return VersionRecord(
        version=version_of(inputs),
        identity=means.identity,
        key_version=means.keys.key_version,
        scheme=means.scheme,
        kids={key_class: str(kid) for key_class, kid in kids.items()},
        metadata_sha256=metadata_sha256,
        context_before=before,
        context_after=after,
        ladder=ladder,
        revision=revision,
        created_s=now_s,
        superseded_s=None,
        renditions=(),
    )


def embedded_gain(track: TrackRecord) -> TrackGain | None:
    """What files that carry tags say of the track's loudness; None if there is nothing to hear."""
    heard = track.stereo_loudness or track.loudness
    if heard.integrated_lufs <= SILENCE_LUFS:
        return None
    return TrackGain(heard.integrated_lufs, heard.true_peak_dbtp)


def digest_of_gain(gain: TrackGain | None) -> str:
    """SHA-256 of the values as they are embedded; empty for none."""
    if gain is None:
        return ""
    texts = (
        replaygain_gain_text(gain.integrated_lufs),
        replaygain_peak_text(gain.true_peak_dbtp),
    )
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def order_of(
    track: TrackRecord,
    version: VersionRecord,
    rendition: str,
    *,
    keys: TrackKeys,
    ingredients: Ingredients,
    folder: Path,
) -> PackagingOrder:
    """The order for one rendition of a version; its file goes into `folder`."""
    profile = profile_of(rendition, version.scheme)
    return PackagingOrder(
        master=ingredients.master,
        facts=track.master,
        rendition=rendition,
        version=version.version,
        key=keys.by_class[profile.key_class],
        output=folder / f"{rendition}.{profile.container}",
        scheme=version.scheme,
        before=ingredients.before,
        after=ingredients.after,
        gain=embedded_gain(track),
    )


def differences(
    track: TrackRecord,
    version: VersionRecord,
    identity: EncoderIdentity,
    keys: TrackKeys,
    *,
    rendition: str | None = None,
) -> Iterator[str]:
    """What keeps this process from making a version of a track, in words.

    Args:
        track: whose version it is.
        version: to be made.
        identity: of the encoders of this process.
        keys: of the track.
        rendition: the only one that is asked about; None for all of them.
    """
    recorded, ours = shared_identity_to_json(version.identity), shared_identity_to_json(identity)
    yield from _differences_of(recorded, ours, "")
    if _has_other_opus(version, identity, rendition):
        yield "libopus computes otherwise on this machine"
    for key_class, kid in version.kids.items():
        if str(keys.by_class[key_class].kid) != kid:
            yield f"its {key_class} key is not the track's present one"
    if version.metadata_sha256 != digest_of_gain(embedded_gain(track)):
        yield "its files embed another loudness"


def with_packaged(
    version: VersionRecord, facts: RenditionFacts, *, opus_probe: str
) -> VersionRecord:
    """`version` with a rendition that was made now.

    Args:
        version: planned, maybe where libopus computes otherwise.
        facts: of the rendition.
        opus_probe: of whoever made it; the version keeps that of who made its Opus.
    """
    if facts.codec is Codec.OPUS:
        version = replace(version, identity=replace(version.identity, opus_probe=opus_probe))
    return version.with_rendition(facts)


def _has_other_opus(
    version: VersionRecord, identity: EncoderIdentity, rendition: str | None
) -> bool:
    """Whether Opus that was recorded would come out otherwise here."""
    probe = version.identity.opus_probe
    return probe not in ("", identity.opus_probe) and any(
        facts.codec is Codec.OPUS for facts in version.renditions if rendition in (None, facts.name)
    )


def _differences_of(
    recorded: Mapping[str, object], ours: Mapping[str, object], path: str
) -> Iterator[str]:
    for name in sorted(recorded.keys() | ours.keys()):
        then, now = recorded.get(name), ours.get(name)
        if isinstance(then, dict) and isinstance(now, dict):
            yield from _differences_of(then, now, f"{path}{name}.")
        elif then != now:
            yield f"{path}{name} was {str(then)[:80]}, is {str(now)[:80]}"
