# mypy: disallow-untyped-calls=False
import hashlib
import os
import struct
from pathlib import Path

import mutagen.flac
import mutagen.id3
import pytest

from packager.cover import read_cover
from packager.cover_facts import (
    COVER_SIZES,
    REFUSALS_MAX,
    CoverRefusal,
    cover_file_name,
)
from packager.picture_sources import PICTURE_BYTES_MAX
from packager.tests.pictures import PNG_SIGNATURE, jpeg, png, png_chunk, quarters
from packager.tests.test_tag_reader import write_master

GOOD = png(quarters(600, 400))
BOMB = PNG_SIGNATURE + png_chunk(b"IHDR", struct.pack(">IIB4x", 60_000, 60_000, 8))
TRUNCATED = jpeg(quarters(60, 40))[:300]


def flac_with(path: Path, *pictures: bytes, mime: str = "image/jpeg") -> Path:
    write_master(path)
    file = mutagen.flac.FLAC(path)
    for data in pictures:
        picture = mutagen.flac.Picture()
        picture.type, picture.mime, picture.data = 3, mime, data
        file.add_picture(picture)
    file.save()
    return path


def test_a_cover_is_written_in_all_sizes(tmp_path: Path):
    # It says that it is a JPEG, and is a PNG: what counts is what it is.
    found = read_cover(flac_with(tmp_path / "a.flac", GOOD), tmp_path, None)
    assert found.refusals == ()
    assert found.cover is not None
    digests = b"".join(bytes.fromhex(size.sha256) for size in found.cover.sizes)
    assert found.cover.digest == hashlib.sha256(digests).hexdigest()[:32]
    shapes = [(size.size, size.width, size.height) for size in found.cover.sizes]
    assert shapes == [(128, 128, 85), (480, 480, 320), (1200, 600, 400)]
    for size in found.cover.sizes:
        data = (tmp_path / cover_file_name(found.cover.digest, size)).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (size.bytes, size.sha256)
        assert data.startswith(b"\xff\xd8\xff")


def test_a_picture_beside_the_master_stands_in(tmp_path: Path):
    beside = tmp_path / "cover.jpg"
    beside.write_bytes(GOOD)
    master = write_master(tmp_path / "a.wav")
    found = read_cover(master, tmp_path, beside)
    assert found.cover is not None
    again = read_cover(flac_with(tmp_path / "same.flac", GOOD), tmp_path, None)
    assert again.cover == found.cover
    inside = read_cover(flac_with(tmp_path / "a.flac", png(quarters(8, 8))), tmp_path, beside)
    assert inside.cover is not None
    assert inside.cover.digest != found.cover.digest


@pytest.mark.parametrize(
    ("picture", "refusal"),
    [
        pytest.param(BOMB, CoverRefusal.TOO_MANY_PIXELS, id="a bomb"),
        pytest.param(TRUNCATED, CoverRefusal.BROKEN, id="a truncated JPEG"),
        pytest.param(b"<html>", CoverRefusal.UNKNOWN_FORMAT, id="no picture at all"),
        pytest.param(b"", CoverRefusal.UNKNOWN_FORMAT, id="nothing"),
    ],
)
def test_the_next_picture_stands_in_for_a_bad_one(
    tmp_path: Path, picture: bytes, refusal: CoverRefusal
):
    found = read_cover(flac_with(tmp_path / "a.flac", picture, GOOD), tmp_path, None)
    assert found.cover is not None
    assert found.refusals == (refusal,)
    alone = read_cover(flac_with(tmp_path / "b.flac", picture), tmp_path, None)
    assert (alone.cover, alone.refusals) == (None, (refusal,))


def test_a_master_without_pictures_has_no_cover_and_nothing_to_say(tmp_path: Path):
    found = read_cover(write_master(tmp_path / "a.wav"), tmp_path, None)
    assert (found.cover, found.refusals) == (None, ())


def test_a_picture_of_100_mb_is_refused_for_its_size(tmp_path: Path):
    large = tmp_path / "cover.jpg"
    with large.open("wb") as file:
        file.truncate(100 << 20)
    found = read_cover(write_master(tmp_path / "a.wav"), tmp_path, large)
    assert (found.cover, found.refusals) == (None, (CoverRefusal.TOO_LARGE,))


def test_an_embedded_picture_above_the_limit_is_refused_for_its_size(tmp_path: Path):
    path = write_master(tmp_path / "a.mp3")
    tags = mutagen.id3.ID3()
    large = bytes(PICTURE_BYTES_MAX + 1)
    for kind, data in [(3, large), (0, GOOD)]:
        tags.add(mutagen.id3.APIC(encoding=3, mime="", type=kind, desc=str(kind), data=data))
    tags.save(path)
    found = read_cover(path, tmp_path, None)
    assert found.refusals == (CoverRefusal.TOO_LARGE,)
    assert found.cover is not None


def test_hundreds_of_bad_pictures_are_not_all_tried(tmp_path: Path):
    found = read_cover(flac_with(tmp_path / "a.flac", *[BOMB] * 300, GOOD), tmp_path, None)
    assert found.cover is None
    assert found.refusals == (CoverRefusal.TOO_MANY_PIXELS,) * REFUSALS_MAX


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + bytes(100), id="ID3 with a long length"),
        pytest.param(b"fLaC\x86\xff\xff\xff" + b"\xff" * 50, id="FLAC with a wild picture"),
        pytest.param(b"OggS" + bytes(100), id="Ogg of zeros"),
        pytest.param(b"\0\0\0\x08ftyp\0\0\0\x01moov" + b"\xff" * 60, id="MP4 of lies"),
        pytest.param(b"RIFF\xff\xff\xff\xffWAVEid3 \xff\xff\xff\xff", id="WAV of lies"),
        pytest.param(bytes(range(256)) * 8, id="noise"),
    ],
)
def test_a_file_of_lies_has_no_cover(tmp_path: Path, content: bytes):
    path = tmp_path / "file.bin"
    path.write_bytes(content)
    found = read_cover(path, tmp_path, None)
    assert found.cover is None
    assert set(found.refusals) <= {CoverRefusal.UNREADABLE}


def test_a_pipe_beside_the_master_is_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "cover.jpg")
    found = read_cover(write_master(tmp_path / "a.wav"), tmp_path, tmp_path / "cover.jpg")
    assert (found.cover, found.refusals) == (None, (CoverRefusal.UNREADABLE,))


def test_a_picture_beside_the_master_that_is_gone_is_no_failure(tmp_path: Path):
    found = read_cover(write_master(tmp_path / "a.wav"), tmp_path, tmp_path / "cover.jpg")
    assert (found.cover, found.refusals) == (None, (CoverRefusal.UNREADABLE,))


def test_all_sizes_have_names_of_their_own(tmp_path: Path):
    found = read_cover(flac_with(tmp_path / "a.flac", GOOD), tmp_path, None)
    assert found.cover is not None
    names = {cover_file_name(found.cover.digest, size) for size in found.cover.sizes}
    assert names == {f"{found.cover.digest}-{size}.jpg" for size in COVER_SIZES}
