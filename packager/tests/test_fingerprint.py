import io
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from packager.fingerprint import (
    DUPLICATE_SIMILARITY,
    Fingerprinter,
    FingerprintError,
    decode_fingerprint,
    encode_fingerprint,
    similarity,
)
from packager.pcm import FloatBlock

needs_fpcalc = pytest.mark.skipif(shutil.which("fpcalc") is None, reason="fpcalc is not here")

RATE = 44_100
ITEMS = st.lists(st.integers(0, (1 << 32) - 1), max_size=1000)


def fingerprint_of(samples: FloatBlock, rate: int = RATE, block: int = 1 << 14) -> tuple[int, ...]:
    fingerprinter = Fingerprinter(rate)
    for start in range(0, len(samples), block):
        fingerprinter.add(samples[start : start + block])
    return fingerprinter.finish()


def judged(path: Path) -> tuple[int, ...]:
    """What the command line makes of a file."""
    # Its exit status is not zero for a file that ends before two minutes.
    said = subprocess.run(["fpcalc", "-raw", "-plain", path], capture_output=True, check=False)
    return tuple(int(item) for item in said.stdout.split(b","))


def melody(seconds: float, *, seed: int = 4, rate: int = RATE, channels: int = 2) -> FloatBlock:
    """Chords of three notes with overtones, of random pitch and length."""
    generator = np.random.default_rng(seed)
    parts: list[FloatBlock] = []
    while sum(map(len, parts)) < seconds * rate:
        time = np.arange(round(rate * generator.uniform(0.1, 0.5)))[:, None] / rate
        pitches = 55 * 2 ** (generator.integers(0, 48, 3)[None, :] / 12)
        tones = sum(np.sin(2 * np.pi * k * pitches * time) / k for k in (1, 2, 3))
        parts.append(0.1 * np.exp(-3 * time) * np.asarray(tones).sum(axis=1, keepdims=True))
    mono = np.concatenate(parts)[: round(seconds * rate)]
    return np.asarray(mono * np.linspace(1, 0.6, channels)[None, :], np.float32)


@needs_fpcalc
@pytest.mark.parametrize(
    ("seconds", "rate", "channels"),
    [
        pytest.param(125, 11_025, 1, id="longer than a fingerprint"),
        pytest.param(12, 44_100, 1, id="mono"),
        pytest.param(12, 48_000, 6, id="5.1"),
        pytest.param(12, 8_000, 2, id="8 kHz"),
        pytest.param(12, 11_025, 2, id="the rate of the algorithm"),
        pytest.param(12, 96_000, 2, id="96 kHz"),
        pytest.param(12, 192_000, 2, id="192 kHz"),
        pytest.param(2.9, 44_100, 2, id="hardly long enough"),
    ],
)
def test_a_fingerprint_is_that_of_the_command_line(
    tmp_path: Path, seconds: float, rate: int, channels: int
):
    samples = melody(seconds, rate=rate, channels=channels)
    path = tmp_path / "master.wav"
    soundfile.write(path, samples, rate, subtype="PCM_16")
    ours, theirs = fingerprint_of(samples, rate), judged(path)
    assert len(ours) == len(theirs)
    assert similarity(ours, theirs) > 0.999


def test_however_the_samples_are_cut_the_fingerprint_is_the_same():
    samples = melody(6)
    assert fingerprint_of(samples, block=997) == fingerprint_of(samples, block=1 << 18)


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.4, 0.9, 2.7])
def test_what_is_too_short_has_none(seconds: float):
    assert fingerprint_of(melody(seconds) if seconds else np.zeros((0, 2), np.float32)) == ()


def test_silence_has_a_fingerprint_of_nothing_that_changes():
    assert len(set(fingerprint_of(np.zeros((RATE * 5, 2), np.float32)))) == 1


def as_mp3(samples: FloatBlock) -> FloatBlock:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="MP3", subtype="MPEG_LAYER_III")
    decoded, _ = soundfile.read(io.BytesIO(file.getvalue()), dtype="float32")
    return np.asarray(decoded, np.float32)


ORIGINAL = melody(30)
PRINT = fingerprint_of(ORIGINAL)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(as_mp3(ORIGINAL), id="as MP3"),
        pytest.param(0.1 * ORIGINAL, id="20 dB quieter"),
        pytest.param(ORIGINAL[:, :1], id="one channel"),
        pytest.param(np.concatenate((np.zeros((3 * RATE, 2)), ORIGINAL)), id="after a silence"),
        pytest.param(ORIGINAL[4 * RATE :], id="without the first seconds"),
        pytest.param(ORIGINAL[: -4 * RATE], id="without the last seconds"),
        pytest.param(
            ORIGINAL + np.random.default_rng(1).normal(0, 0.003, ORIGINAL.shape), id="with hiss"
        ),
    ],
)
def test_the_same_recording_is_found_again(other: FloatBlock):
    alike = similarity(PRINT, fingerprint_of(np.asarray(other, np.float32)))
    assert alike >= DUPLICATE_SIMILARITY


def test_it_is_found_again_at_another_rate():
    assert similarity(PRINT, fingerprint_of(melody(30, rate=96_000), 96_000)) > 0.95


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(melody(30, seed=5), id="another melody"),
        pytest.param(ORIGINAL[::-1].copy(), id="backwards"),
        pytest.param(ORIGINAL[: 12 * RATE], id="less than half of it"),
        pytest.param(np.zeros((30 * RATE, 2), np.float32), id="silence"),
        pytest.param(melody(30, seed=5)[: 3 * RATE], id="a jingle"),
    ],
)
def test_another_recording_is_told_apart(other: FloatBlock):
    assert similarity(PRINT, fingerprint_of(other)) < DUPLICATE_SIMILARITY


def test_nothing_is_like_nothing():
    assert similarity((), PRINT) == similarity(PRINT, ()) == similarity((), ()) == 0


@given(one=ITEMS.filter(bool), other=ITEMS)
def test_similarity_is_a_share_and_the_same_both_ways(one: list[int], other: list[int]):
    assert 0 <= similarity(one, other) <= 1
    assert similarity(one, other) == similarity(other, one)
    assert similarity(one, one) == 1


@given(items=ITEMS)
def test_a_file_holds_all_of_it(items: list[int]):
    assert list(decode_fingerprint(encode_fingerprint(items))) == items


def test_a_file_is_little_endian():
    assert encode_fingerprint((1, 0xFFFF_FFFE)) == b"\1\0\0\0\xfe\xff\xff\xff"


@pytest.mark.parametrize("data", [b"\0", b"\0" * 4002, b"\0" * 4004])
def test_other_bytes_are_refused(data: bytes):
    with pytest.raises(FingerprintError):
        decode_fingerprint(data)


def test_a_fingerprint_of_numbers_that_do_not_fit_is_a_mistake():
    with pytest.raises(struct.error):
        encode_fingerprint((1 << 32,))
