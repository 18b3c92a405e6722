"""License requests and licenses of Clear Key (W3C Encrypted Media Extensions section 9.1). No I/O.

A request names KIDs, a license is a JWK set of `oct` keys; both write bytes in base64url without
padding. Clear Key has neither expiry nor persistence: who may ask is decided before.
"""

import uuid
from collections.abc import Iterable
from typing import Final

import orjson

from drm.base64url import decode_base64url, encode_base64url
from drm.errors import LicenseRequestError
from packager.content_key import ContentKey

LICENSE_REQUEST_BYTES_MAX: Final = 8 * 1024

_KID_BYTES: Final = 16
_TEMPORARY: Final = "temporary"


def decode_license_request(data: bytes, *, kids_max: int) -> tuple[uuid.UUID, ...]:
    """KIDs that a license request asks for, each once, in its order.

    Members that are unknown are ignored, as the standard wants of both sides.

    Raises:
        LicenseRequestError: it is no request for a temporary license, or has too many KIDs.
    """
    if len(data) > LICENSE_REQUEST_BYTES_MAX:
        raise LicenseRequestError(f"over {LICENSE_REQUEST_BYTES_MAX} bytes")
    try:
        document: object = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise LicenseRequestError("the content is not JSON") from None
    if not isinstance(document, dict):
        raise LicenseRequestError("the content is not a JSON object")
    if document.get("type", _TEMPORARY) != _TEMPORARY:
        raise LicenseRequestError("only licenses of the type `temporary` are given here")
    kids = document.get("kids")
    if not isinstance(kids, list) or not 0 < len(kids) <= kids_max:
        raise LicenseRequestError(f"`kids` has to be a list of 1 to {kids_max}")
    return tuple(dict.fromkeys(_decode_kid(kid) for kid in kids))


def encode_license(keys: Iterable[ContentKey]) -> bytes:
    """The license with `keys`. It is secret."""
    jwks = [
        {"kty": "oct", "kid": encode_base64url(key.kid.bytes), "k": encode_base64url(key.key)}
        for key in keys
    ]
    return orjson.dumps({"keys": jwks, "type": _TEMPORARY})


def encode_license_request(kids: Iterable[uuid.UUID]) -> bytes:
    """The request for `kids`, as a browser's content decryption module writes it."""
    return orjson.dumps({"kids": [encode_base64url(kid.bytes) for kid in kids], "type": _TEMPORARY})


def _decode_kid(value: object) -> uuid.UUID:
    try:
        kid = decode_base64url(value) if isinstance(value, str) else b""
    except ValueError:
        kid = b""
    if len(kid) != _KID_BYTES:
        raise LicenseRequestError("a KID is 16 bytes in base64url without padding")
    return uuid.UUID(bytes=kid)
