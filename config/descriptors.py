"""How many files and sockets this process may have open."""

import contextlib
import resource


def raise_descriptor_limit() -> int:
    """Take as many as the system grants; shells and services often begin with a thousand.

    Returns:
        How many there may be now.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        # Some systems grant less than they say.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
