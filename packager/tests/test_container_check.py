import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.container_check import ContainerCheck, check_container
from packager.errors import ChannelCountError, SampleFormatError
from packager.tests.masters import cut, ffmpeg_file, flipped, music, sound_file, wav_header


def check(data: bytes) -> ContainerCheck:
    return check_container(io.BytesIO(data), len(data))


FILES = {
    "wav": sound_file(music()),
    "rf64": sound_file(music(), form="RF64"),
    "wave64": sound_file(music(), form="W64"),
    "aiff": sound_file(music(), form="AIFF"),
    "caf": sound_file(music(), form="CAF"),
    "au": sound_file(music(), form="AU"),
    "ogg": sound_file(music(), form="OGG", subtype="VORBIS"),
    "mp3": sound_file(music(), form="MP3", subtype="MPEG_LAYER_III"),
    "m4a": ffmpeg_file(music(), codec="aac", form="ipod"),
    "matroska": ffmpeg_file(music(), codec="flac", form="matroska"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_whole_file_is_whole(name: str):
    assert check(FILES[name]).is_audio_container
    assert check(FILES[name]).tear is None


def test_a_header_of_matroska_that_no_file_can_hold_is_torn(tmp_path: Path):
    data = b"\x1a\x45\xdf\xa3\x01" + b"\xfe" * 7 + FILES["matroska"][12:]
    path = tmp_path / "master.mka"
    path.write_bytes(data)
    with path.open("rb") as file:
        assert check_container(file, len(data)).tear is not None


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


def patched(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


CAF_SIZE = FILES["caf"].index(b"data") + 4


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(wav_header(announced=0), id="WAV of size 0"),
        pytest.param(wav_header(announced=0x7FFF_FFFF), id="WAV of 2 GiB"),
        pytest.param(wav_header(announced=0xFFFF_FFFF), id="WAV of 4 GiB"),
        pytest.param(patched(FILES["caf"], CAF_SIZE, b"\xff" * 8), id="CAF"),
        pytest.param(patched(FILES["au"], 8, b"\xff" * 4), id="AU"),
    ],
)
def test_a_file_from_a_pipe_has_no_length_to_fall_short_of(data: bytes):
    found = check(data)
    assert found.is_open_ended
    assert found.tear is None
    assert check(cut(data)).tear is None


MUSIC = FILES["wav"][44:]


@pytest.mark.parametrize(
    "tail",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"LIST\x04\0\0\0INFO", id="a list"),
        pytest.param(b"LIST\xff\xff\xff\xffINFO", id="a list that lies"),
        pytest.param(b"ID3\x04\0\0\0\0\0\0", id="an ID3 tag"),
        pytest.param(b"TAG\xe9" + bytes(124), id="an old ID3 tag"),
        pytest.param(bytes(2048), id="padding"),
        pytest.param(b"\1\2\3", id="a few bytes"),
    ],
)
@pytest.mark.parametrize("size", [4000, 3999])
def test_what_may_follow_the_audio_of_a_wav_file(tail: bytes, size: int):
    data = wav_header(data=MUSIC[:size] + tail, announced=size, channels=1, bits=8)
    assert check(data).tear is None
    padded = wav_header(data=MUSIC[:size] + b"\0" + tail, announced=size, channels=1, bits=8)
    assert size % 2 == 0 or check(padded).tear is None


@pytest.mark.parametrize(
    "tail",
    [
        pytest.param(MUSIC[4000:], id="the rest of the audio"),
        pytest.param(bytes(100_000), id="a long silence"),
        pytest.param(b"data\x08\0\0\0" + MUSIC[:8], id="another data chunk"),
    ],
)
def test_a_wav_file_that_announces_less_than_it_has_is_refused(tail: bytes):
    tear = check(wav_header(data=MUSIC[:4000] + tail, announced=4000)).tear
    assert tear is not None
    assert tear.sample == 1000


DS64 = FILES["rf64"].index(b"ds64") + 16


@pytest.mark.parametrize(
    "announced", [0, 4000, len(MUSIC) + 4, 1 << 63, (1 << 64) - 1], ids="{:#x}".format
)
def test_an_rf64_file_whose_size_lies_is_refused(announced: int):
    lying = patched(FILES["rf64"], DS64, announced.to_bytes(8, "little"))
    assert check(lying).tear is not None


@pytest.mark.parametrize(
    ("at", "value"),
    [
        pytest.param(32, b"\0\0", id="frames of no bytes"),
        pytest.param(32, b"\3\0", id="frames of 3 bytes"),
        pytest.param(32, b"\xff\xff", id="frames of 65535 bytes"),
        pytest.param(34, b"\0\0", id="0 bits"),
        pytest.param(34, b"\x18\0", id="24 bits in 2 bytes"),
        pytest.param(34, b"\xff\xff", id="65535 bits"),
        pytest.param(22, b"\3\0", id="three channels in the room of two"),
    ],
)
def test_a_wav_header_that_contradicts_itself_is_refused(at: int, value: bytes):
    with pytest.raises(SampleFormatError, match="channels of"):
        check(patched(FILES["wav"], at, value))


@pytest.mark.parametrize("at", [4, 28])
def test_a_wav_header_may_lie_about_what_nobody_needs(at: int):
    assert check(patched(FILES["wav"], at, b"\1\0\0\0")).tear is None


def test_a_wav_file_without_channels_is_refused():
    with pytest.raises(ChannelCountError) as raised:
        check(wav_header(channels=0))
    assert raised.value.channels == 0


def test_the_header_of_an_mp3_tells_its_frames():
    assert check(FILES["mp3"]).mpeg_frames == pytest.approx(20_000 / 1152, abs=2)


def test_the_audio_of_an_mp3_ends_before_its_tags():
    tag = b"LYRICSBEGIN" + bytes(90) + b"TAG" + bytes(125)
    assert check(FILES["mp3"]).audio_end is None
    assert check(FILES["mp3"] + tag).audio_end == len(FILES["mp3"])


def test_garbage_within_an_mp3_is_a_tear_unless_all_frames_that_were_announced_came_before():
    half = len(FILES["mp3"]) // 2
    tear = check(FILES["mp3"][:half] + b"junk" + FILES["mp3"][half:]).tear
    assert tear is not None
    assert check(FILES["mp3"] + b"junk" + FILES["mp3"]).tear is None


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
    except (ChannelCountError, SampleFormatError) as error:
        assert error.advice
