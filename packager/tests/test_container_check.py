import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.container_check import ContainerCheck, check_container
from packager.errors import ChannelCountError
from packager.tests.masters import cut, ffmpeg_file, flipped, music, sound_file, wav_header


def check(data: bytes) -> ContainerCheck:
    return check_container(io.BytesIO(data), len(data))


FILES = {
    "wav": sound_file(music()),
    "rf64": sound_file(music(), form="RF64"),
    "wave64": sound_file(music(), form="W64"),
    "aiff": sound_file(music(), form="AIFF"),
    "caf": sound_file(music(), form="CAF"),
    "ogg": sound_file(music(), form="OGG", subtype="VORBIS"),
    "mp3": sound_file(music(), form="MP3", subtype="MPEG_LAYER_III"),
    "m4a": ffmpeg_file(music(), codec="aac", form="ipod"),
    "matroska": ffmpeg_file(music(), codec="flac", form="matroska"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_whole_file_is_whole(name: str):
    assert check(FILES[name]).is_audio_container
    assert check(FILES[name]).tear is None


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_file_that_ends_early_is_noticed(name: str, share: float):
    assert check(cut(FILES[name], at=share)).tear is not None


@pytest.mark.parametrize("name", sorted(set(FILES) - {"caf"}))
def test_a_last_byte_that_is_missing_is_noticed(name: str):
    assert check(FILES[name][:-1]).tear is not None


@pytest.mark.parametrize(
    ("data", "sample"),
    [
        pytest.param(wav_header(data=bytes(4000), announced=4004), 1000, id="one sample short"),
        pytest.param(wav_header(data=bytes(4002), announced=4004), 1000, id="half a sample short"),
        pytest.param(wav_header()[:36], 0, id="before the audio"),
        pytest.param(FILES["m4a"][: FILES["m4a"].index(b"moov") - 4], 0, id="MP4 without a movie"),
        pytest.param(FILES["matroska"][:20], 0, id="Matroska without a segment"),
        pytest.param(FILES["aiff"][:30], 0, id="AIFF without sound"),
    ],
)
def test_the_sample_is_named_where_the_header_tells(data: bytes, sample: int):
    tear = check(data).tear
    assert tear is not None
    assert tear.sample == sample


def test_a_chunk_that_is_larger_than_any_file_is_no_crash():
    data = FILES["wave64"]
    at = data.index(b"fmt ") + 16
    assert check(data[:at] + b"\xff" * 8 + data[at + 8 :]).tear is not None


@pytest.mark.parametrize("announced", [0, 0x7FFF_FFFF, 0xFFFF_FFFF])
def test_a_wav_file_from_a_pipe_has_no_length_to_fall_short_of(announced: int):
    assert check(wav_header(announced=announced)).tear is None


def test_a_wav_file_without_channels_is_refused():
    with pytest.raises(ChannelCountError) as raised:
        check(wav_header(channels=0))
    assert raised.value.channels == 0


def test_the_header_of_an_mp3_tells_its_frames():
    assert check(FILES["mp3"]).mpeg_frames == pytest.approx(20_000 / 1152, abs=2)


def test_an_id3_tag_is_skipped():
    tag = b"ID3\x04\x00\x00\x00\x00\x01\x00" + bytes(128)
    assert check(tag + FILES["mp3"]).mpeg_frames == check(FILES["mp3"]).mpeg_frames
    assert check(tag + FILES["mp3"]).tear is None
    assert check(tag + FILES["mp3"][:-1]).tear is not None


@pytest.mark.parametrize("data", [b"", b"R", b"RIFF", b"ID3", b"fLa", bytes(100), b"\xff\xfb" * 50])
def test_what_is_no_container_is_no_container(data: bytes):
    found = check(data)
    assert not found.is_audio_container
    assert found.tear is None


@given(
    name=st.sampled_from(sorted(FILES)),
    at=st.floats(0, 0.02),
    noise=st.binary(max_size=64),
    keep=st.integers(0, 400),
)
def test_whatever_the_bytes_are_there_is_an_answer(name: str, at: float, noise: bytes, keep: int):
    start = int(len(FILES[name]) * at)
    data = FILES[name][:start] + noise + FILES[name][start + len(noise) : start + keep]
    try:
        assert isinstance(check(flipped(data) if len(data) > 40 else data), ContainerCheck)
    except ChannelCountError as error:
        assert error.channels == 0
