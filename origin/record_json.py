"""Records as JSON: what stands in `tracks/{id}.json` and `albums/{id}.json`. No I/O.

Decoding is strict: an unknown member means a record of a release that knows more, and rewriting
it would lose what we do not know.
"""

from typing import Final

import orjson

from origin.errors import RecordError
from origin.records import ALBUM_ENTRIES_MAX, AlbumEntry, AlbumRecord, TrackRecord, VersionRecord
from origin.tags import ARTISTS_MAX, TEXT_LENGTH_MAX, Tags
from origin.track_id import is_id
from packager.format_error import FormatError
from packager.identity import identity_from_json, identity_to_json
from packager.jobs import MasterFacts, master_facts_from_json, master_facts_to_json
from packager.json_fields import JsonFields
from packager.seek_index import RenditionFacts, facts_from_json, facts_to_json

SCHEMA: Final = 1

# 12 hours have 7200 segments of up to 100 bytes in each rendition of each version.
RECORD_BYTES_MAX: Final = 64 << 20

_VERSIONS_MAX: Final = 64
_RENDITIONS_MAX: Final = 32
_HEX_MAX: Final = 64


def encode_track(record: TrackRecord) -> bytes:
    """The bytes of a track's record."""
    return orjson.dumps(
        {
            "schema": SCHEMA,
            "track_id": record.track_id,
            "master": master_facts_to_json(record.master),
            "file_name": record.file_name,
            "tags": _tags_to_json(record.tags),
            "album_id": record.album_id,
            "created_s": record.created_s,
            "current_version": record.current_version,
            "versions": [_version_to_json(version) for version in record.versions],
        }
    )


def decode_track(data: bytes) -> TrackRecord:
    """Undo `encode_track`.

    Raises:
        RecordError: this is not a track's record that this release wrote.
    """
    fields = _parse(data, "track")
    record = TrackRecord(
        track_id=_id_of(fields, "track_id"),
        master=_master_of(fields),
        file_name=fields.text("file_name", length_max=TEXT_LENGTH_MAX),
        tags=_tags_of(fields.fields("tags")),
        album_id=_optional_id_of(fields, "album_id"),
        created_s=fields.integer("created_s"),
        current_version=fields.text("current_version", length_max=_HEX_MAX),
        versions=fields.items("versions", _version_of, count_max=_VERSIONS_MAX),
    )
    fields.finish()
    if record.version(record.current_version) is None:
        raise RecordError("track.current_version is not among track.versions")
    return record


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
    fields = _parse(data, "album")
    record = AlbumRecord(
        album_id=_id_of(fields, "album_id"),
        title=fields.text("title", length_max=TEXT_LENGTH_MAX),
        artist=fields.text("artist", length_max=TEXT_LENGTH_MAX),
        entries=fields.items("entries", _entry_of, count_max=ALBUM_ENTRIES_MAX),
    )
    fields.finish()
    return record


def _parse(data: bytes, path: str) -> JsonFields:
    """The members of a record but `schema`, which must be ours."""
    try:
        fields = JsonFields(orjson.loads(data), path, RecordError)
    except orjson.JSONDecodeError as error:
        raise RecordError(f"{path} is not JSON: {error}") from error
    found = fields.integer("schema")
    if found != SCHEMA:
        raise RecordError(f"{path} has schema {found}; this release reads {SCHEMA}")
    return fields


def _id_of(fields: JsonFields, name: str) -> str:
    text = fields.text(name, length_max=_HEX_MAX)
    if not is_id(text):
        raise RecordError(f"{name} is no id")
    return text


def _optional_id_of(fields: JsonFields, name: str) -> str | None:
    text = fields.optional_text(name, length_max=_HEX_MAX)
    if text is not None and not is_id(text):
        raise RecordError(f"{name} is no id")
    return text


def _master_of(fields: JsonFields) -> MasterFacts:
    value = fields.take("master")
    try:
        facts = master_facts_from_json(value)
    except ValueError as error:
        raise RecordError(f"track.master: {error}") from error
    if master_facts_to_json(facts) != value:
        raise RecordError("track.master has unknown members")
    return facts


def _tags_to_json(tags: Tags) -> dict[str, object]:
    return {
        "title": tags.title,
        "artists": list(tags.artists),
        "album": tags.album,
        "album_artist": tags.album_artist,
        "disc": tags.disc,
        "track": tags.track,
        "date": tags.date,
        "isrc": tags.isrc,
    }


def _tags_of(fields: JsonFields) -> Tags:
    tags = Tags(
        title=fields.text("title", length_max=TEXT_LENGTH_MAX),
        artists=fields.texts("artists", count_max=ARTISTS_MAX, length_max=TEXT_LENGTH_MAX),
        album=fields.optional_text("album", length_max=TEXT_LENGTH_MAX),
        album_artist=fields.optional_text("album_artist", length_max=TEXT_LENGTH_MAX),
        disc=fields.optional_integer("disc"),
        track=fields.optional_integer("track"),
        date=fields.optional_text("date", length_max=TEXT_LENGTH_MAX),
        isrc=fields.optional_text("isrc", length_max=TEXT_LENGTH_MAX),
    )
    fields.finish()
    return tags


def _version_to_json(version: VersionRecord) -> dict[str, object]:
    return {
        "version": version.version,
        "identity": identity_to_json(version.identity),
        "key_version": version.key_version,
        "metadata_sha256": version.metadata_sha256,
        "created_s": version.created_s,
        "renditions": [facts_to_json(facts) for facts in version.renditions],
    }


def _version_of(value: object, path: str) -> VersionRecord:
    fields = JsonFields(value, path, RecordError)
    identity = fields.take("identity")
    if not isinstance(identity, dict):
        raise RecordError(f"{path}.identity is not an object")
    try:
        encoders = identity_from_json(identity)
    except ValueError as error:
        raise RecordError(f"{path}.identity: {error}") from error
    version = VersionRecord(
        version=fields.text("version", length_max=_HEX_MAX),
        identity=encoders,
        key_version=fields.integer("key_version"),
        metadata_sha256=fields.text("metadata_sha256", length_max=_HEX_MAX),
        created_s=fields.integer("created_s"),
        renditions=fields.items("renditions", _rendition_of, count_max=_RENDITIONS_MAX),
    )
    fields.finish()
    return version


def _rendition_of(value: object, path: str) -> RenditionFacts:
    try:
        facts = facts_from_json(value)
    except FormatError as error:
        raise RecordError(f"{path}: {error}") from error
    if facts_to_json(facts) != value:
        raise RecordError(f"{path} has unknown members")
    return facts


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
    }


def _entry_of(value: object, path: str) -> AlbumEntry:
    fields = JsonFields(value, path, RecordError)
    entry = AlbumEntry(
        track_id=_id_of(fields, "track_id"),
        title=fields.text("title", length_max=TEXT_LENGTH_MAX),
        artists=fields.texts("artists", count_max=ARTISTS_MAX, length_max=TEXT_LENGTH_MAX),
        disc=fields.optional_integer("disc"),
        track=fields.optional_integer("track"),
        file_name=fields.text("file_name", length_max=TEXT_LENGTH_MAX),
        samples=fields.integer("samples"),
        sample_rate_hz=fields.integer("sample_rate_hz", minimum=1),
    )
    fields.finish()
    return entry
