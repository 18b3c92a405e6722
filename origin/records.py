"""What the origin knows of tracks and albums: the records in its store. No I/O.

A track is visible when its record is there; everything that the record names was stored before.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from origin.errors import AlbumFullError
from origin.object_key import master_key
from origin.tags import Tags
from packager.identity import EncoderIdentity
from packager.jobs import MasterFacts
from packager.seek_index import RenditionFacts

# More than any box set has; a list in a file is bounded all the same.
ALBUM_ENTRIES_MAX: Final = 2000

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
        identity: the encoders that made it.
        key_version: of the content keys that it is encrypted under.
        metadata_sha256: of what the files embed of their metadata; empty for nothing.
        created_s: seconds since the epoch.
        renditions: in the order of the ladder.
    """

    version: str
    identity: EncoderIdentity
    key_version: int
    metadata_sha256: str
    created_s: int
    renditions: tuple[RenditionFacts, ...]

    def rendition(self, name: str) -> RenditionFacts | None:
        """The rendition with this name."""
        return next((facts for facts in self.renditions if facts.name == name), None)


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """All that is known of a track.

    Attributes:
        track_id: from the master's digest.
        master: what decoding all of it told.
        file_name: as it was handed in, cleaned; orders tracks without a number.
        album_id: None for a track of no album.
        created_s: seconds since the epoch.
        current_version: the one that listeners get.
        versions: oldest first; the current one is among them.
    """

    track_id: str
    master: MasterFacts
    file_name: str
    tags: Tags
    album_id: str | None
    created_s: int
    current_version: str
    versions: tuple[VersionRecord, ...]

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

    @property
    def place(self) -> tuple[int, int, str, str]:
        """Orders the entries: disc, number, file name. What has no number comes last."""
        last = 1 << 16
        return (self.disc or 1, self.track or last, self.file_name, self.track_id)


@dataclass(frozen=True, slots=True)
class AlbumRecord:
    """An album: its name and its tracks in their order.

    An entry may precede its track's record for a moment, or for ever if an ingest is cut short:
    whoever shows an album leaves out tracks that are not there.
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

    def entries_after(self, track_id: str) -> tuple[AlbumEntry, ...]:
        """What follows a track; nothing for a track that is not in the album."""
        positions = [one.track_id for one in self.entries]
        if track_id not in positions:
            return ()
        return self.entries[positions.index(track_id) + 1 :]

    def _with_entries(self, entries: Iterable[AlbumEntry]) -> "AlbumRecord":
        return replace(self, entries=tuple(sorted(entries, key=lambda one: one.place)))


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
    )


def key_of_master(track_id: str, master: MasterFacts) -> str:
    """Where a master is kept; its extension follows from its content, not from its name."""
    container = master.container.partition(",")[0]
    extension = _EXTENSIONS.get(container, "bin")
    return master_key(track_id, sha256=master.sha256, extension=extension)
