import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.mpeg_check import MpegFrames, is_frame_header, walk_frames
from packager.tests.masters import music, sound_file

MP3 = sound_file(music(100_000), form="MP3", subtype="MPEG_LAYER_III")
NOISE = np.random.default_rng(6).bytes(5000)


def walk(data: bytes, start: int = 0) -> MpegFrames:
    return walk_frames(io.BytesIO(data), start, len(data))


WHOLE = walk(MP3)


def frame_ends(data: bytes) -> list[int]:
    """Where each frame ends: what is cut there has one frame less."""
    counts = [walk(data[:end]).count for end in range(len(data) + 1)]
    return [end for end in range(1, len(data) + 1) if counts[end] > counts[end - 1]]


SHORT = MP3[:3000]
ENDS = frame_ends(SHORT)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 24_000, 32_000, 44_100, 48_000])
def test_every_frame_is_walked(rate: int):
    data = sound_file(music(20_000), rate=rate, form="MP3", subtype="MPEG_LAYER_III")
    found = walk(data)
    per_frame = 576 if rate < 32_000 else 1152
    assert (found.end, found.tear) == (len(data), None)
    assert found.samples == found.count * per_frame
    assert 20_000 <= found.samples < 20_000 + 5 * per_frame


def test_a_walk_may_begin_anywhere():
    assert walk(bytes(77) + MP3, 77).count == WHOLE.count


@pytest.mark.parametrize("garbage", [b"\0", bytes(417), b"ID3", NOISE, b"\xff" * 300])
def test_what_lies_between_two_frames_is_damage_at_its_sample(garbage: bytes):
    end = ENDS[3]
    found = walk(MP3[:end] + garbage + MP3[end:])
    assert (found.count, found.end) == (4, end)
    assert found.tear is not None
    assert found.tear.sample == 4 * 1152


@pytest.mark.parametrize(
    "tail", [b"", b"TAG" + bytes(125), b"APETAGEX" + bytes(300), b"LYRICSBEGIN...", NOISE, bytes(9)]
)
def test_what_lies_behind_the_frames_is_no_damage(tail: bytes):
    assert walk(MP3 + tail) == WHOLE


def test_a_frame_that_the_end_cuts_is_left_to_the_decoder():
    found = walk(MP3[:-1])
    assert (found.count, found.end, found.tear) == (WHOLE.count - 1, len(MP3) - 1, None)


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"\xff\xfb\x00\x00", id="of a length that is not told"),
        pytest.param(b"\xff\xfb\xf0\x00", id="a bit rate that is forbidden"),
        pytest.param(b"\xff\xfb\x9c\x00", id="a sample rate that is reserved"),
        pytest.param(b"\xff\xeb\x90\x00", id="a version that is reserved"),
        pytest.param(b"\xff\xfd\x90\x00", id="layer II"),
        pytest.param(b"\xff\xf1\x50\x80", id="AAC"),
        pytest.param(b"fLaC", id="FLAC"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_other_headers_are_told_apart(head: bytes):
    assert not is_frame_header(head)
    assert is_frame_header(MP3[:4])


@given(at=st.integers(0, len(SHORT)), noise=st.binary(max_size=300), skipped=st.integers(0, 300))
def test_whatever_the_bytes_are_the_walk_ends_within_them(at: int, noise: bytes, skipped: int):
    data = SHORT[:at] + noise + SHORT[at + skipped :]
    found = walk(data)
    assert 0 <= found.end <= len(data)
    assert found.count <= len(data) // 24
