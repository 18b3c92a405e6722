import io
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from packager import errors
from packager.decode import MasterReader, open_master
from packager.encode_flac import encode_flac
from packager.packet_spool import PacketSpool
from packager.pcm import SampleKind
from packager.streaminfo import decode_streaminfo
from packager.tests.masters import (
    FRAMES,
    PADDED,
    cut,
    ffmpeg_file,
    flac_with_speakers,
    flipped,
    music,
    saved,
    sound_file,
    wav_header,
    with_speakers,
)


def read_all(data: bytes) -> tuple[MasterReader, np.ndarray]:
    with open_master(io.BytesIO(data), len(data)) as master:
        return master, np.concatenate(list(master.blocks()))


def pcm(channels: int) -> np.ndarray:
    """Samples of 16 bits, other ones in each channel."""
    return np.round(music(1000, channels) * 32_767).astype(np.int16)


FLAC = sound_file(music(), form="FLAC")
WAV = sound_file(music())
VORBIS = sound_file(music(), form="OGG", subtype="VORBIS")
MP3 = sound_file(music(), form="MP3", subtype="MPEG_LAYER_III")
M4A = ffmpeg_file(music(), codec="aac", form="ipod")
WAVPACK = ffmpeg_file(music(), codec="wavpack", form="wv")


@pytest.mark.parametrize(
    ("data", "codec", "container", "kind"),
    [
        pytest.param(WAV, "pcm_s16le", "wav", SampleKind.S16, id="WAV"),
        pytest.param(FLAC, "flac", "flac", SampleKind.S16, id="FLAC"),
        pytest.param(sound_file(music(), form="AIFF"), "pcm_s16be", "aiff", "s16", id="AIFF"),
        pytest.param(sound_file(music(), form="CAF"), "pcm_s16be", "caf", "s16", id="CAF"),
        pytest.param(sound_file(music(), form="W64"), "pcm_s16le", "w64", "s16", id="Wave64"),
        pytest.param(sound_file(music(), form="AU"), "pcm_s16be", "au", "s16", id="AU"),
        pytest.param(
            sound_file(music(), form="FLAC", subtype="PCM_24"), "flac", "flac", "s24", id="FLAC 24"
        ),
        pytest.param(sound_file(music(), subtype="PCM_U8"), "pcm_u8", "wav", "u8", id="WAV 8"),
        pytest.param(sound_file(music(), subtype="PCM_32"), "pcm_s32le", "wav", "s32", id="WAV 32"),
        pytest.param(sound_file(music(), subtype="FLOAT"), "pcm_f32le", "wav", "float", id="float"),
        pytest.param(sound_file(music(), subtype="DOUBLE"), "pcm_f64le", "wav", "float", id="f64"),
        pytest.param(VORBIS, "vorbis", "ogg", SampleKind.FLOAT, id="Vorbis"),
        pytest.param(MP3, "mp3float", "mp3", SampleKind.FLOAT, id="MP3"),
        pytest.param(WAVPACK, "wavpack", "wv", SampleKind.S16, id="WavPack"),
        pytest.param(
            ffmpeg_file(music(), codec="alac", form="ipod"), "alac", "mov", "s24", id="ALAC"
        ),
        pytest.param(
            ffmpeg_file(music(), codec="flac", form="matroska"), "flac", "matroska", "s16", id="MKV"
        ),
        pytest.param(ffmpeg_file(music(), codec="tta", form="tta"), "tta", "tta", "u8", id="TTA"),
    ],
)
def test_audio_is_read_to_the_last_sample(data: bytes, codec: str, container: str, kind: str):
    master, samples = read_all(data)
    form = master.format
    assert (form.codec, form.container, form.kind) == (codec, container, kind)
    assert (form.sample_rate_hz, form.channels, form.layout) == (44_100, 2, "stereo")
    assert master.samples == len(samples) == FRAMES


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("channels", [1, 2, 6, 8])
def test_samples_are_those_of_another_decoder(subtype: str, channels: int):
    data = sound_file(music(5000, channels), subtype=subtype)
    expected, _ = soundfile.read(io.BytesIO(data), dtype="float64", always_2d=True)
    _, samples = read_all(data)
    scale = {"u1": 128, "i2": 1 << 15, "i4": 1 << 31, "f4": 1, "f8": 1}[samples.dtype.str[1:]]
    zero = 128 if subtype == "PCM_U8" else 0
    assert np.array_equal((samples.astype(np.float64) - zero) / scale, expected)


