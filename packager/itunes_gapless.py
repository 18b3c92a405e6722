"""The gapless note of iTunes: how much of an AAC file is priming and padding. No I/O.

Twelve hexadecimal numbers, of which the second to the fourth mean something: samples to drop at the
start, samples to drop at the end, and what is left. Players that know no edit list go by it.
"""

from typing import Final

ITUNSMPB: Final = "iTunSMPB"

_UNUSED: Final = (0,) * 8


def itunes_gapless_text(*, priming: int, padding: int, samples: int) -> str:
    """Value of the note; each number of 32 bits takes 8 digits, the length 16."""
    assert 0 <= priming < 1 << 32
    assert 0 <= padding < 1 << 32
    numbers = [f"{0:08X}", f"{priming:08X}", f"{padding:08X}", f"{samples:016X}"]
    return "".join(f" {number}" for number in (*numbers, *(f"{unused:08X}" for unused in _UNUSED)))
