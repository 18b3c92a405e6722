"""Albums' records as JSON: what stands in `albums/{id}.json`. No I/O."""

from typing import Final

import orjson

from origin.errors import RecordError
from origin.record_json import id_of, parse_record
from origin.records import ALBUM_ENTRIES_MAX, AlbumEntry, AlbumRecord
from origin.tags import ARTISTS_MAX, TEXT_LENGTH_MAX
from packager.json_fields import JsonFields
from packager.loudness import loudness_from_json, loudness_to_json

SCHEMA: Final = 2


def encode_album(record: AlbumRecord) -> bytes:
    """The bytes of an album's record."""
    return orjson.dumps(
        {
            "schema": SCHEMA,
            "album_id": record.album_id,
            "title": record.title,
            "artist": record.artist,
            "entries": [_entry_to_json(entry) for entry in record.entries],
        }
    )


def decode_album(data: bytes) -> AlbumRecord:
    """Undo `encode_album`.

    Raises:
        RecordError: this is not an album's record that this release wrote.
    """
    fields = parse_record(data, "album", schema=SCHEMA)
    record = AlbumRecord(
        album_id=id_of(fields, "album_id"),
        title=fields.text("title", length_max=TEXT_LENGTH_MAX),
        artist=fields.text("artist", length_max=TEXT_LENGTH_MAX),
        entries=fields.items("entries", _entry_of, count_max=ALBUM_ENTRIES_MAX),
    )
    fields.finish()
    return record


def _entry_to_json(entry: AlbumEntry) -> dict[str, object]:
    return {
        "track_id": entry.track_id,
        "title": entry.title,
        "artists": list(entry.artists),
        "disc": entry.disc,
        "track": entry.track,
        "file_name": entry.file_name,
        "samples": entry.samples,
        "sample_rate_hz": entry.sample_rate_hz,
        "loudness": loudness_to_json(entry.loudness),
    }


def _entry_of(value: object, path: str) -> AlbumEntry:
    fields = JsonFields(value, path, RecordError)
    entry = AlbumEntry(
        track_id=id_of(fields, "track_id"),
        title=fields.text("title", length_max=TEXT_LENGTH_MAX),
        artists=fields.texts("artists", count_max=ARTISTS_MAX, length_max=TEXT_LENGTH_MAX),
        disc=fields.optional_integer("disc"),
        track=fields.optional_integer("track"),
        file_name=fields.text("file_name", length_max=TEXT_LENGTH_MAX),
        samples=fields.integer("samples"),
        sample_rate_hz=fields.integer("sample_rate_hz", minimum=1),
        loudness=loudness_from_json(fields.fields("loudness")),
    )
    fields.finish()
    return entry
