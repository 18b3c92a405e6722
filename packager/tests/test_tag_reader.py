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
    "discnumber": ["1/2"],
    "tracknumber": ["03/12"],
    "date": ["2001"],
    "isrc": ["USRC17607839"],
    "titlesort": ["Titel, Der"],
    "artistsort": ["A, The"],
    "albumsort": ["Album, Das"],
    "albumartistsort": ["Various, The"],
    "composer": ["C"],
    "genre": ["Rock", "Pop"],
    "copyright": ["2001 L"],
    "label": ["L"],
    "barcode": ["036000291452"],
    "compilation": ["1"],
    "language": ["deu"],
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
        mutagen.id3.TPOS(encoding=3, text=["1/2"]),
        mutagen.id3.TRCK(encoding=3, text=["03/12"]),
        mutagen.id3.TDRC(encoding=3, text=["2001"]),
        mutagen.id3.TSRC(encoding=3, text=["USRC17607839"]),
        mutagen.id3.TSOT(encoding=3, text=["Titel, Der"]),
        mutagen.id3.TSOP(encoding=3, text=["A, The"]),
        mutagen.id3.TSOA(encoding=3, text=["Album, Das"]),
        mutagen.id3.TSO2(encoding=3, text=["Various, The"]),
        mutagen.id3.TCOM(encoding=3, text=["C"]),
        mutagen.id3.TCON(encoding=3, text=["(17)", "Pop"]),
        mutagen.id3.TCOP(encoding=3, text=["2001 L"]),
        mutagen.id3.TPUB(encoding=3, text=["L"]),
        mutagen.id3.TXXX(encoding=3, desc="BARCODE", text=["036000291452"]),
        mutagen.id3.TCMP(encoding=3, text=["1"]),
        mutagen.id3.TLAN(encoding=3, text=["deu"]),
        mutagen.id3.COMM(encoding=3, lang="eng", desc="", text=["not kept"]),
    ]


COMMENTS = {**WANTED, "TITLE": WANTED["title"], "comment": ["not kept"]}
del COMMENTS["title"]


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
    file["sonm"], file["soar"] = "Titel, Der", "A, The"
    file["soal"], file["soaa"] = "Album, Das", "Various, The"
    file["\xa9wrt"], file["\xa9gen"] = "C", ["Rock", "Pop"]
    file["cprt"] = "2001 L"
    file["----:com.apple.iTunes:LABEL"] = b"L"
    file["----:org.example:Barcode"] = b"036000291452"
    file["cpil"] = True
    file["----:com.apple.iTunes:LANGUAGE"] = b"deu"
    file["\xa9cmt"] = "not kept"
    file.save()
    wanted = {**WANTED, "tracknumber": ["3/12"], "compilation": ["True"]}
    assert read_tags(path) == wanted


def test_the_info_list_stands_in_for_missing_id3(tmp_path: Path):
    path = write_master(tmp_path / "file.wav")
    path.write_bytes(path.read_bytes() + INFO)
    tags = read_tags(path)
    assert (tags["title"], tags["artist"], tags["album"]) == (["Title"], ["Björk"], ["Café"])
    tag_by_id3(path)
    assert read_tags(path) == WANTED


def test_the_info_list_completes_id3(tmp_path: Path):
    path = write_master(tmp_path / "file.wav")
    file = WAVE(path)
    file.add_tags()
    tags: Any = file.tags
    tags.add(mutagen.id3.TIT2(encoding=3, text=["Titel"]))
    file.save()
    path.write_bytes(path.read_bytes() + INFO)
    assert read_tags(path) == {"title": ["Titel"], "artist": ["Björk"], "album": ["Café"]}


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


def picture_frame(size: int) -> mutagen.id3.Frame:
    return mutagen.id3.APIC(encoding=3, mime="image/png", type=3, desc="", data=bytes(size))


def put_picture_into_id3(path: Path, size: int):
    tags = mutagen.id3.ID3(path) if path.suffix == ".mp3" else None
    if tags is None:
        kind: Any = {".wav": WAVE, ".aiff": AIFF}[path.suffix]
        file = kind(path)
        file.tags.add(picture_frame(size))
        file.save()
    else:
        tags.add(picture_frame(size))
        tags.save()


def put_picture_into_flac(path: Path, size: int):
    picture = mutagen.flac.Picture()
    picture.type, picture.mime, picture.data = 3, "image/png", bytes(size)
    file = mutagen.flac.FLAC(path)
    file.add_picture(picture)
    file.save()


def put_picture_into_mp4(path: Path, size: int):
    file = mutagen.mp4.MP4(path)
    file["covr"] = [mutagen.mp4.MP4Cover(bytes(size))]
    file.save()


def tag_mp3(path: Path):
    tags = mutagen.id3.ID3()
    for frame in id3_frames():
        tags.add(frame)
    tags.save(path)


def tag_mp4(path: Path):
    path.write_bytes(ffmpeg_file(music(4_000), codec="aac", form="ipod"))
    file = mutagen.mp4.MP4(path)
    file["\xa9nam"], file["\xa9alb"], file["\xa9ART"] = "Titel", "Album", ["A", "B"]
    file.save()


