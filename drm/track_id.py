"""The form of a track id: 128 bits in base62."""

import re
from typing import Final

from drm.errors import TrackIdError

_TRACK_ID: Final = re.compile(r"[A-Za-z0-9]{22}", re.ASCII)


def check_track_id(track_id: str) -> str:
    """Return `track_id` if it has the form of one.

    Raises:
        TrackIdError: it has not. The text itself is not repeated.
    """
    if _TRACK_ID.fullmatch(track_id) is None:
        raise TrackIdError
    return track_id
