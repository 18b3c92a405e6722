"""Text whose encoding was declared wrongly, or not at all: which encoding is it? No I/O.

ID3 knew Latin-1 alone for long, and RIFF names no encoding; programs wrote there what their system
used. The rule is made so that text which is right stays right:

* What is UTF-8 is UTF-8, unless it may just as well be Latin-1: one letter before one sign.
* The rest of a file's texts together are Windows-1251 if they hold enough Cyrillic letters, in
  words that are wholly Cyrillic, and the letters that are frequent in Slavic languages are so
  there. Words of Latin-1 mix their few accented letters with those of ASCII.
* Everything else is Windows-1252, which has all letters of Latin-1.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeVar

_Name = TypeVar("_Name")

_HIGH: Final = re.compile(rb"[\x80-\xff]")
_C1: Final = re.compile(rb"[\x80-\x9f]")
_UTF_8_SEQUENCE: Final = re.compile(rb"[\xc2-\xf4][\x80-\xbf]+")

_WORD: Final = re.compile(r"[^\W\d_]+")
_CYRILLIC_WORD: Final = re.compile(r"[а-яёіїєґ]+", re.IGNORECASE)

# In Russian they are three letters of five, in Ukrainian and Bulgarian somewhat more than half; in
# the Greek of Windows-1253 read this way, a quarter.
_FREQUENT: Final = frozenset("оеаинтсрвл")
_FREQUENT_PERCENT_MIN: Final = 45
_LETTERS_MIN: Final = 6
_DIFFERENT_LETTERS_MIN: Final = 4
_LONGEST_WORD_MIN: Final = 4


def decode_texts(
    texts_by_name: Mapping[_Name, Sequence[str | bytes]],
) -> dict[_Name, list[str]]:
    """The texts of one file, those decoded whose encoding is not known.

    Args:
        texts_by_name: bytes are of an unknown encoding, strings are right already.
    """
    unknown = [text for texts in texts_by_name.values() for text in texts if type(text) is bytes]
    fallback = _fallback_of(text for text in unknown if not is_utf_8(text))
    return {
        name: [text if isinstance(text, str) else _decode(text, fallback) for text in texts]
        for name, texts in texts_by_name.items()
    }


def is_utf_8(text: bytes) -> bool:
    """Whether `text` is UTF-8, and not Latin-1 that happens to look like it."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    sequences: list[bytes] = _UTF_8_SEQUENCE.findall(text)
    if len(sequences) != 1 or _C1.search(text):
        return True  # Latin-1 has nothing printable from 0x80 to 0x9F.
    # `JOSÉ®` in Latin-1 is UTF-8 for a rare letter; `Ã©` in Latin-1 is nothing but UTF-8.
    return len(sequences[0]) > 2 or sequences[0][0] in b"\xc2\xc3"


def _decode(text: bytes, fallback: str) -> str:
    if is_utf_8(text):
        return text.decode()
    try:
        return text.decode(fallback)
    except UnicodeDecodeError:
        return text.decode("latin-1")  # Five bytes mean nothing in Windows-1252.


def _fallback_of(texts: Iterable[bytes]) -> str:
    together = b"\n".join(texts)
    if not _HIGH.search(together):
        return "cp1252"
    return "cp1251" if _is_cyrillic(together.decode("cp1251", errors="replace")) else "cp1252"


def _is_cyrillic(text: str) -> bool:
    """Whether a text that was decoded as Windows-1251 makes sense as such."""
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    if any(not _CYRILLIC_WORD.fullmatch(word) for word in words):
        return False
    letters = "".join(words).lower()
    frequent = sum(letter in _FREQUENT for letter in letters)
    return (
        len(letters) >= _LETTERS_MIN
        and len(set(letters)) >= _DIFFERENT_LETTERS_MIN
        and max(map(len, words)) >= _LONGEST_WORD_MIN
        and 100 * frequent >= _FREQUENT_PERCENT_MIN * len(letters)
    )
