"""Numbers as text of digits, upper-case and lower-case letters, big-endian, of fixed width.

The one rule for ids of tracks and albums, for drm and for the origin above it.
"""

import string
from typing import Final

ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase

# 62 ** 22 is the first power above 2 ** 128.
WIDTH_OF_128_BITS: Final = 22

_VALUES: Final = {character: value for value, character in enumerate(ALPHABET)}


def encode_base62(data: bytes) -> str:
    """Write 16 bytes as 22 characters, padded with zeros in front."""
    assert len(data) == 16
    number = int.from_bytes(data, "big")
    characters = []
    for _ in range(WIDTH_OF_128_BITS):
        number, digit = divmod(number, len(ALPHABET))
        characters.append(ALPHABET[digit])
    return "".join(reversed(characters))


def is_base62_of_128_bits(text: str) -> bool:
    """Whether `encode_base62` could have written `text`."""
    if len(text) != WIDTH_OF_128_BITS or not text.isascii():
        return False
    number = 0
    for character in text:
        value = _VALUES.get(character)
        if value is None:
            return False
        number = number * len(ALPHABET) + value
    return number < 1 << 128
