"""What others need from drm: content keys. Adapters live in `drm.adapters`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from packager.content_key import ContentKey
from packager.renditions import KeyClass


@dataclass(frozen=True, slots=True)
class TrackKeys:
    """The content keys of one track under one key version.

    Attributes:
        key_version: counts the key versions of a track, from 1.
        by_class: one key for every key class. No two share a KID or a key.
    """

    key_version: int
    by_class: Mapping[KeyClass, ContentKey]


@dataclass(frozen=True, slots=True)
class StoredContentKey:
    """A content key and what it is for."""

    track_id: str
    key_class: KeyClass
    key_version: int
    content_key: ContentKey


class ContentKeys(Protocol):
    """Gives the content keys of tracks, and makes them when a track is new."""

    async def keys_of_track(self, track_id: str) -> TrackKeys:
        """Return the keys of `track_id`, the same ones ever after, whoever asks first.

        Raises:
            DrmError: `track_id` is none, or the keys cannot be had; `retryable` tells whether
                asking again can help.
        """
        ...