def test_planar_samples_of_eight_channels_are_interleaved():
    samples = np.tile(np.arange(8) / 10, (6000, 1))
    data = sound_file(samples, form="FLAC", subtype="PCM_24")
    _, read = read_all(data)
    assert np.allclose(read / (1 << 31), samples, atol=1e-6)


TORN: dict[str, tuple[bytes, Callable[[int], bool]]] = {
    "truncated FLAC": (cut(FLAC), lambda sample: sample % 4096 == 0 and 0 < sample < FRAMES),
    "FLAC without its last byte": (FLAC[:-1], lambda sample: sample == FRAMES // 4096 * 4096),
    "flipped bytes in FLAC": (flipped(FLAC), lambda sample: sample in (8192, 12288)),
    "FLAC that ends at a frame": (FLAC[: FLAC.rindex(b"\xff\xf8")], lambda sample: sample > 16000),
    "truncated WAV": (cut(WAV), lambda sample: sample == (len(cut(WAV)) - 44) // 4),
    "truncated Vorbis": (cut(VORBIS), lambda sample: 0 <= sample < FRAMES),
    "flipped bytes in Vorbis": (flipped(VORBIS), lambda sample: 0 <= sample < FRAMES),
    "truncated MP3": (cut(MP3), lambda sample: 10_000 < sample < FRAMES),
    "truncated MP4, movie last": (cut(M4A), lambda sample: sample == 0),
    "truncated WavPack": (cut(WAVPACK), lambda sample: 0 <= sample < FRAMES),
    "truncated TTA": (
        cut(ffmpeg_file(music(90_000), codec="tta", form="tta")),
        lambda sample: sample == 44_100 * 256 // 245,  # The format's fixed frame.
    ),
    "truncated Matroska": (
        cut(ffmpeg_file(music(), codec="flac", form="matroska")),
        lambda sample: 0 < sample < FRAMES,
    ),
    "truncated ADTS": (
        cut(ffmpeg_file(music(), codec="aac", form="adts")),
        lambda sample: 0 < sample < FRAMES,
    ),
    "a FLAC header and nothing else": (FLAC[:42], lambda sample: sample == 0),
    "a damaged WAV header": (WAV[:12] + bytes(40) + WAV[52:], lambda sample: sample == 0),
}


@pytest.mark.parametrize("name", TORN)
def test_a_torn_master_is_refused_at_its_sample(name: str):
    data, is_place = TORN[name]
    with pytest.raises(errors.TornMasterError) as raised:
        read_all(data)
    assert is_place(raised.value.sample), raised.value
    assert str(raised.value.sample) in str(raised.value)


@settings(max_examples=60, deadline=None)
@given(
    data=st.sampled_from([FLAC, WAV, VORBIS, MP3, M4A, WAVPACK]),
    places=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=4),
    end=st.floats(0, 1),
)
def test_whatever_the_bytes_are_they_are_read_or_refused(
    data: bytes, places: list[tuple[float, int]], end: float
):
    damaged = bytearray(data)
    for place, value in places:
        damaged[int(place**4 * (len(data) - 1))] = value  # Mostly in the headers.
    try:
        master, samples = read_all(bytes(damaged[: int(end * len(data)) if end < 0.5 else None]))
    except errors.PackagerError as error:
        assert error.advice
    else:
        assert master.samples == len(samples) > 0


@pytest.mark.parametrize("form", ["W64", "CAF"])
@pytest.mark.parametrize("seed", range(6))
def test_a_chunk_behind_the_audio_that_leads_before_the_start_of_the_file_is_no_crash(
    tmp_path: Path, form: str, seed: int
):
    garbage = np.random.default_rng(seed).bytes(2000)
    path = saved(tmp_path, sound_file(music(), form=form) + garbage)
    with path.open("rb") as file, open_master(file, path.stat().st_size) as master:
        assert sum(map(len, master.blocks())) == FRAMES


@pytest.mark.parametrize(
    ("box", "kind"),
    [
        pytest.param(b"stsz", errors.NoSamplesError, id="sizes"),
        pytest.param(b"stco", errors.NoSamplesError, id="places"),
        pytest.param(b"stts", errors.TornMasterError, id="times"),
        pytest.param(b"stsc", errors.TornMasterError, id="chunks"),
    ],
)
def test_a_table_of_absurd_length_is_the_masters_fault_and_no_lack_of_memory(
    box: bytes, kind: type[errors.MasterError]
):
    at = M4A.index(box) + 8
    with pytest.raises(kind):
        read_all(M4A[:at] + b"\x7f" + b"\xff" * 7 + M4A[at + 8 :])


@pytest.mark.parametrize("lost", [1, 3])
def test_a_frame_of_flac_that_is_missing_is_noticed_at_its_first_sample(lost: int):
    spool = PacketSpool(io.BytesIO())
    samples = np.round(music() * 32_767).astype("<i2")
    track = encode_flac([samples], sample_rate_hz=44_100, channels=2, bits=16, spool=spool).track
    packets = list(spool.packets())
    whole, holed = (
        b"fLaC" + bytes([0x80, 0, 0, 34]) + track.config + b"".join(kept)
        for kept in (packets, packets[:lost] + packets[lost + 1 :])
    )
    assert np.array_equal(read_all(whole)[1], samples)
    with pytest.raises(errors.TornMasterError) as raised:
        read_all(holed)
    assert raised.value.sample == lost * track.frame_samples


def test_an_md5_that_differs_is_refused_though_every_frame_is_sound():
    info = decode_streaminfo(FLAC[8:42])
    assert info is not None
    data = FLAC.replace(info.md5, bytes(range(16)))
    with pytest.raises(errors.TornMasterError, match="MD5"):
        read_all(data)
    assert read_all(FLAC.replace(info.md5, bytes(16)))[0].samples == FRAMES


def test_frames_that_a_xing_header_counts_and_the_file_lacks_are_noticed():
    tag = MP3.index(b"Info") if b"Info" in MP3[:200] else MP3.index(b"Xing")
    frames = int.from_bytes(MP3[tag + 8 : tag + 12], "big")
    data = MP3[: tag + 8] + (frames + 5).to_bytes(4, "big") + MP3[tag + 12 :]
    with pytest.raises(errors.TornMasterError, match="frames are announced"):
        read_all(data)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_sample_that_is_no_number_is_refused_at_its_place(bad: float):
    samples = music(30_000)
    samples[17_001, 1] = bad
    with pytest.raises(errors.TornMasterError) as raised:
        read_all(sound_file(samples, subtype="FLOAT"))
    assert raised.value.sample == 17_001


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"hello, this is a text\n" * 50, id="a text"),
        pytest.param(np.random.default_rng(3).bytes(60_000), id="noise"),
        pytest.param(bytes(10_000), id="zeros"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(2000), id="a picture"),
        pytest.param(b"%PDF-1.7\n" + bytes(2000), id="a document"),
        pytest.param(b"\x7fELF\x02\x01\x01" + bytes(2000), id="a program"),
        pytest.param(b"ffconcat version 1.0\nfile '/etc/hostname'\n", id="a concat script"),
        pytest.param(
            b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/hostname\n", id="a playlist"
        ),
        pytest.param(b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n", id="a session"),
        pytest.param(b"x", id="one byte"),
        pytest.param(b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(500), id="a tag and nothing else"),
    ],
)
def test_what_is_not_audio_is_refused_as_such(data: bytes):
    with pytest.raises((errors.NotAudioError, errors.TornMasterError)) as raised:
        read_all(data)
    assert raised.value.reason == ("torn_master" if data[:3] == b"ID3" else "not_audio")


