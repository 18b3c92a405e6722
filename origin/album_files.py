"""Which playlists an album has under `/v1/albums/{album_id}/`, and what is in them. No I/O.

They are written from the records of its tracks, as those of a track are; see
`origin.version_files`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from origin.records import VersionRecord
from origin.version_files import NeedsRenditions, WrittenFile, fragmented_facts, fragmented_names
from packager import dash, hls
from packager.album_presentation import AlbumPart, AlbumPresentation
from packager.hls import HlsFlavor


@dataclass(frozen=True, slots=True)
class AlbumTrack:
    """A track of an album that listeners may see, in the version that they get."""

    track_id: str
    version: VersionRecord


@dataclass(frozen=True, slots=True)
class NeedsOfTracks:
    """A playlist that can be had once these renditions of tracks have been packaged.

    Attributes:
        tracks: those that lack some, in the order of the album, with the names of these.
    """

    tracks: tuple[tuple[AlbumTrack, tuple[str, ...]], ...]


def find_album_file(tracks: Sequence[AlbumTrack], name: str) -> WrittenFile | NeedsOfTracks | None:
    """The playlist with this name, what it needs, or none.

    Args:
        tracks: of the album, in their order.
        name: of the file.
    """
    common = common_names(tracks)
    if not common:
        return None
    if name == dash.FILE_NAME or name in hls.MULTIVARIANT_NAMES:
        parts = _parts_of(tracks, common)
        if isinstance(parts, NeedsOfTracks):
            return parts
        return _manifest(AlbumPresentation(parts), name)
    for rendition in common:
        for flavor in HlsFlavor:
            if name == hls.media_playlist_name(rendition, flavor):
                return _media_playlist(tracks, rendition, flavor)
    return None


def common_names(tracks: Sequence[AlbumTrack]) -> tuple[str, ...]:
    """The renditions that manifests offer and all tracks have, packaged or not."""
    if not tracks:
        return ()
    names = [fragmented_names(track.version) for track in tracks]
    common = set.intersection(*map(set, names))
    return tuple(name for name in names[0] if name in common)


def _parts_of(
    tracks: Sequence[AlbumTrack], names: tuple[str, ...]
) -> tuple[AlbumPart, ...] | NeedsOfTracks:
    """The facts of some renditions of each track, unless some were never packaged."""
    parts: list[AlbumPart] = []
    needs: list[tuple[AlbumTrack, tuple[str, ...]]] = []
    for track in tracks:
        facts = fragmented_facts(track.version, names)
        if isinstance(facts, NeedsRenditions):
            needs.append((track, facts.names))
        else:
            parts.append(AlbumPart(track.track_id, track.version.version, facts))
    return NeedsOfTracks(tuple(needs)) if needs else tuple(parts)


def _manifest(album: AlbumPresentation, name: str) -> WrittenFile:
    if name == dash.FILE_NAME:
        return WrittenFile(dash.encode_album_mpd(album), dash.MIME_TYPE)
    content = hls.encode_album_multivariant(album, HlsFlavor(name))
    return WrittenFile(content, hls.MIME_TYPE)


def _media_playlist(
    tracks: Sequence[AlbumTrack], rendition: str, flavor: HlsFlavor
) -> WrittenFile | NeedsOfTracks:
    """The playlist of one rendition, which asks for no other one."""
    parts = _parts_of(tracks, (rendition,))
    if isinstance(parts, NeedsOfTracks):
        return parts
    content = hls.encode_album_media_playlist(AlbumPresentation(parts), rendition, flavor)
    return WrittenFile(content, hls.MIME_TYPE)
