from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.context import edge_frames_max, lead_frames, read_context
from packager.errors import ScratchError

EDGE = np.arange(20, dtype="<f4").reshape(-1, 2) / 32


def saved_edge(folder: Path, data: bytes, name: str = "edge.f32") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_edges_are_read_as_they_were_written(tmp_path: Path):
    path = saved_edge(tmp_path, EDGE.tobytes())
    context = read_context(path, None, sample_rate_hz=44_100, channels=2)
    assert np.array_equal(context.before, EDGE)
    assert len(context.after) == 0
    other = read_context(None, path, sample_rate_hz=44_100, channels=2)
    assert np.array_equal(other.after, EDGE)
    assert len(other.before) == 0


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(EDGE.tobytes()[:-4], id="half a frame"),
        pytest.param(bytes(8 * (edge_frames_max(8_000) + 1)), id="too long"),
        pytest.param(np.array([np.nan, 0], "<f4").tobytes(), id="no number"),
        pytest.param(np.array([0, np.inf], "<f4").tobytes(), id="infinite"),
    ],
)
def test_what_is_no_edge_is_refused(tmp_path: Path, data: bytes):
    with pytest.raises(ScratchError):
        read_context(saved_edge(tmp_path, data), None, sample_rate_hz=8_000, channels=2)


def test_an_edge_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(ScratchError, match=r"missing\.f32"):
        read_context(None, tmp_path / "missing.f32", sample_rate_hz=8_000, channels=2)


@pytest.mark.parametrize(
    ("available", "from_hz", "to_hz", "wanted", "expected"),
    [
        pytest.param(4410, 44_100, 44_100, 2048, (2048, 2048), id="no more than wanted"),
        pytest.param(1000, 44_100, 44_100, 2048, (1000, 1000), id="all of a short one"),
        pytest.param(9600, 96_000, 48_000, 2048, (4096, 2048), id="half the rate"),
        pytest.param(3200, 32_000, 48_000, 2048, (1366, 2049), id="two make three"),
        pytest.param(4410, 44_100, 48_000, 3840, (3528, 3840), id="147 make 160"),
        pytest.param(146, 44_100, 48_000, 3840, (0, 0), id="less than a step"),
        pytest.param(0, 44_100, 44_100, 2048, (0, 0), id="none there"),
        pytest.param(4410, 44_100, 44_100, 0, (0, 0), id="none wanted"),
    ],
)
def test_a_lead_is_a_whole_number_of_samples(
    available: int, from_hz: int, to_hz: int, wanted: int, expected: tuple[int, int]
):
    found = lead_frames(available, from_hz=from_hz, to_hz=to_hz, wanted=wanted)
    assert found == expected


@given(
    available=st.integers(0, 20_000),
    wanted=st.integers(0, 4000),
    from_hz=st.integers(8_000, 192_000),
    to_hz=st.sampled_from((44_100, 48_000)),
)
def test_a_lead_never_shifts_what_follows(available: int, wanted: int, from_hz: int, to_hz: int):
    frames, samples = lead_frames(available, from_hz=from_hz, to_hz=to_hz, wanted=wanted)
    assert frames * to_hz == samples * from_hz
    assert 0 <= frames <= available


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 96_000, 192_000])
@pytest.mark.parametrize(("to_hz", "wanted"), [(48_000, 3840), (44_100, 2048)])
def test_an_edge_of_a_usual_rate_is_enough(rate: int, to_hz: int, wanted: int):
    _, samples = lead_frames(edge_frames_max(rate), from_hz=rate, to_hz=to_hz, wanted=wanted)
    assert samples >= wanted