def film(*, form: str, audio: str = "") -> bytes:
    """A second of pictures, with or without sound."""
    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        pictures = container.add_stream("mpeg4", rate=25)
        assert isinstance(pictures, av.VideoStream)
        pictures.width = pictures.height = 64
        pictures.pix_fmt = "yuv420p"
        sound = container.add_stream(audio, rate=44_100) if audio else None
        for number in range(25):
            frame = av.VideoFrame(64, 64, "yuv420p")
            frame.pts = number
            container.mux(pictures.encode(frame))
        container.mux(pictures.encode(None))
        if isinstance(sound, av.AudioStream):
            samples = np.round(music(44_100).T * 32_767).astype(np.int16)
            tone = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(samples.T).reshape(1, -1), format="s16", layout="stereo"
            )
            tone.sample_rate = 44_100
            container.mux(sound.encode(tone))
            container.mux(sound.encode(None))
    return file.getvalue()


@pytest.mark.parametrize("form", ["matroska", "mp4", "avi", "mpegts"])
def test_a_film_without_sound_is_not_audio(form: str):
    with pytest.raises(errors.NotAudioError, match="no audio in it"):
        read_all(film(form=form))


@pytest.mark.parametrize(
    ("form", "codec"), [("matroska", "pcm_s16le"), ("mp4", "aac"), ("avi", "pcm_s16le")]
)
def test_a_film_is_taken_for_its_sound(form: str, codec: str):
    master, samples = read_all(film(form=form, audio=codec))
    assert master.format.codec == codec
    assert 44_100 <= len(samples) < 44_100 + 3 * 1024


