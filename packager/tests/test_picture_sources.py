# mypy: disallow-untyped-calls=False
import base64
import os
import struct
from pathlib import Path
from typing import Any, BinaryIO, cast

import mutagen
import mutagen.apev2
import mutagen.flac
import mutagen.id3
import mutagen.mp4
import pytest
from mutagen.aiff import AIFF
from mutagen.wave import WAVE

from packager.bounded_reads import BoundedReads
from packager.cover_facts import CoverRefusal
from packager.picture import PictureError
from packager.picture_sources import PICTURES_MAX, find_pictures
from packager.tests.masters import ffmpeg_file, music
from packager.tests.test_id3_frames import frame_of, tag_of
from packager.tests.test_tag_reader import write_master

FRONT, BACK, OTHER = b"front", b"back!", b"other"


def id3_pictures() -> list[mutagen.id3.Frame]:
    return [
        mutagen.id3.APIC(encoding=1, mime="image/png", type=kind, desc=f"ö{kind}", data=data)
        for kind, data in [(4, BACK), (0, OTHER), (3, FRONT)]
    ]


def flac_pictures() -> list[mutagen.flac.Picture]:
    pictures = []
    for kind, data in [(4, BACK), (0, OTHER), (3, FRONT)]:
        picture = mutagen.flac.Picture()
        picture.type, picture.mime, picture.data = kind, "image/png", data
        pictures.append(picture)
    return pictures


def mp3(path: Path):
    write_master(path)
    tags = mutagen.id3.ID3()
    for frame in id3_pictures():
        tags.add(frame)
    tags.save(path)


def mp3_of_version_3(path: Path):
    write_master(path)
    tags = mutagen.id3.ID3()
    for frame in id3_pictures():
        tags.add(frame)
    tags.save(path, v2_version=3)


def mp3_of_version_2(path: Path):
    frames = [
        frame_of(b"PIC", b"\0PNG" + bytes([kind]) + b"\0" + data)
        for kind, data in [(4, BACK), (0, OTHER), (3, FRONT)]
    ]
    write_master(path)
    path.write_bytes(tag_of(2, *frames) + path.read_bytes())


def mp3_unsynchronised(path: Path):
    # Nothing in these bytes had to be escaped, but the flag says that it might.
    frame = frame_of(b"APIC", b"\0image/png\0\3\0" + FRONT)
    write_master(path)
    path.write_bytes(tag_of(3, frame, flags=0x80) + path.read_bytes())


def id3_in_chunk(path: Path):
    write_master(path)
    kind: Any = {".wav": WAVE, ".aiff": AIFF}[path.suffix]
    file = kind(path)
    file.add_tags()
    for frame in id3_pictures():
        file.tags.add(frame)
    file.save()


def flac(path: Path):
    write_master(path)
    file = mutagen.flac.FLAC(path)
    for picture in flac_pictures():
        file.add_picture(picture)
    file.save()


def ogg(path: Path):
    write_master(path)
    file = mutagen.File(path)
    file["METADATA_BLOCK_PICTURE"] = [
        base64.b64encode(picture.write()).decode() for picture in flac_pictures()
    ]
    file.save()


def mp4(path: Path):
    path.write_bytes(ffmpeg_file(music(4_000), codec="aac", form="ipod"))
    file = mutagen.mp4.MP4(path)
    file["covr"] = [mutagen.mp4.MP4Cover(data) for data in (FRONT, OTHER, BACK)]
    file.save()


def ape(path: Path):
    path.write_bytes(
        struct.pack("<4sHHIIIIIIHHI", b"MAC ", 3990, 0, 52, 24, 0, 0, 0, 0, 0, 0, 0)
        + struct.pack("<HHIIIHHI", 2000, 0, 73728, 100, 1, 16, 2, 44100)
        + bytes(200)
    )
    tags = mutagen.apev2.APEv2()
    tags["Cover Art (Front)"] = mutagen.apev2.APEBinaryValue(b"cover.png\0" + FRONT)
    tags.save(path)


