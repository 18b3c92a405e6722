"""How the content keys of a track travel from drm to the origin: JSON. No I/O."""

import uuid
from types import MappingProxyType
from typing import Final

import orjson

from drm.base64url import decode_base64url, encode_base64url
from drm.errors import RequestError
from drm.ports import TrackKeys
from drm.track_id import check_track_id
from packager.content_key import ContentKey
from packager.renditions import KeyClass

TRACK_KEYS_BYTES_MAX: Final = 8 * 1024


def encode_track_request(track_id: str) -> bytes:
    """The request for the keys of a track."""
    return orjson.dumps({"track_id": track_id})


def decode_track_request(data: bytes) -> str:
    """Track id of a request.

    Raises:
        RequestError: it is no such request.
    """
    try:
        document: object = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise RequestError("the content is not JSON") from None
    match document:
        case {"track_id": str() as track_id}:
            return check_track_id(track_id)
        case _:
            raise RequestError("`track_id` is missing")


def encode_track_keys(keys: TrackKeys) -> bytes:
    """Write `keys`. The result is secret."""
    by_class = {
        str(key_class): {"kid": str(key.kid), "key": encode_base64url(key.key)}
        for key_class, key in keys.by_class.items()
    }
    return orjson.dumps({"key_version": keys.key_version, "keys": by_class})


def decode_track_keys(data: bytes) -> TrackKeys:
    """Read what `encode_track_keys` wrote.

    Raises:
        ValueError: it is something else, or a key class is missing. No key is in the message.
    """
    document: object = orjson.loads(data)
    match document:
        case {"key_version": int() as key_version, "keys": dict() as entries}:
            pass
        case _:
            raise ValueError("not the keys of a track")
    by_class = {key_class: _decode_key(entries.get(str(key_class))) for key_class in KeyClass}
    return TrackKeys(key_version, MappingProxyType(by_class))


def _decode_key(entry: object) -> ContentKey:
    match entry:
        case {"kid": str() as kid, "key": str() as key}:
            return ContentKey(uuid.UUID(kid), decode_base64url(key))
        case _:
            raise ValueError("the key of a class is missing")
