# mypy: disallow-untyped-calls=False
import struct
from pathlib import Path
from typing import Any

import mutagen
import mutagen.apev2
import mutagen.flac
import mutagen.id3
import mutagen.mp4
import pytest
import soundfile
from mutagen.aiff import AIFF
from mutagen.wave import WAVE

from packager import tag_reader
from packager.tag_reader import CHARACTERS_MAX, VALUES_MAX, read_tags
from packager.tests.masters import ffmpeg_file, music
from packager.tests.test_riff_info import INFO

WANTED = {
    "title": ["Titel"],
    "artist": ["A", "B"],
    "album": ["Album"],
    "albumartist": ["Various"],
    "discnumber": ["1"],
    "tracknumber": ["3"],
    "date": ["2001"],
    "isrc": ["USRC17607839"],
}


def write_master(path: Path) -> Path:
    """A short file in the format that its suffix names."""
    soundfile.write(path, music(4_000), 44_100)
    return path


def id3_frames() -> list[mutagen.id3.Frame]:
    return [
        mutagen.id3.TIT2(encoding=3, text=["Titel"]),
        mutagen.id3.TPE1(encoding=3, text=["A", "B"]),
        mutagen.id3.TALB(encoding=3, text=["Album"]),
        mutagen.id3.TPE2(encoding=3, text=["Various"]),
        mutagen.id3.TPOS(encoding=3, text=["1"]),
        mutagen.id3.TRCK(encoding=3, text=["3"]),
        mutagen.id3.TDRC(encoding=3, text=["2001"]),
        mutagen.id3.TSRC(encoding=3, text=["USRC17607839"]),
    ]


COMMENTS = {
    "TITLE": ["Titel"],
    "artist": ["A", "B"],
    "album": ["Album"],
    "albumartist": ["Various"],
    "discnumber": ["1"],
    "tracknumber": ["3"],
    "date": ["2001"],
    "isrc": ["USRC17607839"],
}


def tag_by_id3(path: Path):
    kind: Any = {".wav": WAVE, ".aiff": AIFF}[path.suffix]
    file = kind(path)
    if file.tags is None:
        file.add_tags()
    tags = file.tags
    assert tags is not None
    for frame in id3_frames():
        tags.add(frame)
    file.save()


def tag_by_comments(path: Path):
    file = mutagen.File(path)
    for name, values in COMMENTS.items():
        file[name] = values
    file.save()


@pytest.mark.parametrize(
    ("suffix", "tag"),
    [
        pytest.param(".wav", tag_by_id3, id="ID3 in WAV"),
        pytest.param(".aiff", tag_by_id3, id="ID3 in AIFF"),
        pytest.param(".flac", tag_by_comments, id="Vorbis comments in FLAC"),
        pytest.param(".ogg", tag_by_comments, id="Vorbis comments in Ogg"),
    ],
)
def test_tags_are_read(tmp_path: Path, suffix: str, tag):  # noqa: ANN001
    path = write_master(tmp_path / f"file{suffix}")
    tag(path)
    assert read_tags(path) == WANTED


def test_id3_of_mp3_is_read(tmp_path: Path):
    path = write_master(tmp_path / "file.mp3")
    tags = mutagen.id3.ID3()
    for frame in id3_frames():
        tags.add(frame)
    tags.save(path)
    assert read_tags(path) == WANTED


def test_ape_items_are_read(tmp_path: Path):
    # A Monkey's Audio header is enough for mutagen; nobody decodes it here.
    path = tmp_path / "file.ape"
    path.write_bytes(
        struct.pack("<4sHHIIIIIIHHI", b"MAC ", 3990, 0, 52, 24, 0, 0, 0, 0, 0, 0, 0)
        + struct.pack("<HHIIIHHI", 2000, 0, 73728, 100, 1, 16, 2, 44100)
        + bytes(200)
    )
    tags = mutagen.apev2.APEv2()
    for name, values in COMMENTS.items():
        tags[name] = values
    tags.save(path)
    assert read_tags(path) == WANTED


def test_atoms_of_mp4_are_read(tmp_path: Path):
    path = tmp_path / "file.m4a"
    path.write_bytes(ffmpeg_file(music(4_000), codec="aac", form="ipod"))
    file = mutagen.mp4.MP4(path)
    file["\xa9nam"] = "Titel"
    file["\xa9ART"] = ["A", "B"]
    file["\xa9alb"] = "Album"
    file["aART"] = "Various"
    file["disk"] = [(1, 2)]
    file["trkn"] = [(3, 12)]
    file["\xa9day"] = "2001"
    file["----:com.apple.iTunes:ISRC"] = b"USRC17607839"
    file.save()
    assert read_tags(path) == WANTED


def test_the_info_list_stands_in_for_missing_id3(tmp_path: Path):
    path = write_master(tmp_path / "file.wav")
    path.write_bytes(path.read_bytes() + INFO)
    tags = read_tags(path)
    assert (tags["title"], tags["artist"], tags["album"]) == (["Title"], ["Björk"], ["Café"])
    tag_by_id3(path)
    assert read_tags(path) == WANTED


def test_values_are_bounded(tmp_path: Path):
    path = write_master(tmp_path / "file.flac")
    file = mutagen.flac.FLAC(path)
    file["title"] = "x" * 1_000_000
    file["artist"] = ["A"] * 1_000
    file.save()
    tags = read_tags(path)
    assert tags["title"] == ["x" * CHARACTERS_MAX]
    assert tags["artist"] == ["A"] * VALUES_MAX


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + bytes(100), id="ID3 with a long length"),
        pytest.param(b"fLaC\x84\xff\xff\xff" + b"\xff" * 50, id="FLAC with wild comments"),
        pytest.param(b"OggS" + bytes(100), id="Ogg of zeros"),
        pytest.param(b"\0\0\0\x08ftyp\0\0\0\x01moov" + b"\xff" * 60, id="MP4 of lies"),
        pytest.param(b"RIFF\xff\xff\xff\xffWAVEid3 \xff\xff\xff\xff", id="WAV of lies"),
        pytest.param(b"FORM\xff\xff\xff\xffAIFFID3 \xff\xff\xff\xff", id="AIFF of lies"),
        pytest.param(bytes(range(256)) * 8, id="noise"),
    ],
)
def test_what_mutagen_cannot_read_has_no_tags(tmp_path: Path, content: bytes):
    path = tmp_path / "file.bin"
    path.write_bytes(content)
    assert read_tags(path) == {}


def test_tags_above_the_limit_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = write_master(tmp_path / "file.flac")
    tag_by_comments(path)
    picture = mutagen.flac.Picture()
    picture.data = bytes(200_000)
    file = mutagen.flac.FLAC(path)
    file.add_picture(picture)
    file.save()
    assert read_tags(path) == WANTED
    monkeypatch.setattr(tag_reader, "TAG_BYTES_MAX", 100_000)
    assert read_tags(path) == {}


def test_a_file_without_tags_has_none(tmp_path: Path):
    for suffix in (".wav", ".flac"):
        path = write_master(tmp_path / f"file{suffix}")
        assert read_tags(path) == {}
