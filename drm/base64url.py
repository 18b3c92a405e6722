"""Base64url without padding (RFC 4648 section 5, RFC 7515 appendix C), one text for each value.

Python's decoder skips what is not of the alphabet and ignores the bits that a last character has
over. Two texts of one token would then be two entries of a cache and one grant, so both are refused
here.
"""

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

_ALPHABET: Final = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


def encode_base64url(data: bytes) -> str:
    """Write `data` without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode_base64url(text: str) -> bytes:
    """Read what `encode_base64url` wrote.

    Raises:
        ValueError: a character is not of the alphabet, the length is impossible, or unused bits
            are set. The text itself is not part of the message: it may be a secret.
    """
    if _ALPHABET.fullmatch(text) is None:
        raise ValueError("a character that is not of the base64url alphabet")
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise ValueError("a length that base64url cannot have") from None
    if encode_base64url(data) != text:
        raise ValueError("unused bits of the last character are set")
    return data
