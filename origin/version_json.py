"""Versions as JSON, as they stand in a track's record. No I/O."""

from typing import Final

from origin.errors import RecordError
from origin.records import VersionRecord
from packager.format_error import FormatError
from packager.identity import EncoderIdentity, identity_from_json, identity_to_json
from packager.json_fields import JsonFields
from packager.renditions import PROFILES, KeyClass, Protection
from packager.seek_index import RenditionFacts, facts_from_json, facts_to_json

_RENDITIONS_MAX: Final = 32
_NAME_MAX: Final = 64
_DIGEST_DIGITS: Final = (0, 64)


def version_to_json(version: VersionRecord) -> dict[str, object]:
    """`version` as objects that any JSON encoder takes."""
    return {
        "version": version.version,
        "identity": identity_to_json(version.identity),
        "key_version": version.key_version,
        "scheme": version.scheme.value,
        "kids": {key_class.value: kid for key_class, kid in version.kids.items()},
        "metadata_sha256": version.metadata_sha256,
        "context_before": version.context_before,
        "context_after": version.context_after,
        "ladder": list(version.ladder),
        "revision": version.revision,
        "created_s": version.created_s,
        "superseded_s": version.superseded_s,
        "renditions": [facts_to_json(facts) for facts in version.renditions],
    }


def version_from_json(value: object, path: str) -> VersionRecord:
    """Undo `version_to_json`.

    Raises:
        RecordError: a member is missing, unknown, of another type, or contradicts the others.
    """
    fields = JsonFields(value, path, RecordError)
    version = VersionRecord(
        version=fields.text("version", length_max=_NAME_MAX),
        identity=_identity_of(fields, path),
        key_version=fields.integer("key_version"),
        scheme=fields.choice("scheme", Protection),
        kids=_kids_of(fields.take("kids"), f"{path}.kids"),
        metadata_sha256=fields.hexadecimal("metadata_sha256", sizes=_DIGEST_DIGITS),
        context_before=fields.hexadecimal("context_before", sizes=_DIGEST_DIGITS),
        context_after=fields.hexadecimal("context_after", sizes=_DIGEST_DIGITS),
        ladder=fields.texts("ladder", count_max=_RENDITIONS_MAX, length_max=_NAME_MAX),
        revision=fields.integer("revision"),
        created_s=fields.integer("created_s"),
        superseded_s=fields.optional_integer("superseded_s"),
        renditions=fields.items("renditions", _rendition_of, count_max=_RENDITIONS_MAX),
    )
    fields.finish()
    unknown = [name for name in version.ladder if name not in PROFILES]
    if unknown:
        raise RecordError(f"{path}.ladder has renditions that this release does not know")
    packaged = {facts.name for facts in version.renditions}
    if tuple(name for name in version.ladder if name in packaged) != tuple(
        facts.name for facts in version.renditions
    ):
        raise RecordError(f"{path}.renditions are not in the order of {path}.ladder")
    return version


def _identity_of(fields: JsonFields, path: str) -> EncoderIdentity:
    identity = fields.take("identity")
    if not isinstance(identity, dict):
        raise RecordError(f"{path}.identity is not an object")
    try:
        return identity_from_json(identity)
    except ValueError as error:
        raise RecordError(f"{path}.identity: {error}") from error


def _kids_of(value: object, path: str) -> dict[KeyClass, str]:
    if not isinstance(value, dict):
        raise RecordError(f"{path} is not an object")
    fields = JsonFields(value, path, RecordError)
    kids = {
        key_class: fields.text(key_class.value, length_max=_NAME_MAX)
        for key_class in KeyClass
        if key_class.value in value
    }
    fields.finish()
    return kids


def _rendition_of(value: object, path: str) -> RenditionFacts:
    try:
        facts = facts_from_json(value)
    except FormatError as error:
        raise RecordError(f"{path}: {error}") from error
    if facts_to_json(facts) != value:
        raise RecordError(f"{path} has unknown members")
    return facts