def unsized(data: bytes, mark: bytes, size: bytes) -> bytes:
    """The file as it is when it was written to a pipe: without the length behind `mark`."""
    at = data.index(mark) + len(mark)
    return data[:at] + size + data[at + len(size) :]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(unsized(WAV, b"data", b"\xff" * 4), id="WAV"),
        pytest.param(unsized(WAV, b"data", bytes(4)), id="WAV of size 0"),
        pytest.param(unsized(sound_file(music(), form="CAF"), b"data", b"\xff" * 8), id="CAF"),
        pytest.param(
            unsized(sound_file(music(), form="AU"), b".snd\0\0\0\x18", b"\xff" * 4), id="AU"
        ),
    ],
)
def test_what_came_from_a_pipe_is_read_to_its_end(data: bytes):
    assert read_all(data)[0].samples == FRAMES


@pytest.mark.parametrize(
    "tail",
    [
        pytest.param(b"TAG" + bytes(125), id="an old ID3 tag"),
        pytest.param(b"LYRICSBEGIN" + b"la la la " * 99 + b"000902LYRICS200", id="lyrics"),
        pytest.param(b"APETAGEX" + bytes(500), id="an APE tag"),
        pytest.param(np.random.default_rng(3).bytes(9000), id="garbage"),
        pytest.param(bytes(9000), id="zeros"),
    ],
)
def test_what_is_behind_the_last_frame_of_an_mp3_changes_nothing(tail: bytes):
    assert np.array_equal(read_all(MP3 + tail)[1], read_all(MP3)[1])


@pytest.mark.parametrize("garbage", [b"\0", bytes(5000), np.random.default_rng(3).bytes(700)])
def test_garbage_between_the_frames_of_an_mp3_is_refused_at_its_sample(garbage: bytes):
    half = len(MP3) // 2
    with pytest.raises(errors.TornMasterError) as raised:
        read_all(MP3[:half] + garbage + MP3[half:])
    assert raised.value.sample == pytest.approx(FRAMES / 2, abs=3 * 1152)


