"""Tracks' records as JSON: what stands in `tracks/{id}.json`. No I/O.

Decoding is strict: an unknown member means a record of a release that knows more, and rewriting
it would lose what we do not know.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Final, TypeVar

import orjson

from origin.covers import CoverRecord, cover_record_of, cover_to_json
from origin.errors import RecordError
from origin.records import VERSIONS_MAX, Takedown, TrackRecord
from origin.tags import TEXT_LENGTH_MAX
from origin.tags_json import tags_from_json, tags_to_json
from origin.track_id import is_id
from origin.version_json import version_from_json, version_to_json
from packager.inspection_result import edge_from_json, edge_to_json
from packager.jobs import MasterFacts, master_facts_from_json, master_facts_to_json
from packager.json_fields import JsonFields
from packager.loudness import loudness_from_json, loudness_to_json

SCHEMA: Final = 2

# 12 hours have 7200 segments of up to 100 bytes in each rendition of each version.
RECORD_BYTES_MAX: Final = 64 << 20

_Value = TypeVar("_Value")

_HEX_MAX: Final = 64


def encode_track(record: TrackRecord) -> bytes:
    """The bytes of a track's record.

    Raises:
        RecordError: there are more than are read again.
    """
    data = orjson.dumps(
        {
            "schema": SCHEMA,
            "track_id": record.track_id,
            "master": master_facts_to_json(record.master),
            "loudness": loudness_to_json(record.loudness),
            "stereo_loudness": record.stereo_loudness and loudness_to_json(record.stereo_loudness),
            "head": edge_to_json(record.head),
            "tail": edge_to_json(record.tail),
            "file_name": record.file_name,
            "tags": tags_to_json(record.tags),
            "cover": record.cover and cover_to_json(record.cover),
            "label": record.label,
            "album_id": record.album_id,
            "created_s": record.created_s,
            "current_version": record.current_version,
            "versions": [version_to_json(version) for version in record.versions],
            "takedown": record.takedown and asdict(record.takedown),
        }
    )
    if len(data) > RECORD_BYTES_MAX:
        raise RecordError(f"the record of track {record.track_id} would have {len(data)} bytes")
    return data


def decode_track(data: bytes) -> TrackRecord:
    """Undo `encode_track`.

    Raises:
        RecordError: this is not a track's record that this release wrote.
    """
    fields = parse_record(data, "track", schema=SCHEMA)
    record = TrackRecord(
        track_id=id_of(fields, "track_id"),
        master=_master_of(fields),
        loudness=loudness_from_json(fields.fields("loudness")),
        stereo_loudness=_optional(fields, "stereo_loudness", loudness_from_json),
        head=edge_from_json(fields.fields("head")),
        tail=edge_from_json(fields.fields("tail")),
        file_name=fields.text("file_name", length_max=TEXT_LENGTH_MAX),
        tags=tags_from_json(fields.fields("tags")),
        cover=_cover_of(fields),
        label=fields.text("label", length_max=TEXT_LENGTH_MAX),
        album_id=_optional_id_of(fields, "album_id"),
        created_s=fields.integer("created_s"),
        current_version=fields.text("current_version", length_max=_HEX_MAX),
        versions=fields.items("versions", version_from_json, count_max=VERSIONS_MAX),
        takedown=_optional(fields, "takedown", _takedown_of),
    )
    fields.finish()
    if record.version(record.current_version) is None:
        raise RecordError("track.current_version is not among track.versions")
    return record


def parse_record(data: bytes, path: str, *, schema: int) -> JsonFields:
    """The members of a record but `schema`, which must be ours.

    Raises:
        RecordError: it is no JSON object, or of another schema.
    """
    try:
        fields = JsonFields(orjson.loads(data), path, RecordError)
    except orjson.JSONDecodeError as error:
        raise RecordError(f"{path} is not JSON: {error}") from error
    found = fields.integer("schema")
    if found != schema:
        raise RecordError(f"{path} has schema {found}; this release reads {schema}")
    return fields


def id_of(fields: JsonFields, name: str) -> str:
    """The id of a track or an album.

    Raises:
        RecordError: it is none.
    """
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


def _cover_of(fields: JsonFields) -> CoverRecord | None:
    value = fields.take("cover")
    return None if value is None else cover_record_of(value, "track.cover")


def _takedown_of(fields: JsonFields) -> Takedown:
    takedown = Takedown(
        reason=fields.text("reason", length_max=TEXT_LENGTH_MAX),
        taken_s=fields.integer("taken_s"),
    )
    fields.finish()
    return takedown


def _optional(
    fields: JsonFields, name: str, decode: Callable[[JsonFields], _Value]
) -> _Value | None:
    """What `decode` makes of an object, or null."""
    value = fields.take(name)
    return None if value is None else decode(JsonFields(value, f"track.{name}", RecordError))
