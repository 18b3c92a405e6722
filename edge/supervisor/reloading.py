"""What of new settings a running node can take up. No I/O."""

from collections.abc import Sequence
from typing import Final

from edge.settings import EdgeSettings

# Their sockets are bound when the node is started, one for each worker.
FIXED: Final = ("host", "port", "admin_host", "admin_port", "workers")
FIXED_OF_FRONT: Final = ("socket", "socket_mode")


def taken_up(new: EdgeSettings, running: EdgeSettings) -> tuple[EdgeSettings, Sequence[str]]:
    """New settings as far as they can be taken up, and the keys that cannot.

    Args:
        new: as they are to be.
        running: as they are.
    """
    changed = [key for key in FIXED if getattr(new, key) != getattr(running, key)]
    changed += [
        f"front.{key}"
        for key in FIXED_OF_FRONT
        if getattr(new.front, key) != getattr(running.front, key)
    ]
    of_front = {key: getattr(running.front, key) for key in FIXED_OF_FRONT}
    kept = {key: getattr(running, key) for key in FIXED}
    return new.model_copy(update={**kept, "front": new.front.model_copy(update=of_front)}), changed
