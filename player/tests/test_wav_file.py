import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from player.decoder import PcmFormat
from player.errors import OutputError
from player.wav_file import WavWriter, encode_wav_header, open_wav

NOISE = np.random.default_rng(1).integers(-(2**23), 2**23, (101, 6))


@pytest.mark.parametrize("channels", [1, 2, 3, 6])
@pytest.mark.parametrize(
    ("pcm_format", "subtype"),
    [
        pytest.param(PcmFormat.S16, "PCM_16", id="16 bits"),
        pytest.param(PcmFormat.S32, "PCM_24", id="24 bits"),
        pytest.param(PcmFormat.F32, "FLOAT", id="float"),
    ],
)
def test_what_is_written_is_read_by_libsndfile(
    tmp_path: Path, channels: int, pcm_format: PcmFormat, subtype: str
):
    whole = NOISE[:, :channels]
    samples = {
        PcmFormat.S16: (whole >> 8).astype("<i2"),
        PcmFormat.S32: (whole << 8).astype("<i4"),
        PcmFormat.F32: (whole / 2**23).astype("<f4"),
    }[pcm_format]
    path = tmp_path / "x.wav"
    with open_wav(
        path, pcm_format, sample_rate_hz=48_000, channels=channels, samples=len(samples)
    ) as wav:
        wav.write(samples[:40])
        wav.write(samples[40:])
    info = soundfile.info(path)
    assert (info.samplerate, info.channels, info.frames) == (48_000, channels, 101)
    assert info.subtype == subtype
    dtype = {"PCM_16": "int16", "PCM_24": "int32", "FLOAT": "float32"}[subtype]
    read, _ = soundfile.read(path, dtype=dtype, always_2d=True)
    assert np.array_equal(read, samples)
    assert path.stat().st_size % 2 == 0


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    path = tmp_path / "x.wav"
    path.write_bytes(b"old")

    def fail_while_writing() -> None:
        with open_wav(path, PcmFormat.S16, sample_rate_hz=8_000, channels=1, samples=2) as wav:
            wav.write(np.zeros((1, 1), dtype="<i2"))
            raise KeyError("stop")

    with pytest.raises(KeyError):
        fail_while_writing()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "prepare",
    [
        pytest.param(lambda folder: folder / "missing" / "x.wav", id="no folder"),
        pytest.param(lambda folder: folder, id="a folder is there"),
    ],
)
def test_a_place_that_cannot_be_written_is_an_error_of_the_output(
    tmp_path: Path, prepare: Callable[[Path], Path]
):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "inhabited").touch()
    with (
        pytest.raises(OutputError),
        open_wav(prepare(folder), PcmFormat.S16, sample_rate_hz=8_000, channels=1, samples=0),
    ):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_full_disk_is_an_error_of_the_output():
    with Path("/dev/full").open("wb", buffering=0) as file, pytest.raises(OutputError):
        WavWriter(file, PcmFormat.S16).write(np.zeros((10, 1), dtype="<i2"))


def test_a_file_above_4_gib_is_rf64():
    samples = 2**31
    header = encode_wav_header(PcmFormat.S16, sample_rate_hz=44_100, channels=2, samples=samples)
    assert header[:4] == b"RF64"
    assert header[12:16] == b"ds64"
    riff, data, frames = struct.unpack_from("<QQQ", header, 20)
    assert (data, frames) == (4 * samples, samples)
    assert riff == len(header) - 8 + data
    below = encode_wav_header(PcmFormat.S16, sample_rate_hz=44_100, channels=2, samples=1000)
    assert below[:4] == b"RIFF"
    assert int.from_bytes(below[4:8], "little") == len(below) - 8 + 4000
