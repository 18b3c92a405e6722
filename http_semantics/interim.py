"""Interim responses: RFC 9110 section 15.2."""

from typing import Final

# A proxy that drops `Expect` asked for 100 itself, and 101 is for one connection.
_NOT_PASSED_ON: Final = frozenset({100, 101})


def is_passed_on(status: int, *, version: tuple[int, int]) -> bool:
    """Whether a proxy passes an interim response on to its client.

    Args:
        status: of the interim response.
        version: major and minor, that the client speaks; before 1.1 there was none of them.
    """
    return 100 <= status < 200 and status not in _NOT_PASSED_ON and version >= (1, 1)
