"""The form of a track id: 128 bits in base62."""

from drm.base62 import is_base62_of_128_bits
from drm.errors import TrackIdError


def check_track_id(track_id: str) -> str:
    """Return `track_id` if it has the form of one.

    Raises:
        TrackIdError: it has not. The text itself is not repeated.
    """
    if not is_base62_of_128_bits(track_id):
        raise TrackIdError
    return track_id
