"""The JSON record of a track, as far as playing needs it. No I/O."""

import math
from dataclasses import dataclass
from typing import Final

import orjson

from packager.seek_index import RenditionFacts
from player.errors import MalformedAnswerError, RenditionMissingError
from player.playback_gain import Level, TrackLevels

TRACK_BYTES_MAX: Final = 1 << 20
_TEXT_MAX: Final = 4096
# Floating point reaches 770 dB above full scale.
_DECIBELS_MAX: Final = 1000


@dataclass(frozen=True, slots=True)
class RenditionEntry:
    """What the record says about one rendition.

    Attributes:
        url: of the file, relative to the record.
        samples: None for a rendition that was not packaged yet; likewise the others.
        sha256: of the protected file, hexadecimal.
    """

    name: str
    url: str
    samples: int | None
    bytes: int | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class TrackDocument:
    """What the record says about a track.

    Attributes:
        levels: None where it says nothing of loudness.
    """

    title: str
    renditions: tuple[RenditionEntry, ...]
    levels: TrackLevels | None = None

    def rendition(self, name: str) -> RenditionEntry:
        """The rendition of this name.

        Raises:
            RenditionMissingError: there is none.
        """
        for entry in self.renditions:
            if entry.name == name:
                return entry
        raise RenditionMissingError(name, tuple(entry.name for entry in self.renditions))


def decode_track_document(data: bytes) -> TrackDocument:
    """Read the record of a track; members that playing does not need are passed over.

    Raises:
        MalformedAnswerError: it is no JSON, or lacks something.
    """
    try:
        document: object = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise MalformedAnswerError("the record of the track is not JSON") from None
    if not isinstance(document, dict):
        raise MalformedAnswerError("the record of the track is not a JSON object")
    entries = document.get("renditions")
    if not isinstance(entries, list):
        raise MalformedAnswerError("the record of the track lists no `renditions`")
    loudness = document.get("loudness")
    return TrackDocument(
        title=_text(document, "title"),
        renditions=tuple(_entry_of(entry) for entry in entries),
        levels=None if loudness is None else _levels_of(loudness),
    )


def check_against_record(facts: RenditionFacts, entry: RenditionEntry) -> None:
    """Compare a seek index with the record that named it, as far as that knew the rendition.

    Raises:
        MalformedAnswerError: they are not of the same file.
    """
    pairs = {
        "rendition": (facts.name, entry.name),
        "samples": (facts.samples, entry.samples),
        "bytes": (facts.bytes, entry.bytes),
        "sha256": (facts.sha256, entry.sha256),
    }
    for name, (indexed, recorded) in pairs.items():
        if recorded is not None and indexed != recorded:
            raise MalformedAnswerError(
                f"seek index and record of the track disagree about `{name}`: "
                f"{indexed!r} and {recorded!r}"
            )


def _entry_of(value: object) -> RenditionEntry:
    if not isinstance(value, dict):
        raise MalformedAnswerError("an entry of `renditions` is not a JSON object")
    if value.get("packaged") is False:
        return RenditionEntry(_text(value, "name"), _text(value, "url"), None, None, None)
    return RenditionEntry(
        name=_text(value, "name"),
        url=_text(value, "url"),
        samples=_count(value, "samples"),
        bytes=_count(value, "bytes"),
        sha256=_text(value, "sha256"),
    )


def _levels_of(value: object) -> TrackLevels:
    if not isinstance(value, dict):
        raise MalformedAnswerError("`loudness` is not a JSON object")
    track = Level(_number(value, "integrated_lufs"), _number(value, "true_peak_dbtp"))
    album = None
    if value.get("album_lufs") is not None:
        album = Level(_number(value, "album_lufs"), _number(value, "album_true_peak_dbtp"))
    stereo = value.get("stereo")
    return TrackLevels(track, album, None if stereo is None else _stereo_of(stereo))


def _stereo_of(value: object) -> TrackLevels:
    if isinstance(value, dict) and value.get("stereo") is not None:
        raise MalformedAnswerError("`loudness.stereo` is within itself")
    return _levels_of(value)


def _number(members: dict[str, object], name: str) -> float:
    value = members.get(name)
    if type(value) not in {int, float} or not isinstance(value, int | float):
        raise MalformedAnswerError(f"`loudness` has no number `{name}`")
    if not math.isfinite(value) or abs(value) > _DECIBELS_MAX:
        raise MalformedAnswerError(f"`{name}` is no loudness")
    return float(value)


def _text(members: dict[str, object], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or len(value) > _TEXT_MAX:
        raise MalformedAnswerError(f"the record of the track has no text `{name}`")
    return value


def _count(members: dict[str, object], name: str) -> int:
    value = members.get(name)
    if type(value) is not int or value < 0:
        raise MalformedAnswerError(f"the record of the track has no count `{name}`")
    return value
