# mypy: disallow-untyped-calls=False
"""Tags out of a file, whatever its format, by mutagen.

What mutagen cannot read is as if it were not there: tags never refuse a master. It unpacks
compressed frames whatever they grow to, and cannot be interrupted: this runs in a worker only,
whose memory is limited and which is killed when it takes too long.
"""

from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias

import mutagen
from mutagen.apev2 import APENoHeaderError, APEv2
from mutagen.asf import ASFTags
from mutagen.flac import VCFLACDict
from mutagen.id3 import ID3, TCON, Encoding
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4Tags
from mutagen.mp4._atom import Atoms

from packager.bounded_reads import BoundedReads
from packager.flac_blocks import VORBIS_COMMENT, read_flac_blocks
from packager.id3_frames import read_id3_tag, read_small_tag
from packager.legacy_text import decode_texts
from packager.riff_info import read_riff_info
from packager.tag_names import ASF_ATTRIBUTES, COMMENTS, ID3_FRAMES, MP4_ATOMS, Vocabulary

# mutagen reads a file's tag blocks into memory, and copies them a few times. Larger ones are those
# with pictures in them, which are passed over then.
TAG_BYTES_MAX: Final = 24 << 20

VALUES_MAX: Final = 50
"""Values of one name; what follows is dropped."""

CHARACTERS_MAX: Final = 2_000
"""Of one value; what follows is dropped."""

_FRAME_BYTES_MAX: Final = 1 << 20
"""Of a frame or atom of text, where those are read one by one."""

_Texts: TypeAlias = dict[str, list[str | bytes]]


def read_tags(path: Path) -> dict[str, list[str]]:
    """Values of the tags of a file, as they stand there, cut to the limits above.

    Returns:
        Lists under `packager.tag_names.NAMES`; those that are not there are missing.

    Raises:
        MemoryError: they take more memory than this process may have.
    """
    texts = {**_read(read_riff_info, path), **_read(_texts_in_tags, path)}
    return {name: [_cut(text) for text in some] for name, some in decode_texts(texts).items()}


def _read(read: Callable[[Path], _Texts], path: Path) -> _Texts:
    try:
        return read(path)
    except MemoryError:
        raise  # What is left of this process cannot be relied on.
    except Exception:  # noqa: BLE001
        # mutagen meets hostile bytes with errors of any kind, not only its own.
        return {}


def _cut(text: str) -> str:
    # Half of a surrogate pair cannot be written as UTF-8.
    short = text[:CHARACTERS_MAX]
    return short.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _texts_in_tags(path: Path) -> _Texts:
    with path.open("rb") as file:
        tags = _load(file)
    match tags:
        case None:
            return {}
        case ID3():
            return _texts_by_name(_id3_values(tags), ID3_FRAMES, _texts_of_id3)
        case MP4Tags():
            return _texts_by_name(_without_domains(tags), MP4_ATOMS, _texts_of_mp4)
        case APEv2():
            return _texts_by_name(_lower(tags), COMMENTS, lambda value: str(value).split("\0"))
        case ASFTags():
            return _texts_by_name(_lower(tags), ASF_ATTRIBUTES, _texts_of_any)
        case _:
            return _texts_by_name(_lower(tags), COMMENTS, _texts_of_any)


def _load(file: BinaryIO) -> Any:  # noqa: ANN401
    """The tags of a file, of mutagen's many classes; None if there are none."""
    bounded = BoundedReads(file, bytes_max=TAG_BYTES_MAX)
    try:
        found = mutagen.File(bounded, easy=False)
    except mutagen.MutagenError:
        if not bounded.is_exhausted:
            raise
        return _load_without_pictures(file)
    if isinstance(found, MP3) and found.tags is None:
        return _load_ape(file)
    return None if found is None else found.tags


def _load_ape(file: BinaryIO) -> APEv2 | None:
    """Tags that some programs put behind an MP3."""
    file.seek(0)
    try:
        return APEv2(BoundedReads(file, bytes_max=TAG_BYTES_MAX))
    except APENoHeaderError:
        return None


def _load_without_pictures(file: BinaryIO) -> Any:  # noqa: ANN401
    """The tags of a file that has too much in them to be read as a whole."""
    if (tag := read_id3_tag(file)) is not None:
        small = [frame for frame in tag.frames if frame.bytes <= _FRAME_BYTES_MAX]
        return ID3(BytesIO(read_small_tag(file, tag, small)))
    for block in read_flac_blocks(file):
        if block.kind == VORBIS_COMMENT and block.bytes <= TAG_BYTES_MAX:
            file.seek(block.offset)
            return VCFLACDict(file.read(block.bytes), framing=False)
    file.seek(0)
    atoms = Atoms(file)
    values = atoms.path(b"moov", b"udta", b"meta", b"ilst")[-1]
    values.children = [atom for atom in values.children if atom.length <= _FRAME_BYTES_MAX]
    return MP4Tags(atoms, BoundedReads(file, bytes_max=TAG_BYTES_MAX))


def _texts_by_name(
    values: Mapping[str, Any],
    vocabulary: Vocabulary,
    texts_of: Callable[[Any], Iterable[str | bytes]],
) -> _Texts:
    texts: _Texts = {}
    for name, candidates in vocabulary.items():
        found = next((values[one] for one in candidates if one in values), None)
        if found is not None:
            texts[name] = list(islice(texts_of(found), VALUES_MAX))
    return texts


def _lower(tags: Any) -> dict[str, Any]:  # noqa: ANN401
    """Values by names in lower case; all formats of free names compare them without case."""
    return {name.lower(): value for name, value in tags.items()}


def _without_domains(tags: Any) -> dict[str, Any]:  # noqa: ANN401
    """Values by names of atoms, where `----:com.apple.iTunes:ISRC` becomes `----:isrc`."""
    values: dict[str, Any] = {}
    for name, value in tags.items():
        start, colon, rest = name.lower().partition(":")
        values[f"{start}{colon}{rest.rpartition(':')[2]}"] = value
    return values


def _id3_values(tags: ID3) -> dict[str, Any]:
    """Frames by their names; of those with a name of their own, that one in lower case."""
    values: dict[str, Any] = {}
    for frame in tags.values():
        if frame.FrameID == "TXXX":
            values[f"TXXX:{frame.desc.lower()}"] = frame
        else:
            values[frame.FrameID] = frame
    return values


def _texts_of_id3(frame: Any) -> Iterable[str | bytes]:  # noqa: ANN401
    # TCON may hold numbers of ID3v1's list of genres.
    for text in frame.genres if isinstance(frame, TCON) else frame.text:
        is_unsure = getattr(frame, "encoding", None) == Encoding.LATIN1
        yield _bytes_of(str(text)) if is_unsure else str(text)


def _bytes_of(text: str) -> str | bytes:
    """What stood in the file, if it was read as Latin-1."""
    try:
        return text[:CHARACTERS_MAX].encode("latin-1")
    except UnicodeEncodeError:
        return text


def _texts_of_mp4(value: Any) -> Iterable[str | bytes]:  # noqa: ANN401
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, bytes):
            yield item.decode(errors="replace")
        elif isinstance(item, tuple):
            yield "/".join(str(number) for number in item)  # (3, 12) is 3 of 12.
        else:
            yield str(item)


def _texts_of_any(value: Any) -> Iterable[str | bytes]:  # noqa: ANN401
    return (str(text) for text in value)
