"""An upload's record as JSON. Decoding is strict, as for every record. No I/O."""

from collections.abc import Callable, Mapping
from typing import Final

import orjson

from origin.errors import RecordError
from origin.intake.upload import (
    PARTS_MAX,
    Duplicate,
    Outcome,
    Part,
    Refusal,
    State,
    Upload,
    is_label,
    is_upload_id,
)
from origin.intake.upload_metadata import METADATA_BYTES_MAX, METADATA_FIELDS_MAX
from packager.json_fields import JsonFields

SCHEMA: Final = 2

# 40 bytes a part, and metadata.
RECORD_BYTES_MAX: Final = 8 << 20

DUPLICATES_MAX: Final = 10
TEXT_LENGTH_MAX: Final = 2000

_UPLOAD_NONCE_DIGITS: Final = 16
_NONCE_DIGITS: Final = 8
_SHA256_DIGITS: Final = 64


def encode_upload(upload: Upload) -> bytes:
    """The bytes of an upload's record."""
    return orjson.dumps(
        {
            "schema": SCHEMA,
            "upload_id": upload.upload_id,
            "nonce": upload.nonce,
            "label": upload.label,
            "length": upload.length,
            "metadata": dict(upload.metadata),
            "request_sha256": upload.request_sha256,
            "created_s": upload.created_s,
            "expires_s": upload.expires_s,
            "state": upload.state,
            # Their offsets follow from their sizes.
            "parts": [[part.size_bytes, part.nonce] for part in upload.parts],
            "attempts": upload.attempts,
            "told": sorted(upload.told),
            "is_new": upload.is_new,
            "is_told": upload.is_told,
            "outcome": None if upload.outcome is None else outcome_to_json(upload.outcome),
            "refusal": None if upload.refusal is None else refusal_to_json(upload.refusal),
        }
    )


def decode_upload(data: bytes) -> Upload:
    """Undo `encode_upload`.

    Raises:
        RecordError: this is not an upload's record that this release wrote.
    """
    try:
        fields = JsonFields(orjson.loads(data), "upload", RecordError)
    except orjson.JSONDecodeError as error:
        raise RecordError(f"upload is not JSON: {error}") from error
    if fields.integer("schema") != SCHEMA:
        raise RecordError(f"upload has another schema than {SCHEMA}, which this release reads")
    upload = Upload(
        upload_id=_checked(fields.text("upload_id", length_max=32), is_upload_id),
        nonce=fields.hexadecimal("nonce", sizes=(_UPLOAD_NONCE_DIGITS,)),
        label=_label_of(fields.text("label", length_max=63)),
        length=fields.integer("length"),
        metadata=_metadata_of(fields.take("metadata")),
        request_sha256=fields.hexadecimal("request_sha256", sizes=(_SHA256_DIGITS,)),
        created_s=fields.integer("created_s"),
        expires_s=fields.integer("expires_s"),
        state=fields.choice("state", State),
        parts=_parts_of(fields.items("parts", _part_of, count_max=PARTS_MAX)),
        attempts=fields.integer("attempts"),
        told=frozenset(fields.items("told", _state_of, count_max=len(State))),
        is_new=fields.boolean("is_new"),
        is_told=fields.boolean("is_told"),
        outcome=_outcome_of(fields.take("outcome")),
        refusal=_refusal_of(fields.take("refusal")),
    )
    fields.finish()
    if upload.offset > upload.length:
        raise RecordError("upload.parts have more bytes than upload.length")
    return upload


def outcome_to_json(outcome: Outcome) -> dict[str, object]:
    """The members that tell what an upload became."""
    return {
        "track_id": outcome.track_id,
        "version": outcome.version,
        "is_new": outcome.is_new,
        "duplicates": [
            {
                "track_id": one.track_id,
                "similarity_permille": round(one.similarity * 1000),
                "is_foreign": one.is_foreign,
            }
            for one in outcome.duplicates
        ],
    }


def refusal_to_json(refusal: Refusal) -> dict[str, object]:
    """The members that tell why an upload was not taken."""
    return {
        "code": refusal.code,
        "field": refusal.field,
        "detail": refusal.detail,
        "advice": refusal.advice,
    }


def _checked(text: str, is_right: Callable[[str], bool]) -> str:
    if not is_right(text):
        raise RecordError(f"{text[:40]!r} cannot be a name in an upload's record")
    return text


def _label_of(text: str) -> str:
    return text if not text else _checked(text, is_label)


def _metadata_of(value: object) -> Mapping[str, str]:
    if not isinstance(value, dict) or len(value) > METADATA_FIELDS_MAX:
        raise RecordError("upload.metadata is not an object")
    fields = JsonFields(value, "upload.metadata", RecordError)
    return {name: fields.text(name, length_max=METADATA_BYTES_MAX) for name in value}


def _part_of(value: object, path: str) -> tuple[int, str]:
    match value:
        case [int(size_bytes), str(nonce)] if size_bytes > 0 and len(nonce) == _NONCE_DIGITS:
            return size_bytes, nonce
    raise RecordError(f"{path} is no part")


def _parts_of(values: tuple[tuple[int, str], ...]) -> tuple[Part, ...]:
    parts = []
    offset = 0
    for size_bytes, nonce in values:
        parts.append(Part(offset, size_bytes, nonce))
        offset += size_bytes
    return tuple(parts)


def _state_of(value: object, path: str) -> State:
    found = next((one for one in State if one == value), None)
    if found is None:
        raise RecordError(f"{path} is no state")
    return found


def _outcome_of(value: object) -> Outcome | None:
    if value is None:
        return None
    fields = JsonFields(value, "upload.outcome", RecordError)
    outcome = Outcome(
        track_id=fields.text("track_id", length_max=64),
        version=fields.text("version", length_max=64),
        is_new=fields.boolean("is_new"),
        duplicates=fields.items("duplicates", _duplicate_of, count_max=DUPLICATES_MAX),
    )
    fields.finish()
    return outcome


def _duplicate_of(value: object, path: str) -> Duplicate:
    fields = JsonFields(value, path, RecordError)
    found = Duplicate(
        fields.text("track_id", length_max=64),
        fields.integer("similarity_permille") / 1000,
        fields.boolean("is_foreign"),
    )
    fields.finish()
    return found


def _refusal_of(value: object) -> Refusal | None:
    if value is None:
        return None
    fields = JsonFields(value, "upload.refusal", RecordError)
    refusal = Refusal(
        *(
            fields.text(name, length_max=TEXT_LENGTH_MAX)
            for name in ("code", "field", "detail", "advice")
        )
    )
    fields.finish()
    return refusal