@pytest.mark.parametrize(
    ("suffix", "tag", "put_picture"),
    [
        pytest.param(".mp3", tag_mp3, put_picture_into_id3, id="MP3"),
        pytest.param(".wav", tag_by_id3, put_picture_into_id3, id="WAV"),
        pytest.param(".aiff", tag_by_id3, put_picture_into_id3, id="AIFF"),
        pytest.param(".flac", tag_by_comments, put_picture_into_flac, id="FLAC"),
        pytest.param(".m4a", tag_mp4, put_picture_into_mp4, id="MP4"),
    ],
)
def test_texts_are_read_beside_a_picture_that_is_too_large(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
    tag,  # noqa: ANN001
    put_picture,  # noqa: ANN001
):
    path = tmp_path / f"file{suffix}"
    if suffix != ".m4a":
        write_master(path)
    tag(path)
    before = read_tags(path)
    assert before["title"] == ["Titel"]
    monkeypatch.setattr(tag_reader, "_FRAME_BYTES_MAX", 50_000)
    monkeypatch.setattr(tag_reader, "TAG_BYTES_MAX", 100_000)
    put_picture(path, 200_000)
    assert read_tags(path) == before


def test_comments_of_ogg_above_the_limit_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = write_master(tmp_path / "file.ogg")
    file = mutagen.File(path)
    file["title"], file["picture"] = "Titel", "x" * 200_000
    file.save()
    assert read_tags(path) == {"title": ["Titel"]}
    monkeypatch.setattr(tag_reader, "TAG_BYTES_MAX", 100_000)
    assert read_tags(path) == {}


def test_id3_that_says_latin_1_and_is_something_else_is_put_right(tmp_path: Path):
    path = write_master(tmp_path / "file.mp3")
    tags = mutagen.id3.ID3()
    for kind, text in [("TIT2", "Группа крови"), ("TPE1", "Кино")]:
        wrong = text.encode("cp1251").decode("latin-1")
        tags.add(mutagen.id3.Frames[kind](encoding=0, text=[wrong]))
    tags.add(mutagen.id3.TALB(encoding=0, text=["Привет".encode().decode("latin-1")]))
    tags.add(mutagen.id3.TPE2(encoding=3, text=["Êèíî"]))
    tags.save(path)
    assert read_tags(path) == {
        "title": ["Группа крови"],
        "artist": ["Кино"],
        "album": ["Привет"],
        "albumartist": ["Êèíî"],
    }


def test_old_versions_of_id3_are_read(tmp_path: Path):
    path = write_master(tmp_path / "file.mp3")
    sound = path.read_bytes()
    tags = mutagen.id3.ID3()
    for frame in id3_frames():
        tags.add(frame)
    tags.update_to_v23()
    tags.save(path, v2_version=3, v23_sep=None)
    assert read_tags(path)["artist"] == ["A", "B"]
    assert read_tags(path)["date"] == ["2001"]

    frames = b"".join(
        name + len(text).to_bytes(3, "big") + text
        for name, text in [(b"TT2", b"\0Titel"), (b"TP1", b"\1\xff\xfeA\0"), (b"TRK", b"\x0003/12")]
    )
    path.write_bytes(b"ID3\2\0\0\0\0\0" + bytes([len(frames)]) + frames + sound)
    assert read_tags(path) == {"title": ["Titel"], "artist": ["A"], "tracknumber": ["03/12"]}


def test_id3_version_1_is_read(tmp_path: Path):
    path = write_master(tmp_path / "file.mp3")
    fields = [b"Bj\xf6rk - J\xf3ga", b"Bj\xf6rk", b"Homogenic"]
    tag = b"TAG" + b"".join(field.ljust(30, b"\0") for field in fields) + b"1997"
    path.write_bytes(path.read_bytes() + tag + bytes(29) + b"\x02\x11")
    tags = read_tags(path)
    assert tags["title"] == ["Björk - Jóga"]
    assert tags["artist"] == ["Björk"]
    assert tags["tracknumber"] == ["2"]
    assert tags["genre"] == ["Rock"]


def test_ape_items_behind_an_mp3_are_read(tmp_path: Path):
    path = write_master(tmp_path / "file.mp3")
    tags = mutagen.apev2.APEv2()
    tags["Title"], tags["EAN/UPC"] = "Titel", "036000291452"
    tags.save(path)
    assert read_tags(path) == {"title": ["Titel"], "barcode": ["036000291452"]}


def test_nul_and_control_characters_come_through_for_the_caller_to_clean(tmp_path: Path):
    path = write_master(tmp_path / "file.flac")
    file = mutagen.flac.FLAC(path)
    file["title"] = "a\0b\x1bc"
    file.save()
    assert read_tags(path) == {"title": ["a\0b\x1bc"]}


def test_a_thousand_comments_of_a_kind_and_hundreds_of_pictures_are_bounded(tmp_path: Path):
    path = write_master(tmp_path / "file.flac")
    file = mutagen.flac.FLAC(path)
    file["artist"] = [f"A{number}" for number in range(1_000)]
    for _ in range(300):
        picture = mutagen.flac.Picture()
        picture.data = b"\x89PNG"
        file.add_picture(picture)
    file.save()
    assert len(read_tags(path)["artist"]) == VALUES_MAX


def test_a_file_without_tags_has_none(tmp_path: Path):
    for suffix in (".wav", ".flac"):
        path = write_master(tmp_path / f"file{suffix}")
        assert read_tags(path) == {}
