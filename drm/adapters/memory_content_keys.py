"""Content keys that live as long as the process: for tests of those who need keys."""

import secrets
import uuid
from types import MappingProxyType

from drm.ports import TrackKeys
from drm.track_id import check_track_id
from packager.content_key import KEY_SIZE, ContentKey
from packager.renditions import KeyClass


class MemoryContentKeys:
    """Makes keys and forgets them when it goes."""

    def __init__(self) -> None:
        self._keys_by_track: dict[str, TrackKeys] = {}

    async def keys_of_track(self, track_id: str) -> TrackKeys:
        """See `ContentKeys.keys_of_track`.

        Raises:
            TrackIdError: not a track id.
        """
        check_track_id(track_id)
        keys = self._keys_by_track.get(track_id)
        if keys is None:
            keys = self._keys_by_track[track_id] = _make_keys()
        return keys


def _make_keys() -> TrackKeys:
    by_class = {
        key_class: ContentKey(uuid.uuid4(), secrets.token_bytes(KEY_SIZE)) for key_class in KeyClass
    }
    return TrackKeys(1, MappingProxyType(by_class))
