# mypy: disallow-untyped-calls=False
import io
from pathlib import Path
from typing import Any

import mutagen.id3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.id3_frames import FRAMES_MAX, read_id3_tag, read_small_tag
from packager.tests.test_tag_reader import tag_by_id3, write_master


def tag_of(version: int, *frames: bytes, flags: int = 0, padding: int = 0) -> bytes:
    content = b"".join(frames) + bytes(padding)
    size = bytes(len(content) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3" + bytes((version, 0, flags)) + size + content


def frame_of(name: bytes, content: bytes, *, flags: int = 0) -> bytes:
    if len(name) == 3:
        return name + len(content).to_bytes(3, "big") + content
    return name + len(content).to_bytes(4, "big") + bytes((0, flags)) + content


def written_by_mutagen(version: int, picture_bytes: int) -> bytes:
    tags: Any = mutagen.id3.ID3()
    tags.add(mutagen.id3.TIT2(encoding=3, text=["Titel"]))
    tags.add(mutagen.id3.APIC(encoding=3, mime="image/png", type=3, data=bytes(picture_bytes)))
    tags.add(mutagen.id3.TALB(encoding=3, text=["Album"]))
    file = io.BytesIO()
    tags.save(file, v2_version=version)
    return file.getvalue()


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("picture_bytes", [1, 100, 128, 20_000])
def test_frames_that_mutagen_wrote_are_found_and_taken_apart(version: int, picture_bytes: int):
    file = io.BytesIO(written_by_mutagen(version, picture_bytes))
    tag = read_id3_tag(file)
    assert tag is not None
    assert {frame.frame_id for frame in tag.frames} == {"TIT2", "APIC", "TALB"}
    texts = [frame for frame in tag.frames if frame.frame_id != "APIC"]
    small: Any = mutagen.id3.ID3(io.BytesIO(read_small_tag(file, tag, texts)))
    assert sorted(small) == ["TALB", "TIT2"]
    assert small["TIT2"].text == ["Titel"]


@pytest.mark.parametrize("suffix", [".wav", ".aiff"])
def test_the_tag_in_a_chunk_is_found(tmp_path: Path, suffix: str):
    path = write_master(tmp_path / f"file{suffix}")
    tag_by_id3(path)
    with path.open("rb") as file:
        tag = read_id3_tag(file)
    assert tag is not None
    assert "TIT2" in {frame.frame_id for frame in tag.frames}


def test_sizes_that_itunes_wrote_are_understood():
    # 300 is 0x012C, which as a number of seven bits a byte would be 172.
    content = tag_of(4, frame_of(b"APIC", b"\1" * 300), frame_of(b"TIT2", b"\3Titel"), padding=20)
    tag = read_id3_tag(io.BytesIO(content))
    assert tag is not None
    assert [(frame.frame_id, frame.bytes) for frame in tag.frames] == [("APIC", 300), ("TIT2", 6)]


def test_frames_of_version_2_have_short_names():
    content = tag_of(2, frame_of(b"TT2", b"\0Titel"), frame_of(b"PIC", b"\0PNG\3\0data"))
    tag = read_id3_tag(io.BytesIO(content))
    assert tag is not None
    assert [frame.frame_id for frame in tag.frames] == ["TT2", "PIC"]


@pytest.mark.parametrize(
    ("version", "flags", "is_packed"),
    [
        pytest.param(3, 0x80, True, id="2.3 compressed"),
        pytest.param(3, 0x40, True, id="2.3 encrypted"),
        pytest.param(3, 0x20, False, id="2.3 grouped"),
        pytest.param(4, 0x08, True, id="2.4 compressed"),
        pytest.param(4, 0x02, False, id="2.4 unsynchronised"),
    ],
)
def test_frames_that_would_have_to_be_unpacked_are_marked(
    version: int, flags: int, *, is_packed: bool
):
    content = tag_of(version, frame_of(b"TIT2", b"\0Titel", flags=flags))
    tag = read_id3_tag(io.BytesIO(content))
    assert tag is not None
    assert [frame.is_packed for frame in tag.frames] == [is_packed]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"fLaC" + bytes(100), id="another format"),
        pytest.param(tag_of(5, frame_of(b"TIT2", b"\0x")), id="a version to come"),
        pytest.param(tag_of(3, frame_of(b"TIT2", b"\0x"), flags=0x80), id="2.3 unsynchronised"),
        pytest.param(b"ID3\4\0\0\xff\xff\xff\xff" + bytes(100), id="a size of eight bits a byte"),
        pytest.param(b"ID3\4\0", id="cut"),
    ],
)
def test_what_has_no_frames_to_be_found(content: bytes):
    assert read_id3_tag(io.BytesIO(content)) is None


def test_frames_behind_an_extended_header_are_found():
    frame = frame_of(b"TIT2", b"\0Titel")
    for version, header in [(3, b"\0\0\0\6" + bytes(6)), (4, b"\0\0\0\6\1\0")]:
        tag = read_id3_tag(io.BytesIO(tag_of(version, header, frame, flags=0x40)))
        assert tag is not None
        assert [one.frame_id for one in tag.frames] == ["TIT2"]


def test_the_number_of_frames_is_bounded():
    content = tag_of(4, frame_of(b"TIT2", b"\0x") * (FRAMES_MAX + 100))
    tag = read_id3_tag(io.BytesIO(content))
    assert tag is not None
    assert len(tag.frames) == FRAMES_MAX


@given(st.binary(max_size=80), st.sampled_from([b"", b"ID3\4\0\0\0\0\1\0", b"ID3\3\0\x40\0\0\1\0"]))
def test_any_bytes_have_frames_or_none(content: bytes, head: bytes):
    file = io.BytesIO(head + content)
    tag = read_id3_tag(file)
    if tag is not None:
        assert read_small_tag(file, tag, tag.frames).startswith(b"ID3")
