"""Tracks, albums and the library as the JSON that players read. No I/O.

All references are relative, so that a token in front of the path (`/~TOKEN/v1/…`) is inherited.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson

from origin.covers import CoverRecord
from origin.neighbors import Neighbors
from origin.object_key import cover_key
from origin.records import AlbumEntry, AlbumRecord, TrackRecord, VersionRecord
from packager.dash import FILE_NAME as DASH_MANIFEST
from packager.hls import HlsFlavor
from packager.loudness import TARGET_LUFS, AlbumLoudness, Loudness, album_loudness, gain_db
from packager.presentation import file_name
from packager.renditions import CODEC_STRINGS, MIME_TYPES, Container, Protection, profile_of
from packager.seek_index import padding_of

SEEK_INDEX_SUFFIX: Final = ".json"


def track_url(track_id: str) -> str:
    """Reference to a track from anything that stands two segments below `/v1/`."""
    return f"../tracks/{track_id}"


def album_url(album_id: str) -> str:
    """Reference to an album, likewise."""
    return f"../albums/{album_id}"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands around a track in its album, as far as listeners may see it.

    Attributes:
        album: None for a track of no album.
        following: the next track that can be played, adjoining or not; None if there is none.
        neighbors: the tracks that adjoin it.
    """

    album: AlbumRecord | None = None
    following: str | None = None
    neighbors: Neighbors = field(default_factory=Neighbors)


def encode_track_document(record: TrackRecord, around: Surroundings) -> bytes:
    """The answer of `/v1/tracks/{track_id}`."""
    folder = f"../audio/{record.track_id}/{record.current_version}/"
    tags = record.tags
    document: dict[str, object] = {
        "track_id": record.track_id,
        "version": record.current_version,
        "title": tags.title,
        "title_sort": tags.title_sort,
        "artists": tags.artists,
        "artist_sort": tags.artist_sort,
        "album": _album_of(record, around.album),
        "disc": tags.disc,
        "discs": tags.discs,
        "track": tags.track,
        "tracks": tags.tracks,
        "date": tags.date,
        "isrc": tags.isrc,
        "upc": tags.barcode,
        "composers": tags.composers,
        "genres": tags.genres,
        "languages": tags.languages,
        "copyright": tags.copyright,
        "publisher": tags.publisher,
        "samples": record.master.samples,
        "sample_rate_hz": record.master.sample_rate_hz,
        "channels": record.master.channels,
        "lossless_of_master": record.master.is_lossless_of_master,
        "pcm_sha256": record.master.pcm_sha256,
        "loudness": _loudness(record, around.album),
        "cover": _cover(record.cover, "../"),
        "joins": _joins(record, around.neighbors),
        # What the seek indexes of its neighbors name as what they were encoded with.
        "edges": {"head": record.head.sha256, "tail": record.tail.sha256},
        "renditions": [_rendition(record.current, name, folder) for name in record.current.ladder],
        "links": _links(record, folder, around.following),
    }
    return orjson.dumps(document)


def encode_album_document(
    record: AlbumRecord, entries: Sequence[AlbumEntry], cover: CoverRecord | None
) -> bytes:
    """The answer of `/v1/albums/{album_id}`.

    Args:
        record: the album.
        entries: those that listeners may see.
        cover: of the first of them that has one.
    """
    loudness = album_loudness([entry.loudness for entry in record.entries])
    return orjson.dumps(
        {
            "album_id": record.album_id,
            "title": record.title,
            "artist": record.artist,
            "loudness": {
                "integrated_lufs": loudness.integrated_lufs,
                "true_peak_dbtp": loudness.true_peak_dbtp,
                "gain_db": _gain_db(loudness),
                "target_lufs": TARGET_LUFS,
            },
            "cover": _cover(cover, "../"),
            "links": {
                "dash": f"{record.album_id}/{DASH_MANIFEST}",
                "hls": f"{record.album_id}/{HlsFlavor.COMMON.value}",
                "hls_js": f"{record.album_id}/{HlsFlavor.HLS_JS.value}",
            },
            "tracks": [
                {
                    "track_id": entry.track_id,
                    "title": entry.title,
                    "artists": entry.artists,
                    "disc": entry.disc,
                    "track": entry.track,
                    "samples": entry.samples,
                    "sample_rate_hz": entry.sample_rate_hz,
                    "url": track_url(entry.track_id),
                }
                for entry in entries
            ],
        }
    )


def encode_library_document(tracks: Sequence[TrackRecord], next_url: str | None) -> bytes:
    """A page of `/v1/library`: tracks in the order of their ids."""
    return orjson.dumps(
        {
            "tracks": [
                {
                    "track_id": record.track_id,
                    "version": record.current_version,
                    "title": record.tags.title,
                    "artists": record.tags.artists,
                    "album": record.tags.album,
                    "album_id": record.album_id,
                    "disc": record.tags.disc,
                    "track": record.tags.track,
                    "samples": record.master.samples,
                    "sample_rate_hz": record.master.sample_rate_hz,
                    # One segment nearer to /v1/ than the documents that the others stand in.
                    "url": f"tracks/{record.track_id}",
                    "album_url": record.album_id and f"albums/{record.album_id}",
                    "cover": _cover(record.cover, ""),
                }
                for record in tracks
            ],
            "next": next_url,
        }
    )


