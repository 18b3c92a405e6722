"""What the origin knows of tracks and albums: the records in its store. No I/O.

A track is visible when its record is there. Its master, and what was found in it, were stored
before; its renditions follow, or are packaged when somebody wants to hear them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from origin.covers import CoverRecord
from origin.errors import AlbumFullError
from origin.object_key import master_key
from origin.tags import Tags
from packager.identity import EncoderIdentity
from packager.inspection_result import Edge
from packager.jobs import MasterFacts
from packager.loudness import Loudness
from packager.renditions import KeyClass, Protection
from packager.seek_index import RenditionFacts

# More than any box set has; a list in a file is bounded all the same.
ALBUM_ENTRIES_MAX: Final = 2000

# Versions of one track whose index and digests are remembered.
VERSIONS_MAX: Final = 64

# What an index of so many segments takes, at up to 100 bytes each, stays below the limit of a
# record also when a version of 12 hours is added, which has 57,600 of them.
SEGMENTS_MAX: Final = 500_000

# FFmpeg's names of containers, and what files in them are usually called.
_EXTENSIONS: Final[Mapping[str, str]] = {
    "aac": "aac",
    "aiff": "aiff",
    "ape": "ape",
    "asf": "wma",
    "caf": "caf",
    "flac": "flac",
    "matroska": "mka",
    "mov": "m4a",
    "mp3": "mp3",
    "ogg": "ogg",
    "rf64": "wav",
    "tta": "tta",
    "w64": "w64",
    "wav": "wav",
    "wv": "wv",
}


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """One packaging of a track. Its index, lengths and digests outlive the packaged bytes.

    Attributes:
        version: 16 hexadecimal digits.
        identity: the encoders that make it.
        key_version: of the content keys that it is encrypted under.
        scheme: of Common Encryption, `cbcs` or `cenc`.
        kids: the content keys that it is encrypted under, as UUID text.
        metadata_sha256: of what the files embed of their metadata; empty for nothing.
        context_before: SHA-256 of the audio that its encoders are warmed up with; empty for none.
        context_after: likewise of what follows the track.
        ladder: the renditions that there are, packaged or not, best first.
        revision: counts versions of equal inputs, see `packager.version.VersionInputs`.
        created_s: seconds since the epoch.
        superseded_s: since when another version is the current one; None while this one is.
        renditions: those that were packaged, in the order of the ladder.
    """

    version: str
    identity: EncoderIdentity
    key_version: int
    scheme: Protection
    kids: Mapping[KeyClass, str]
    metadata_sha256: str
    context_before: str
    context_after: str
    ladder: tuple[str, ...]
    revision: int
    created_s: int
    superseded_s: int | None
    renditions: tuple[RenditionFacts, ...]

    def rendition(self, name: str) -> RenditionFacts | None:
        """What is known of a rendition; None if it was never packaged."""
        return next((facts for facts in self.renditions if facts.name == name), None)

    def with_rendition(self, facts: RenditionFacts) -> "VersionRecord":
        """This version with a rendition that was packaged now."""
        by_name = {one.name: one for one in (*self.renditions, facts)}
        ordered = tuple(by_name[name] for name in self.ladder if name in by_name)
        return replace(self, renditions=ordered)


@dataclass(frozen=True, slots=True)
class Takedown:
    """Why a track is withheld from listeners.

    Attributes:
        reason: as it is told to them.
        taken_s: since when, in seconds since the epoch.
    """

    reason: str
    taken_s: int


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """All that is known of a track.

    Attributes:
        track_id: from the master's digest.
        master: what decoding all of it told.
        loudness: of the master.
        stereo_loudness: of the stereo that it is mixed down to; None if it has one or two channels.
        head: the master's beginning, which the track before is encoded with.
        tail: its end.
        file_name: as it was handed in, cleaned; orders tracks without a number.
        cover: its picture; None if it came without.
        label: whose it is; empty for the operator's own.
        album_id: None for a track of no album.
        created_s: seconds since the epoch.
        current_version: the one that listeners get.
        versions: oldest first; the current one is among them.
        takedown: set while the track is withheld.
    """

    track_id: str
    master: MasterFacts
    loudness: Loudness
    stereo_loudness: Loudness | None
    head: Edge
    tail: Edge
    file_name: str
    tags: Tags
    cover: CoverRecord | None
    label: str
    album_id: str | None
    created_s: int
    current_version: str
    versions: tuple[VersionRecord, ...]
    takedown: Takedown | None

    @property
    def current(self) -> VersionRecord:
        """The version that listeners get."""
        found = self.version(self.current_version)
        assert found is not None, "decoding refuses a record without its current version"
        return found

    @property
    def master_key(self) -> str:
        """Where the master is kept."""
        return key_of_master(self.track_id, self.master)

    def version(self, version: str) -> VersionRecord | None:
        """The version with this name."""
        return next((one for one in self.versions if one.version == version), None)

    def with_planned(self, planned: VersionRecord) -> "TrackRecord":
        """This track with one more version, unless it has it.

        To make room go those that were never the current one, then the oldest.
        """
        if self.version(planned.version) is not None:
            return self
        kept = list(self.versions)
        while len(kept) >= VERSIONS_MAX or (len(kept) > 1 and _segments_of(kept) > SEGMENTS_MAX):
            others = [one for one in kept if one.version != self.current_version]
            kept.remove(next((one for one in others if not self.was_current(one)), others[0]))
        return replace(self, versions=(*kept, planned))

    def without_planned(self, version: str) -> "TrackRecord":
        """This track without a version that never was the current one; any other stays."""
        kept = (one for one in self.versions if one.version != version or self.was_current(one))
        return replace(self, versions=tuple(kept))

    def was_current(self, version: VersionRecord) -> bool:
        """Whether listeners get this version of the track, or once got it."""
        return version.version == self.current_version or version.superseded_s is not None

    def moved_to(self, version: str, *, now_s: int) -> "TrackRecord":
        """This track with another one of its versions for listeners, from `now_s` on."""
        former, current = self.current, self.version(version)
        assert current is not None, "a version is planned before a track is moved to it"
        if former.version == version:
            return self
        moved = self.with_version(replace(former, superseded_s=now_s))
        moved = moved.with_version(replace(current, superseded_s=None))
        return replace(moved, current_version=version)

    def with_version(self, changed: VersionRecord) -> "TrackRecord":
        """This track with `changed` in the place of the version of that name."""
        versions = tuple(
            changed if one.version == changed.version else one for one in self.versions
        )
        return replace(self, versions=versions)


@dataclass(frozen=True, slots=True)
class AlbumEntry:
    """A track of an album, with what a list of tracks shows and what orders it."""

    track_id: str
    title: str
    artists: tuple[str, ...]
    disc: int | None
    track: int | None
    file_name: str
    samples: int
    sample_rate_hz: int
    loudness: Loudness

    @property
    def place(self) -> tuple[int, int, str, str]:
        """Orders the entries: disc, number, file name. What has no number comes last."""
        last = 1 << 16
        return (self.disc or 1, self.track or last, self.file_name, self.track_id)


@dataclass(frozen=True, slots=True)
class AlbumRecord:
    """An album: its name and its tracks in their order.

    An entry may outlive its track, or the track may be withheld: whoever shows an album leaves
    those out.
    """

    album_id: str
    title: str
    artist: str
    entries: tuple[AlbumEntry, ...]

    def with_entry(self, entry: AlbumEntry) -> "AlbumRecord":
        """This album with `entry` in its place, instead of one with the same track.

        Raises:
            AlbumFullError: it has `ALBUM_ENTRIES_MAX` others.
        """
        others = [one for one in self.entries if one.track_id != entry.track_id]
        if len(others) >= ALBUM_ENTRIES_MAX:
            raise AlbumFullError(f"the album {self.title!r} has {len(others)} tracks")
        return self._with_entries((*others, entry))

    def without_track(self, track_id: str) -> "AlbumRecord":
        """This album without the entry of a track."""
        return self._with_entries(one for one in self.entries if one.track_id != track_id)

    def entries_before(self, track_id: str) -> tuple[AlbumEntry, ...]:
        """What precedes a track, the nearest first; nothing for a track of another album."""
        positions = [one.track_id for one in self.entries]
        if track_id not in positions:
            return ()
        return self.entries[: positions.index(track_id)][::-1]

    def entries_after(self, track_id: str) -> tuple[AlbumEntry, ...]:
        """What follows a track; nothing for a track that is not in the album."""
        positions = [one.track_id for one in self.entries]
        if track_id not in positions:
            return ()
        return self.entries[positions.index(track_id) + 1 :]

    def _with_entries(self, entries: Iterable[AlbumEntry]) -> "AlbumRecord":
        return replace(self, entries=tuple(sorted(entries, key=lambda one: one.place)))


def _segments_of(versions: Iterable[VersionRecord]) -> int:
    return sum(len(facts.seek.segments) for one in versions for facts in one.renditions)


def entry_of(record: TrackRecord) -> AlbumEntry:
    """The entry of a track in its album."""
    return AlbumEntry(
        track_id=record.track_id,
        title=record.tags.title,
        artists=record.tags.artists,
        disc=record.tags.disc,
        track=record.tags.track,
        file_name=record.file_name,
        samples=record.master.samples,
        sample_rate_hz=record.master.sample_rate_hz,
        loudness=record.loudness,
    )


def key_of_master(track_id: str, master: MasterFacts) -> str:
    """Where a master is kept; its extension follows from its content, not from its name."""
    container = master.container.partition(",")[0]
    extension = _EXTENSIONS.get(container, "bin")
    return master_key(track_id, sha256=master.sha256, extension=extension)
