import struct
from pathlib import Path

import pytest

from packager.riff_info import read_riff_info


def chunk(fourcc: bytes, content: bytes) -> bytes:
    return struct.pack("<4sI", fourcc, len(content)) + content + bytes(len(content) % 2)


def wave(*chunks: bytes) -> bytes:
    content = b"WAVE" + b"".join(chunks)
    return struct.pack("<4sI", b"RIFF", len(content)) + content


INFO = chunk(
    b"LIST",
    b"INFO"
    + chunk(b"INAM", b"Title\0")
    + chunk(b"IART", "Björk".encode() + b"\0")
    + chunk(b"IPRD", b"Caf\xe9")
    + chunk(b"ISFT", b"some program"),
)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(wave(INFO), id="alone"),
        pytest.param(wave(chunk(b"data", b"abc"), INFO), id="after a chunk of odd length"),
        pytest.param(wave(chunk(b"LIST", b"adtl1234"), INFO), id="after another list"),
    ],
)
def test_values_are_found(tmp_path: Path, content: bytes):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    assert read_riff_info(path) == {
        "title": [b"Title"],
        "artist": ["Björk".encode()],
        "album": [b"Caf\xe9"],
    }


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"RIFF", id="cut"),
        pytest.param(b"fLaC" + bytes(100), id="another format"),
        pytest.param(wave(chunk(b"data", b"abcd")), id="without a list"),
        pytest.param(wave(struct.pack("<4sI", b"data", 0xFFFFFFFF)), id="a length that lies"),
        pytest.param(wave(chunk(b"LIST", b"INFO")), id="an empty list"),
        pytest.param(wave(struct.pack("<4sI", b"LIST", 2) + b"INFO"), id="a list too short"),
        pytest.param(wave(chunk(b"LIST", b"INFO" + b"INA")), id="a value cut in its header"),
        pytest.param(wave(b"\0" * 8 * 1100 + INFO), id="too many chunks"),
    ],
)
def test_nothing_is_found_in_what_is_none(tmp_path: Path, content: bytes):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    assert read_riff_info(path) == {}


def test_a_value_cut_short_is_what_there_is(tmp_path: Path):
    path = tmp_path / "a.wav"
    path.write_bytes(wave(chunk(b"LIST", b"INFO" + struct.pack("<4sI", b"INAM", 99) + b"Tit")))
    assert read_riff_info(path) == {"title": [b"Tit"]}


def test_the_texts_of_aiff_are_found(tmp_path: Path):
    path = tmp_path / "a.aiff"
    chunks = b"".join(
        struct.pack(">4sI", fourcc, len(text)) + text + bytes(len(text) % 2)
        for fourcc, text in [(b"SSND", b"abc"), (b"NAME", b"Title"), (b"AUTH", b"Bj\xf6rk")]
    )
    path.write_bytes(struct.pack(">4sI4s", b"FORM", 4 + len(chunks), b"AIFF") + chunks)
    assert read_riff_info(path) == {"title": [b"Title"], "artist": [b"Bj\xf6rk"]}


def test_all_texts_of_aiff_together_are_bounded(tmp_path: Path):
    path = tmp_path / "a.aiff"
    chunk_of_text = struct.pack(">4sI", b"NAME", 1 << 20) + bytes(1 << 20)
    path.write_bytes(struct.pack(">4sI4s", b"FORM", 4, b"AIFF") + 3 * chunk_of_text)
    assert read_riff_info(path) == {"title": [b"", b"", b""]}
