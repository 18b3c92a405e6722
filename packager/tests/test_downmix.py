import itertools

import av
import numpy as np
import pytest

from packager.channel_plan import plan_channels
from packager.downmix import DownMix
from packager.pcm import LAYOUTS

NAMED = (
    *LAYOUTS,
    "2.1",
    "3.0(back)",
    "4.0",
    "quad(side)",
    "4.1",
    "5.0(side)",
    "5.1(side)",
    "6.0",
    "6.0(front)",
    "hexagonal",
    "6.1(back)",
    "6.1(front)",
    "7.0",
    "7.0(front)",
    "7.1(wide)",
    "octagonal",
)
MIXED = [name for name in NAMED if name not in {"mono", "stereo"}]


def channels_of(layout: str) -> list[str]:
    return [channel.name for channel in av.AudioLayout(layout).channels]


def impulse(layout: str, channel: str) -> np.ndarray:
    """One frame that only `channel` sounds in."""
    return np.array([[float(name == channel) for name in channels_of(layout)]], np.float32)


PADDED = ("2.1", "3.0(back)", "3.1", "4.0", "4.1", "6.0", "hexagonal", "6.1(back)", "7.0")


@pytest.mark.parametrize("layout", PADDED)
def test_padding_makes_nothing_softer(layout: str):
    plan = plan_channels(channels_of(layout))
    assert plan is not None
    shape = (50, len(channels_of(layout)))
    block = np.random.default_rng(3).uniform(-1, 1, shape).astype(np.float32)
    mixed = DownMix(plan.layout, plan.silent).mix(plan.place(block, silence=0))
    assert np.allclose(mixed, DownMix(layout).mix(block), atol=1e-6)


def test_what_is_on_one_side_alone_stays_there():
    plan = plan_channels(["FL", "LFE"])
    assert plan is not None
    mix = DownMix(plan.layout, plan.silent)
    mixed = mix.mix(plan.place(np.array([[0.5, 0.25]], np.float32), silence=0))
    assert mixed[0] == pytest.approx((0.5, 0.0), abs=1e-5)


def test_a_center_stays_in_the_middle_where_one_side_has_more():
    plan = plan_channels(["FL", "FC"])
    assert plan is not None
    mix = DownMix(plan.layout, plan.silent)
    left, right = mix.mix(plan.place(np.array([[0.0, 1.0]], np.float32), silence=0))[0]
    assert left == right > 0


def test_mono_and_stereo_are_not_touched():
    for layout, channels in (("mono", 1), ("stereo", 2)):
        block = np.random.default_rng(1).uniform(-2, 2, (100, channels)).astype(np.float32)
        mix = DownMix(layout)
        assert mix.channels == channels
        assert mix.mix(block) is block


@pytest.mark.parametrize("layout", MIXED)
def test_no_input_within_full_scale_is_mixed_beyond_it(layout: str):
    mix = DownMix(layout)
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=len(channels_of(layout)))))
    mixed = mix.mix(signs.astype(np.float32))
    assert mixed.shape == (len(signs), mix.channels) == (len(signs), 2)
    assert np.abs(mixed).max() <= 1.0
    assert np.abs(mixed).max() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("layout", MIXED)
def test_left_and_right_mirror_each_other(layout: str):
    names = channels_of(layout)
    mirrored = [
        names.index(name[:-1] + {"L": "R", "R": "L"}[name[-1]])
        if name[-1] in "LR"
        else names.index(name.replace("FLC", "_").replace("FRC", "FLC").replace("_", "FRC"))
        for name in names
    ]
    block = np.random.default_rng(2).uniform(-1, 1, (50, len(names))).astype(np.float32)
    mixed, other = DownMix(layout).mix(block), DownMix(layout).mix(block[:, mirrored])
    assert np.allclose(mixed, other[:, ::-1], atol=1e-6)


@pytest.mark.parametrize(
    ("layout", "channel", "left", "right"),
    [
        ("5.1", "FL", 1.0, 0.0),
        ("5.1", "FC", 0.7071, 0.7071),
        ("5.1", "BR", 0.0, 0.7071),
        ("5.1(side)", "SL", 0.7071, 0.0),
        ("5.1", "LFE", 0.0, 0.0),
        ("4.0", "BC", 0.5, 0.5),
        ("7.1", "SR", 0.0, 0.7071),
        ("7.1(wide)", "FLC", 1.0, 0.0),
    ],
)
def test_channels_go_where_the_recommendation_has_them(
    layout: str, channel: str, left: float, right: float
):
    """Relative to the front left, as all are scaled alike."""
    mix = DownMix(layout)
    scale = mix.mix(impulse(layout, "FL"))[0, 0]
    assert mix.mix(impulse(layout, channel))[0] / scale == pytest.approx((left, right), abs=1e-4)


def test_the_level_of_a_layout_is_fixed():
    scale = DownMix("5.1").mix(impulse("5.1", "FL"))[0, 0]
    assert 20 * np.log10(scale) == pytest.approx(-7.66, abs=0.01)
    assert DownMix("2.1").mix(impulse("2.1", "FL"))[0, 0] == pytest.approx(1.0, abs=1e-5)
