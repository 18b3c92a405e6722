"""The cover of a master: found in it or beside it, checked, and written in three sizes.

A cover that is no good never refuses a master: why it was passed over is told with the finding.
This runs in a worker only, whose memory is limited and which is killed when it takes too long.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from packager.cover_facts import (
    COVER_SIZES,
    DIGEST_CHARACTERS,
    REFUSALS_MAX,
    CoverExtension,
    CoverFacts,
    CoverFinding,
    CoverRefusal,
    CoverSize,
    cover_file_name,
)
from packager.errors import MasterError
from packager.master_file import open_regular_file
from packager.picture import PictureError, parse_picture
from packager.picture_scaling import ScaledPicture, scale_picture
from packager.picture_sources import PICTURE_BYTES_MAX, PictureSource, find_pictures


def read_cover(master: Path, folder: Path, beside: Path | None) -> CoverFinding:
    """Find the cover of a master and write its sizes into `folder`, see `cover_file_name`.

    Args:
        master: its file; what it carries is preferred.
        folder: is there.
        beside: a picture to take if the master carries none that is good, see
            `packager.cover_facts.name_beside`.

    Raises:
        OSError: the folder cannot be written to.
        MemoryError: a picture takes more memory than this process may have.
    """
    refusals: list[CoverRefusal] = []
    for candidate in _candidates(master, beside):
        if len(refusals) == REFUSALS_MAX:
            break
        if isinstance(candidate, CoverRefusal):
            refusals.append(candidate)
            continue
        try:
            scaled = scale_picture(candidate, parse_picture(candidate), COVER_SIZES)
        except PictureError as error:
            refusals.append(error.refusal)
        else:
            return CoverFinding(_write(scaled, folder), tuple(refusals))
    return CoverFinding(None, tuple(refusals))


def _candidates(master: Path, beside: Path | None) -> Iterator[bytes | CoverRefusal]:
    """The pictures that may become the cover, or why one may not, in the order of preference."""
    with master.open("rb") as file:
        try:
            sources = find_pictures(file)
        except MemoryError:
            raise
        except PictureError as error:
            yield error.refusal
        except Exception:  # noqa: BLE001 - mutagen meets hostile bytes with errors of any kind
            yield CoverRefusal.UNREADABLE
        else:
            yield from map(_content_of, sources)
    if beside is not None:
        yield _content_beside(beside)


def _content_of(source: PictureSource) -> bytes | CoverRefusal:
    if source.size_bytes > PICTURE_BYTES_MAX:
        return CoverRefusal.TOO_LARGE
    try:
        return source.read()
    except MemoryError:
        raise
    except PictureError as error:
        return error.refusal
    except Exception:  # noqa: BLE001 - as above
        return CoverRefusal.UNREADABLE


def _content_beside(path: Path) -> bytes | CoverRefusal:
    try:
        with open_regular_file(path) as (file, size_bytes):
            return CoverRefusal.TOO_LARGE if size_bytes > PICTURE_BYTES_MAX else file.read()
    except MasterError:
        return CoverRefusal.UNREADABLE


def _write(scaled: tuple[ScaledPicture, ...], folder: Path) -> CoverFacts:
    digests = b"".join(hashlib.sha256(picture.data).digest() for picture in scaled)
    digest = hashlib.sha256(digests).hexdigest()[:DIGEST_CHARACTERS]
    sizes: list[CoverSize] = []
    for asked, picture in zip(COVER_SIZES, scaled, strict=True):
        size = CoverSize(
            size=asked,
            width=picture.width,
            height=picture.height,
            bytes=len(picture.data),
            sha256=hashlib.sha256(picture.data).hexdigest(),
            extension=CoverExtension.JPG,
        )
        (folder / cover_file_name(digest, size)).write_bytes(picture.data)
        sizes.append(size)
    return CoverFacts(digest, tuple(sizes))
