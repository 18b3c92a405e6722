"""The codes that trade knows music by: ISRC of a recording, barcode of an album. No I/O."""

import re
from typing import Final

# ISO 3901: prefix code (two letters, three letters or digits), year of reference, designation.
_ISRC: Final = re.compile(r"(?:ISRC:?)?([A-Z]{2}[A-Z0-9]{3}[0-9]{7})", re.ASCII)

_DIGITS: Final = re.compile(r"[0-9]+", re.ASCII)

# GTIN-8, GTIN-12 (UPC-A), GTIN-13 (EAN-13) and GTIN-14: GS1 General Specifications, section 3.
_GTIN_LENGTHS: Final = {8, 12, 13, 14}

# Codes are printed in groups.
_GAPS: Final = str.maketrans("", "", "- \u00a0\u2010\u2011\u2012\u2013")

_TEXT_LENGTH_MAX: Final = 40


def parse_isrc(text: str) -> str | None:
    """The 12 characters of an ISRC without its hyphens, or None if `text` is none.

    An ISRC has no check digit: more than its shape cannot be told.
    """
    match = _ISRC.fullmatch(text[:_TEXT_LENGTH_MAX].translate(_GAPS).upper())
    return match[1] if match else None


def parse_barcode(text: str) -> str | None:
    """A GTIN (UPC, EAN) whose check digit is right, in one form for all lengths, or None.

    The form is GTIN-13: a UPC is the EAN with a zero before it, and both may be given for one
    album. GTIN-14 with another first digit than 0 is a case of albums, and stays what it is.
    """
    digits = text[:_TEXT_LENGTH_MAX].translate(_GAPS)
    if len(digits) not in _GTIN_LENGTHS or not _DIGITS.fullmatch(digits) or not int(digits):
        return None
    long = digits.zfill(14)
    return None if _weighted_sum(long) % 10 else long.removeprefix("0")


def _weighted_sum(digits: str) -> int:
    """Sum over 14 digits, the check digit with weight 1 and the others by turns 3 and 1."""
    return sum(int(digit) * (3, 1)[index % 2] for index, digit in enumerate(digits))