def _album_of(record: TrackRecord, album: AlbumRecord | None) -> dict[str, object] | None:
    if record.album_id is None:
        return None
    return {
        "album_id": record.album_id,
        "title": album.title if album is not None else record.tags.album,
        "artist": album.artist if album is not None else record.tags.album_artist,
        "url": album_url(record.album_id),
    }


def _cover(cover: CoverRecord | None, root: str) -> dict[str, object] | None:
    """A cover in its sizes, the smallest first.

    Args:
        cover: of a track; None for none.
        root: reference to `/v1/` from where the document stands.
    """
    if cover is None:
        return None
    sizes = [
        {
            "width": one.width,
            "height": one.height,
            "bytes": one.bytes,
            "url": root + cover_key(cover.digest, size=one.size, extension=one.extension),
        }
        for one in cover.sizes
    ]
    return {"digest": cover.digest, "sizes": sizes}


def _loudness(record: TrackRecord, album: AlbumRecord | None) -> dict[str, object]:
    document: dict[str, object] = {
        **_loudness_of(record.loudness),
        "target_lufs": TARGET_LUFS,
        "stereo": record.stereo_loudness and _loudness_of(record.stereo_loudness),
    }
    if album is not None:
        whole = album_loudness([entry.loudness for entry in album.entries])
        document["album_lufs"] = whole.integrated_lufs
        document["album_true_peak_dbtp"] = whole.true_peak_dbtp
        document["album_gain_db"] = _gain_db(whole)
    return document


def _loudness_of(loudness: Loudness) -> dict[str, object]:
    return {
        "integrated_lufs": loudness.integrated_lufs,
        "range_lu": loudness.range_lu,
        "true_peak_dbtp": loudness.true_peak_dbtp,
        "track_gain_db": _gain_db(loudness),
    }


def _gain_db(loudness: Loudness | AlbumLoudness) -> float:
    """What a player may add to reach the target, without touching full scale."""
    return round(gain_db(loudness.integrated_lufs, loudness.true_peak_dbtp), 2)


def _joins(record: TrackRecord, neighbors: Neighbors) -> dict[str, object]:
    """What adjoins a track, and whether its files were made as the continuation of it."""
    version, before, after = record.current, neighbors.before, neighbors.after
    return {
        "previous": before
        and {
            "track_id": before.track_id,
            "has_context": version.context_before == before.tail.sha256,
        },
        "next": after
        and {
            "track_id": after.track_id,
            "has_context": version.context_after == after.head.sha256,
        },
    }


def _rendition(version: VersionRecord, name: str, folder: str) -> dict[str, object]:
    facts = version.rendition(name)
    if facts is None:
        return _unpackaged(version, name, folder)
    rendition: dict[str, object] = {
        "name": facts.name,
        "packaged": True,
        "codec": facts.codec.value,
        "codec_string": facts.codec_string,
        "container": facts.container.value,
        "mime": facts.mime,
        "bitrate_bps": facts.bitrate_bps,
        "bandwidth_bps": facts.bandwidth_bps,
        "sample_rate_hz": facts.sample_rate_hz,
        "channels": facts.channels,
        "bits": facts.bits,
        "samples": facts.samples,
        "priming": facts.priming,
        "padding": padding_of(facts),
        "bytes": facts.bytes,
        "sha256": facts.sha256,
        "kid": facts.kid,
        "protection": facts.protection.value,
        "url": folder + file_name(facts),
        "index_url": f"{folder}{facts.name}{SEEK_INDEX_SUFFIX}",
    }
    if facts.protection is Protection.SEALED:
        rendition["iv"] = facts.iv
    return rendition


def _unpackaged(version: VersionRecord, name: str, folder: str) -> dict[str, object]:
    """A rendition that is made when somebody asks for its index or its file."""
    profile = profile_of(name, version.scheme)
    return {
        "name": name,
        "packaged": False,
        "codec": profile.codec.value,
        "codec_string": CODEC_STRINGS[profile.codec],
        "container": profile.container.value,
        "mime": MIME_TYPES[profile.container],
        "bitrate_bps": profile.bitrate_bps,
        "bandwidth_bps": None,
        "sample_rate_hz": None,
        "channels": None,
        "bits": None,
        "samples": None,
        "priming": None,
        "padding": None,
        "bytes": None,
        "sha256": None,
        "kid": version.kids[profile.key_class],
        "protection": profile.protection.value,
        "url": f"{folder}{name}.{profile.container}",
        "index_url": f"{folder}{name}{SEEK_INDEX_SUFFIX}",
    }


def _links(record: TrackRecord, folder: str, next_track_id: str | None) -> dict[str, str]:
    links: dict[str, str] = {}
    version = record.current
    profiles = (profile_of(name, version.scheme) for name in version.ladder)
    if any(profile.container is Container.MP4 for profile in profiles):
        links["dash"] = folder + DASH_MANIFEST
        links["hls"] = folder + HlsFlavor.COMMON.value
        links["hls_js"] = folder + HlsFlavor.HLS_JS.value
    if record.album_id is not None:
        links["album"] = album_url(record.album_id)
    if next_track_id is not None:
        links["next"] = track_url(next_track_id)
    return links
