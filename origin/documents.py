"""Tracks, albums and the library as the JSON that players read. No I/O.

All references are relative, so that a token in front of the path (`/~TOKEN/v1/…`) is inherited.
"""

from collections.abc import Sequence
from typing import Final

import orjson

from origin.records import AlbumEntry, AlbumRecord, TrackRecord
from packager.dash import FILE_NAME as DASH_MANIFEST
from packager.hls import HlsFlavor
from packager.presentation import file_name
from packager.renditions import Container, Protection
from packager.seek_index import RenditionFacts

SEEK_INDEX_SUFFIX: Final = ".json"


def track_url(track_id: str) -> str:
    """Reference to a track from anything that stands two segments below `/v1/`."""
    return f"../tracks/{track_id}"


def album_url(album_id: str) -> str:
    """Reference to an album, likewise."""
    return f"../albums/{album_id}"


def encode_track_document(
    record: TrackRecord, album: AlbumRecord | None, next_track_id: str | None
) -> bytes:
    """The answer of `/v1/tracks/{track_id}`.

    Args:
        record: the track.
        album: its album, if it has one.
        next_track_id: what follows it there.
    """
    folder = f"../audio/{record.track_id}/{record.current_version}/"
    renditions = record.current.renditions
    document: dict[str, object] = {
        "track_id": record.track_id,
        "version": record.current_version,
        "title": record.tags.title,
        "artists": record.tags.artists,
        "album": _album_of(record, album),
        "disc": record.tags.disc,
        "track": record.tags.track,
        "date": record.tags.date,
        "isrc": record.tags.isrc,
        "samples": record.master.samples,
        "sample_rate_hz": record.master.sample_rate_hz,
        "channels": record.master.channels,
        "lossless_of_master": record.master.is_lossless_of_master,
        "pcm_sha256": record.master.pcm_sha256,
        "renditions": [_rendition(facts, folder) for facts in renditions],
        "links": _links(record, folder, next_track_id),
    }
    return orjson.dumps(document)


def encode_album_document(record: AlbumRecord, entries: Sequence[AlbumEntry]) -> bytes:
    """The answer of `/v1/albums/{album_id}`; `entries` are those that listeners may see."""
    return orjson.dumps(
        {
            "album_id": record.album_id,
            "title": record.title,
            "artist": record.artist,
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


def _rendition(facts: RenditionFacts, folder: str) -> dict[str, object]:
    rendition: dict[str, object] = {
        "name": facts.name,
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


def _links(record: TrackRecord, folder: str, next_track_id: str | None) -> dict[str, str]:
    links: dict[str, str] = {}
    if any(facts.container is Container.MP4 for facts in record.current.renditions):
        links["dash"] = folder + DASH_MANIFEST
        links["hls"] = folder + HlsFlavor.COMMON.value
        links["hls_js"] = folder + HlsFlavor.HLS_JS.value
    if record.album_id is not None:
        links["album"] = album_url(record.album_id)
    if next_track_id is not None:
        links["next"] = track_url(next_track_id)
    return links
