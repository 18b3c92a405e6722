"""Tags out of a file, whatever its format, by mutagen.

What mutagen cannot read is as if it were not there: tags never refuse a master. It unpacks
compressed frames whatever they grow to, and cannot be interrupted: this runs in a worker only,
whose memory is limited and which is killed when it takes too long.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

import mutagen
from mutagen.aac import AAC
from mutagen.aiff import AIFF
from mutagen.apev2 import APEv2File
from mutagen.id3 import ID3
from mutagen.mp4 import MP4
from mutagen.wave import WAVE

from packager.riff_info import read_riff_info

# mutagen reads a file's tag blocks into memory. A block can be no larger than the file, so small
# files need no look; in a larger one a header may promise up to 4 GiB.
TAG_BYTES_MAX: Final = 64 << 20

VALUES_MAX: Final = 50
"""Values of one name; what follows is dropped."""

CHARACTERS_MAX: Final = 2_000
"""Of one value; what follows is dropped."""

_ID3_FRAMES: Final = {
    "title": ("TIT2",),
    "artist": ("TPE1",),
    "album": ("TALB",),
    "albumartist": ("TPE2",),
    "discnumber": ("TPOS",),
    "tracknumber": ("TRCK",),
    "date": ("TDRC", "TDRL", "TYER"),
    "isrc": ("TSRC",),
}
_MP4_ATOMS: Final = {
    "title": ("\xa9nam",),
    "artist": ("\xa9ART",),
    "album": ("\xa9alb",),
    "albumartist": ("aART",),
    "discnumber": ("disk",),
    "tracknumber": ("trkn",),
    "date": ("\xa9day",),
    "isrc": ("----:com.apple.iTunes:ISRC",),
}
# Vorbis comments and APEv2 items; both compare names without case.
_COMMENT_NAMES: Final = {
    "title": ("title",),
    "artist": ("artist", "artists"),
    "album": ("album",),
    "albumartist": ("albumartist", "album artist", "album_artist"),
    "discnumber": ("discnumber", "disc"),
    "tracknumber": ("tracknumber", "track"),
    "date": ("date", "year"),
    "isrc": ("isrc",),
}


def read_tags(path: Path) -> dict[str, list[str]]:
    """Values of the tags of a file, as they stand there, cut to the limits above.

    Returns:
        Lists under `title`, `artist`, `album`, `albumartist`, `discnumber`, `tracknumber`, `date`
        and `isrc`; those that are not there are missing.

    Raises:
        MemoryError: they take more memory than this process may have.
    """
    try:
        values = _raw_values(path)
    except MemoryError:
        raise  # What is left of this process cannot be relied on.
    except Exception:  # noqa: BLE001
        # mutagen meets hostile bytes with errors of any kind, not only its own.
        return {}
    return {name: [_cut(text) for text in texts] for name, texts in values.items()}


def _cut(text: str) -> str:
    # Half of a surrogate pair cannot be written as UTF-8.
    short = text[:CHARACTERS_MAX]
    return short.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _raw_values(path: Path) -> dict[str, list[str]]:
    with path.open("rb") as file:
        found = mutagen.File(_BoundedReads(file), easy=False)
    info = read_riff_info(path) if found is None or isinstance(found, WAVE) else {}
    tags = None if found is None else found.tags
    if tags is None:
        return info
    return {**info, **_values_of(tags, *_vocabulary_of(found))}


def _vocabulary_of(
    found: object,
) -> tuple[Mapping[str, tuple[str, ...]], Callable[[Any], Iterable[str]]]:
    """Names of the values in this kind of file, and how to make texts of what stands there."""
    if isinstance(found, MP4):
        return _MP4_ATOMS, _texts_of_mp4
    if isinstance(found, WAVE | AIFF | AAC) or isinstance(getattr(found, "tags", None), ID3):
        return _ID3_FRAMES, _texts_of_id3
    if isinstance(found, APEv2File):
        return _COMMENT_NAMES, _texts_of_ape
    return _COMMENT_NAMES, _texts_of_comment


def _values_of(
    tags: Any,  # noqa: ANN401
    names: Mapping[str, tuple[str, ...]],
    texts_of: Callable[[Any], Iterable[str]],
) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, candidates in names.items():
        for candidate in candidates:
            if candidate in tags:
                values[name] = list(islice(texts_of(tags[candidate]), VALUES_MAX))
                break
    return values


def _texts_of_id3(frame: Any) -> Iterable[str]:  # noqa: ANN401
    return (str(text) for text in frame.text)


def _texts_of_mp4(value: Any) -> Iterable[str]:  # noqa: ANN401
    for item in value:
        if isinstance(item, bytes):
            yield item.decode(errors="replace")
        elif isinstance(item, tuple):
            yield str(item[0])  # (3, 12) is 3 of 12.
        else:
            yield str(item)


def _texts_of_ape(value: Any) -> Iterable[str]:  # noqa: ANN401
    return str(value).split("\0")


def _texts_of_comment(value: Any) -> Iterable[str]:  # noqa: ANN401
    return (str(text) for text in value)


class _BoundedReads:
    """A file that refuses to hand out more than `TAG_BYTES_MAX` bytes altogether."""

    def __init__(self, file: Any) -> None:  # noqa: ANN401
        self._file = file
        self._left = TAG_BYTES_MAX

    def read(self, size: int = -1) -> bytes:
        """Read like a file."""
        wanted = self._left + 1 if size < 0 else size
        if wanted > self._left:
            wanted = self._left + 1
        data: bytes = self._file.read(wanted)
        self._left -= len(data)
        if self._left < 0:
            raise OSError("tags are too large")
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Seek like a file."""
        position: int = self._file.seek(offset, whence)
        return position

    def tell(self) -> int:
        """Tell like a file."""
        position: int = self._file.tell()
        return position
