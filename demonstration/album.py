"""The album as files: three tagged FLAC masters in a folder."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import soundfile
from mutagen.flac import FLAC, VCFLACDict

from demonstration.oscillators import SAMPLE_RATE_HZ
from demonstration.rendering import Pcm, render
from demonstration.score import TITLES, cuts

ALBUM: Final = "Attacca: Three Movements"
ARTIST: Final = "Attacca Ensemble"
YEAR: Final = "2026"

# Level 2 of FLAC: fixed predictors only, which are integer arithmetic. The levels above search
# coefficients in floating point and give other bytes on another processor.
_COMPRESSION: Final = 0.25
_VENDOR: Final = "Attacca demonstration album"


def write_album(folder: Path, *, seed: int = 1) -> list[Path]:
    """Synthesise the piece and write its movements; files of the same names are replaced.

    Args:
        folder: made if it is not there.
        seed: moves the players' hands. The same seed gives the same bytes.

    Returns:
        The three files in the order of the movements. Each appears complete or not at all.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    positions = cuts()
    blocks = _Blocks(render(seed))
    paths = []
    for index, title in enumerate(TITLES):
        path = folder / f"{index + 1:02} {title}.flac"
        with _published(path) as partial:
            _write_movement(partial, blocks.take(positions[index + 1] - positions[index]))
            _tag(partial, index)
        paths.append(path)
    return paths


class _Blocks:
    """Cuts a stream of blocks at given lengths."""

    def __init__(self, blocks: Iterator[Pcm]) -> None:
        self._blocks = blocks
        self._rest: Pcm | None = None

    def take(self, samples: int) -> Iterator[Pcm]:
        """The next `samples` of the stream, as they come."""
        while samples:
            block = next(self._blocks) if self._rest is None else self._rest
            self._rest = block[samples:] if len(block) > samples else None
            yield block[:samples]
            samples -= min(samples, len(block))


@contextlib.contextmanager
def _published(path: Path) -> Iterator[Path]:
    """A file to write into, which takes its name when the block ends well."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".partial-", suffix=".flac")
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        partial.chmod(0o644)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _write_movement(path: Path, blocks: Iterator[Pcm]) -> None:
    try:
        with soundfile.SoundFile(
            path,
            "w",
            samplerate=SAMPLE_RATE_HZ,
            channels=2,
            subtype="PCM_16",
            format="FLAC",
            compression_level=_COMPRESSION,
        ) as file:
            for block in blocks:
                file.write(block)
    except soundfile.SoundFileError as error:
        # The library has one error for all: to the caller the file could not be written.
        raise OSError(f"{path.parent}: the album cannot be written: {error}") from error


def _tag(path: Path, index: int) -> None:
    comments = {
        "TITLE": TITLES[index],
        "ARTIST": ARTIST,
        "ALBUM": ALBUM,
        "ALBUMARTIST": ARTIST,
        "TRACKNUMBER": str(index + 1),
        "TRACKTOTAL": str(len(TITLES)),
        "DISCNUMBER": "1",
        "DATE": YEAR,
    }
    file = FLAC(path)  # type: ignore[no-untyped-call]  # mutagen has few types
    if file.tags is None:
        file.add_tags()  # type: ignore[no-untyped-call]
    assert isinstance(file.tags, VCFLACDict)
    # The library writes its name and version here: the bytes would change with it.
    file.tags.vendor = _VENDOR
    for name, value in comments.items():
        file[name] = value
    file.save(padding=lambda _: 0)