@pytest.mark.parametrize(
    ("suffix", "make", "wanted"),
    [
        pytest.param(".mp3", mp3, [FRONT, OTHER, BACK], id="ID3v2.4"),
        pytest.param(".mp3", mp3_of_version_3, [FRONT, OTHER, BACK], id="ID3v2.3"),
        pytest.param(".mp3", mp3_of_version_2, [FRONT, OTHER, BACK], id="ID3v2.2"),
        pytest.param(".mp3", mp3_unsynchronised, [FRONT], id="ID3v2.3 unsynchronised"),
        pytest.param(".wav", id3_in_chunk, [FRONT, OTHER, BACK], id="WAV"),
        pytest.param(".aiff", id3_in_chunk, [FRONT, OTHER, BACK], id="AIFF"),
        pytest.param(".flac", flac, [FRONT, OTHER, BACK], id="FLAC"),
        pytest.param(".ogg", ogg, [FRONT, OTHER, BACK], id="Ogg"),
        pytest.param(".m4a", mp4, [FRONT, OTHER, BACK], id="MP4"),
        pytest.param(".ape", ape, [FRONT], id="APE"),
        pytest.param(".wav", write_master, [], id="none"),
    ],
)
def test_front_covers_come_first(tmp_path: Path, suffix: str, make, wanted):  # noqa: ANN001
    path = tmp_path / f"file{suffix}"
    make(path)
    with path.open("rb") as file:
        assert [source.read() for source in find_pictures(file)] == wanted


def test_a_picture_of_100_mb_is_not_read_to_be_found(tmp_path: Path):
    path = tmp_path / "file.mp3"
    size = 100 << 20
    start = b"\0image/jpeg\0\3\0"
    frame = b"APIC" + (size + len(start)).to_bytes(4, "big") + b"\0\0" + start
    tag_size = size + len(frame)
    with path.open("wb") as file:
        file.write(b"ID3\3\0\0" + bytes(tag_size >> shift & 0x7F for shift in (21, 14, 7, 0)))
        file.write(frame)
        file.seek(size, os.SEEK_CUR)
        file.write(b"\xff\xfb\x90\0" + bytes(500))
    with path.open("rb") as opened:
        bounded = BoundedReads(opened, bytes_max=10_000)
        (source,) = find_pictures(cast("BinaryIO", bounded))
    assert source.size_bytes > size


def test_hundreds_of_pictures_are_bounded(tmp_path: Path):
    path = tmp_path / "file.flac"
    write_master(path)
    file = mutagen.flac.FLAC(path)
    for _ in range(PICTURES_MAX + 100):
        file.add_picture(flac_pictures()[0])
    file.save()
    with path.open("rb") as opened:
        assert len(find_pictures(opened)) == PICTURES_MAX


def test_a_frame_that_would_have_to_be_unpacked_is_refused(tmp_path: Path):
    path = tmp_path / "file.mp3"
    frame = frame_of(b"APIC", b"\0\0\0\x05x\x9cabc", flags=0x09)
    path.write_bytes(tag_of(4, frame))
    with path.open("rb") as file:
        (source,) = find_pictures(file)
        with pytest.raises(PictureError) as caught:
            source.read()
    assert caught.value.refusal is CoverRefusal.UNREADABLE


def test_comments_of_ogg_that_are_too_large_are_refused_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "file.ogg"
    write_master(path)
    file = mutagen.File(path)
    file["metadata_block_picture"] = "A" * 400_000
    file.save()
    monkeypatch.setattr("packager.picture_sources._TAG_BYTES_MAX", 300_000)
    with path.open("rb") as opened, pytest.raises(PictureError) as caught:
        find_pictures(opened)
    assert caught.value.refusal is CoverRefusal.TOO_LARGE
