"""How the C library hands out memory for slices.

By itself glibc takes each large buffer from the kernel and gives it back when it is freed, so that
every slice pays for its pages anew: 64 page faults for 256 KiB, more than all the rest of a hit.
"""

import ctypes
from typing import Final

# glibc's malloc.h
_M_TRIM_THRESHOLD: Final = -1
_M_TOP_PAD: Final = -2
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8

_OPTIONS: Final = (
    # The most that glibc takes: buffers of any slice come from its own heap,
    (_M_MMAP_THRESHOLD, 32 << 20),
    # which is not given back to the kernel, since the memory tier has a bound anyway,
    (_M_TRIM_THRESHOLD, (1 << 31) - 1),
    # grows in large steps,
    (_M_TOP_PAD, 64 << 20),
    # and is one for all threads: what a reader's thread took, the loop's thread gives back.
    (_M_ARENA_MAX, 1),
)


def keep_freed_memory() -> bool:
    """Have memory that is freed kept for the next buffer; call it once, before threads start.

    Returns:
        False where the C library knows no such thing; nothing has changed then.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    taken = [mallopt(option, value) for option, value in _OPTIONS]
    return all(one == 1 for one in taken)