def test_a_megabyte_of_tags_with_nul_in_them_is_passed_over():
    text = b"\3" + b"A\0" * (1 << 19)
    size = bytes(len(text) >> shift & 0x7F for shift in (21, 14, 7, 0))
    frame = b"TIT2" + size + b"\0\0" + text
    whole = bytes(len(frame) >> shift & 0x7F for shift in (21, 14, 7, 0))
    tag = b"ID3\x04\0\0" + whole + frame
    assert read_all(tag + MP3)[0].samples == FRAMES
    chunk = b"id3 " + struct.pack("<I", len(tag) + len(tag) % 2) + tag + bytes(len(tag) % 2)
    assert read_all(WAV + chunk)[0].samples == FRAMES
    info = b"INFOINAM" + struct.pack("<I", len(text)) + text
    assert read_all(WAV + b"LIST" + struct.pack("<I", len(info)) + info)[0].samples == FRAMES


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        pytest.param(b"", errors.EmptyMasterError, id="empty"),
        pytest.param(wav_header(data=b""), errors.NoSamplesError, id="no samples"),
        pytest.param(wav_header(channels=0), errors.ChannelCountError, id="no channels"),
        pytest.param(
            wav_header(channels=9, data=bytes(1800)), errors.ChannelCountError, id="9 channels"
        ),
        pytest.param(
            wav_header().replace(b"fmt \x10\0\0\0\x01\0", b"fmt \x10\0\0\0\xee\xee"),
            errors.UnsupportedMasterError,
            id="an unknown codec",
        ),
        pytest.param(wav_header(rate=7999), errors.SampleRateError, id="7999 Hz"),
        pytest.param(wav_header(rate=192_001), errors.SampleRateError, id="192001 Hz"),
    ],
)
def test_what_is_not_supported_is_refused_with_advice(data: bytes, kind: type[errors.MasterError]):
    with pytest.raises(kind) as raised:
        read_all(data)
    assert raised.value.advice
    assert raised.value.status == 422


@pytest.mark.parametrize(
    ("mask", "channels", "layout"),
    [
        (0x0, 3, "3.0"),
        (0x0, 8, "7.1"),
        (0x1, 1, "mono"),
        (0x8, 1, "mono"),
        (0x7, 3, "3.0"),
        (0x603, 4, "quad(side)"),
        (0x607, 5, "5.0(side)"),
        (0x3F, 6, "5.1"),
        (0x60F, 6, "5.1(side)"),
        (0x70F, 7, "6.1"),
        (0x63F, 8, "7.1"),
    ],
)
def test_a_layout_that_flac_has_is_taken(mask: int, channels: int, layout: str):
    samples = pcm(channels)
    reader, found = read_all(with_speakers(samples, mask))
    assert (reader.format.layout, reader.format.silent) == (layout, ())
    assert np.array_equal(found, samples)


@pytest.mark.parametrize(("mask", "channels", "layout", "places"), PADDED)
def test_a_layout_that_flac_lacks_is_padded_with_silence(
    mask: int, channels: int, layout: str, places: tuple[int, ...]
):
    samples = pcm(channels)
    reader, found = read_all(with_speakers(samples, mask))
    form = reader.format
    assert (form.layout, form.channels) == (layout, found.shape[1])
    assert np.array_equal(found[:, places], samples)
    assert not found[:, form.silent].any()
    assert sorted((*places, *form.silent)) == list(range(form.channels))


def test_the_silence_of_8_bits_is_in_the_middle_of_them():
    samples = (pcm(3) >> 8).astype(np.int16) + 128
    reader, found = read_all(with_speakers(samples.astype(np.uint8), 0xB))
    assert reader.format.kind is SampleKind.U8
    assert np.array_equal(found[:, (0, 1, 3)], samples)
    assert (found[:, reader.format.silent] == 128).all()


