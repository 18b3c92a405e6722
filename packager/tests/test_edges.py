import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.edges import EdgeKeeper
from packager.errors import ScratchError
from packager.pcm import FloatBlock

RATE = 8000
FRAMES = 800


def noise(frames: int, channels: int = 2) -> FloatBlock:
    return np.random.default_rng(5).uniform(-1, 1, (frames, channels)).astype(np.float32)


def read(path: Path, channels: int = 2) -> FloatBlock:
    return np.frombuffer(path.read_bytes(), "<f4").reshape(-1, channels)


@given(sizes=st.lists(st.integers(1, 1000), min_size=1, max_size=12))
def test_however_the_samples_are_cut_the_edges_are_the_first_and_the_last(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
):
    folder = tmp_path_factory.mktemp("edges")
    samples = noise(sum(sizes))
    keeper = EdgeKeeper(RATE, 2)
    start = 0
    for size in sizes:
        keeper.add(samples[start : start + size])
        start += size
    head, tail = keeper.write(folder)
    assert np.array_equal(read(folder / "head.f32"), samples[:FRAMES])
    assert np.array_equal(read(folder / "tail.f32"), samples[-FRAMES:])
    assert head.frames == tail.frames == min(len(samples), FRAMES)
    assert head.sha256 == hashlib.sha256((folder / "head.f32").read_bytes()).hexdigest()
    assert tail.sha256 == hashlib.sha256((folder / "tail.f32").read_bytes()).hexdigest()


def faded(at_start: float, at_end: float) -> FloatBlock:
    """Noise whose outermost 10 ms have a peak of their own."""
    samples = noise(4000, 1)
    samples[:80] *= at_start
    samples[-80:] *= at_end
    return samples


@pytest.mark.parametrize(
    ("at_start", "at_end", "is_silent"),
    [
        pytest.param(1.0, 1.0, (False, False), id="cut out of the middle"),
        pytest.param(0.0, 1.0, (True, False), id="begins in silence"),
        pytest.param(1.0, 0.0, (False, True), id="ends in silence"),
        pytest.param(0.0009, 0.0009, (True, True), id="below -60 dBFS"),
        pytest.param(0.0012, 0.0012, (False, False), id="above -60 dBFS"),
    ],
)
def test_an_edge_is_silent_where_nothing_is_heard_at_the_very_outside(
    tmp_path: Path, at_start: float, at_end: float, is_silent: tuple[bool, bool]
):
    keeper = EdgeKeeper(RATE, 1)
    keeper.add(faded(at_start, at_end))
    head, tail = keeper.write(tmp_path)
    assert (head.is_silent, tail.is_silent) == is_silent


def test_a_master_of_one_sample_is_its_own_edge(tmp_path: Path):
    keeper = EdgeKeeper(RATE, 1)
    keeper.add(np.ones((1, 1), np.float32))
    head, tail = keeper.write(tmp_path)
    assert head == tail
    assert (head.frames, head.is_silent) == (1, False)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path):
    keeper = EdgeKeeper(RATE, 1)
    keeper.add(noise(10, 1))
    with pytest.raises(ScratchError, match="missing"):
        keeper.write(tmp_path / "missing")
