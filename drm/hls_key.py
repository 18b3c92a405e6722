"""Keys for players of HLS, which ask by URL for the bare key (RFC 8216 section 4.3.2.4). No I/O.

Key format `identity`: the answer is the key itself, 16 bytes. The URL names it by its KID.
"""

import uuid

from drm.errors import KidError


def decode_kid(text: str) -> uuid.UUID:
    """The KID that a URL ends in: a UUID in small letters with hyphens, and no other way.

    Raises:
        KidError: it is none. The text is not repeated.
    """
    try:
        kid = uuid.UUID(text)
    except ValueError:
        raise KidError from None
    if str(kid) != text:
        raise KidError
    return kid
