import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.pcm import (
    Block,
    HiddenDepthError,
    NotFiniteError,
    SampleKind,
    quantizer_of,
    rechunk,
    refuse_not_finite,
    to_float,
)


@pytest.mark.parametrize(
    ("kind", "block", "expected"),
    [
        pytest.param(
            SampleKind.U8,
            np.array([[0, 128, 255]], np.uint8),
            [[-32768, 0, 127 * 256]],
            id="8 bits become 16",
        ),
        pytest.param(
            SampleKind.S16,
            np.array([[-32768, 32767]], np.int16),
            [[-32768, 32767]],
            id="16 bits stay",
        ),
        pytest.param(
            SampleKind.S24,
            np.array([[-(1 << 31), 256]], np.int32),
            [[-(1 << 31), 256]],
            id="24 bits stay, in 32 with a low byte of zero",
        ),
    ],
)
def test_integers_of_up_to_24_bits_are_kept(kind: SampleKind, block: np.ndarray, expected: object):
    quantized = quantizer_of(kind, seed=b"any").quantize(block)
    assert quantized.tolist() == expected
    assert quantized.dtype.itemsize * 8 == (16 if kind.bits == 16 else 32)
    assert kind.is_kept


def test_samples_taken_for_24_bits_that_use_32_are_noticed():
    with pytest.raises(HiddenDepthError):
        quantizer_of(SampleKind.S24, seed=b"").quantize(np.array([[256, 257]], np.int32))


@pytest.mark.parametrize(
    ("kind", "block"),
    [
        pytest.param(SampleKind.FLOAT, np.full((40_000, 1), 0.25, np.float32), id="float"),
        pytest.param(SampleKind.FLOAT, np.full((40_000, 1), 0.25, np.float64), id="double"),
        pytest.param(SampleKind.S32, np.full((40_000, 1), 1 << 29, np.int32), id="32-bit integers"),
    ],
)
def test_dither_is_triangular_around_the_sample(kind: SampleKind, block: np.ndarray):
    quantized = quantizer_of(kind, seed=b"seed").quantize(block)
    assert (quantized & 0xFF == 0).all()
    steps = (quantized >> 8).astype(float) - (1 << 21)
    assert set(np.unique(steps)) <= {-1.0, 0.0, 1.0}
    assert abs(steps.mean()) < 0.02
    # Rounding a triangular density of two steps: a quarter of the noise power of a step, and that
    # does not depend on the sample.
    assert 0.2 < steps.var() < 0.3
    assert not kind.is_kept


def test_dither_follows_from_the_seed_alone():
    block = np.linspace(-0.5, 0.5, 2000, dtype=np.float32).reshape(-1, 2)
    first, again, other = (
        quantizer_of(SampleKind.FLOAT, seed=seed).quantize(block).tobytes()
        for seed in (b"one", b"one", b"two")
    )
    assert first == again != other


@given(cuts=st.lists(st.integers(1, 299), max_size=5))
def test_dither_does_not_depend_on_how_the_samples_are_cut(cuts: list[int]):
    block = np.linspace(-1, 1, 600, dtype=np.float32).reshape(-1, 2)
    whole = quantizer_of(SampleKind.FLOAT, seed=b"s").quantize(block)
    quantizer = quantizer_of(SampleKind.FLOAT, seed=b"s")
    parts = [quantizer.quantize(part) for part in np.split(block, sorted(cuts)) if len(part)]
    assert np.array_equal(np.concatenate(parts), whole)


def test_overs_are_clipped_to_24_bits():
    block = np.array([[1.5, -1.5]], np.float32)
    quantized = quantizer_of(SampleKind.FLOAT, seed=b"s").quantize(block)
    assert quantized.tolist() == [[((1 << 23) - 1) << 8, -(1 << 31)]]


@pytest.mark.parametrize(
    ("bad", "dtype"),
    [
        (np.nan, np.float32),
        (np.inf, np.float32),
        (-np.inf, np.float32),
        (np.nan, np.float64),
        pytest.param(1e39, np.float64, id="beyond single precision"),
    ],
)
def test_what_is_not_finite_is_refused_with_its_place(bad: float, dtype: type):
    block: Block = np.zeros((10, 2), dtype)
    block[7, 1] = bad
    with pytest.raises(NotFiniteError) as raised:
        quantizer_of(SampleKind.FLOAT, seed=b"s").quantize(block)
    assert raised.value.frame == 7


def test_the_largest_number_is_finite():
    refuse_not_finite(np.full((2, 2), np.finfo(np.float32).max, np.float32))


@pytest.mark.parametrize(
    ("kind", "value", "dtype", "expected"),
    [
        (SampleKind.U8, 0, np.uint8, -1.0),
        (SampleKind.S16, 1 << 14, np.int16, 0.5),
        (SampleKind.S24, -(1 << 31), np.int32, -1.0),
        (SampleKind.S32, 1 << 30, np.int32, 0.5),
        (SampleKind.FLOAT, 1.75, np.float64, 1.75),
    ],
)
def test_full_scale_is_one_and_nothing_is_clipped(
    kind: SampleKind, value: float, dtype: type, expected: object
):
    floats = to_float(np.array([[value]], dtype), kind)
    assert floats.dtype == np.float32
    assert floats.tolist() == [[expected]]


@given(sizes=st.lists(st.integers(1, 50), max_size=12), frames=st.integers(1, 40))
def test_rechunking_keeps_every_sample(sizes: list[int], frames: int):
    total = sum(sizes)
    samples = np.arange(2 * total).reshape(-1, 2)
    blocks = np.split(samples, np.cumsum(sizes)[:-1]) if sizes else []
    chunks = list(rechunk(blocks, frames))
    assert all(len(chunk) == frames for chunk in chunks[:-1])
    assert not chunks or 0 < len(chunks[-1]) <= frames
    joined = np.concatenate(chunks) if chunks else samples
    assert np.array_equal(joined, samples)


@pytest.mark.parametrize("kind", [SampleKind.FLOAT, SampleKind.S32])
def test_channels_that_only_pad_get_no_dither(kind: SampleKind):
    block = np.zeros((500, 4), np.float32 if kind is SampleKind.FLOAT else np.int32)
    dithered = quantizer_of(kind, seed=b"s").quantize(block)
    padded = quantizer_of(kind, seed=b"s", silent=(1, 3)).quantize(block)
    assert not padded[:, (1, 3)].any()
    assert padded[:, (0, 2)].any()
    assert np.array_equal(padded[:, (0, 2)], dithered[:, (0, 2)])


def test_the_dither_generator_has_not_changed():
    block = np.zeros((64, 2), np.float32)
    quantized = quantizer_of(SampleKind.FLOAT, seed=bytes(range(32))).quantize(block)
    digest = hashlib.sha256(quantized.tobytes()).hexdigest()
    assert digest == "71c50193f3bfcffb2750eefe761bfbe60ff9b6a637ae2880c8354fe68aa5d9b3"