def test_the_md5_of_flac_is_that_of_the_channels_it_has():
    samples = pcm(3)
    data = flac_with_speakers(samples, 0xB)
    reader, found = read_all(data)
    assert (reader.format.codec, reader.format.layout) == ("flac", "5.1")
    assert np.array_equal(found[:, (0, 1, 3)], samples)
    info = decode_streaminfo(data[8:42])
    assert info is not None
    with pytest.raises(errors.TornMasterError, match="MD5"):
        read_all(data.replace(info.md5, bytes(range(16))))


@pytest.mark.parametrize(
    ("mask", "channels", "layout"),
    [
        pytest.param(0xFF, 8, "7.1(wide)", id="7.1 wide"),
        pytest.param(0x6CF, 8, "7.1(wide-side)", id="7.1 wide at the sides"),
        pytest.param(0x6C3, 6, "6.0(front)", id="6.0 front"),
        pytest.param(0x737, 8, "octagonal", id="three pairs and two centers"),
        pytest.param(0x5003, 4, "4 channels (FL+FR+TFL+TFR)", id="heights, without a name"),
    ],
)
def test_a_layout_that_flac_cannot_tell_is_refused(mask: int, channels: int, layout: str):
    with pytest.raises(errors.ChannelLayoutError) as raised:
        read_all(with_speakers(pcm(channels), mask))
    assert raised.value.layout == layout
    assert "5.1" in raised.value.advice


@pytest.mark.parametrize("rate", [8_000, 192_000])
def test_the_bounds_of_the_sample_rate_are_accepted(rate: int):
    assert read_all(wav_header(rate=rate))[0].format.sample_rate_hz == rate


def test_a_master_of_more_than_12_hours_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("packager.decode.DURATION_S_MAX", 1)
    at_most = sound_file(music(8_000), rate=8_000)
    assert read_all(at_most)[0].samples == 8_000
    with pytest.raises(errors.MasterTooLongError):
        read_all(sound_file(music(8_001), rate=8_000))


def test_a_master_that_changes_its_format_midway_is_refused():
    chained = VORBIS + sound_file(music(), rate=48_000, form="OGG", subtype="VORBIS")
    with pytest.raises(errors.MasterError):
        read_all(chained)


PLAYLISTS = {
    "concat": "ffconcat version 1.0\nfile {}\n",
    "M3U": "#EXTM3U\n#EXTINF:9,name\n{}\n",
    "HLS": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXT-X-ENDLIST\n#EXTINF:9,\n{}\n",
    "PLS": "[playlist]\nFile1={}\nNumberOfEntries=1\n",
    "XSPF": '<?xml version="1.0"?><playlist version="1" xmlns="http://xspf.org/ns/0/">'
    "<trackList><track><location>{}</location></track></trackList></playlist>",
    "ASX": '<asx version="3.0"><entry><ref href="{}"/></entry></asx>',
    "ASF": "[Reference]\r\nRef1={}\r\n",
    "DASH": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period>'
    '<AdaptationSet mimeType="audio/mp4"><Representation id="a" bandwidth="1">'
    "<BaseURL>{}</BaseURL></Representation></AdaptationSet></Period></MPD>",
    "CUE": 'FILE "{}" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n',
}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_no_file_of_a_playlist_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    (tmp_path / "other.wav").write_bytes(WAV)
    monkeypatch.chdir(tmp_path)
    for target in ("other.wav", f"file://{tmp_path}/other.wav"):
        with pytest.raises(errors.NotAudioError):
            read_all(PLAYLISTS[name].format(target).encode())


@pytest.mark.socket
@pytest.mark.parametrize("name", PLAYLISTS)
def test_no_address_of_a_playlist_is_asked(name: str):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(errors.NotAudioError):
            read_all(PLAYLISTS[name].format(f"http://127.0.0.1:{port}/a.wav").encode())
        listener.settimeout(0)
        with pytest.raises(BlockingIOError):
            listener.accept()
