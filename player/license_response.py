"""Reads Clear Key licences (W3C Encrypted Media Extensions section 9.1.4). No I/O."""

import uuid
from typing import Final

import orjson

from drm.base64url import decode_base64url, encode_base64url
from packager.content_key import KEY_SIZE, ContentKey
from player.errors import LicenseIncompleteError, MalformedAnswerError

LICENSE_BYTES_MAX: Final = 64 << 10


def decode_license(data: bytes, kid: uuid.UUID) -> ContentKey:
    """The content key `kid` of a licence. No message holds any part of the licence.

    Raises:
        MalformedAnswerError: it is not a licence.
        LicenseIncompleteError: the key is not in it.
    """
    try:
        document: object = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise MalformedAnswerError("the licence is not JSON") from None
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise MalformedAnswerError("the licence has no list `keys`")
    wanted = encode_base64url(kid.bytes)
    for jwk in keys:
        if isinstance(jwk, dict) and jwk.get("kid") == wanted:
            return ContentKey(kid, _key_of(jwk))
    raise LicenseIncompleteError(f"the licence has no key {kid}")


def _key_of(jwk: dict[str, object]) -> bytes:
    text = jwk.get("k")
    try:
        key = decode_base64url(text) if isinstance(text, str) else b""
    except ValueError:
        key = b""
    if jwk.get("kty") != "oct" or len(key) != KEY_SIZE:
        raise MalformedAnswerError(f"the licence has a key that is not {KEY_SIZE} bytes of `oct`")
    return key
