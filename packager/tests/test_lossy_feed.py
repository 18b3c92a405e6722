import numpy as np
import pytest

from packager.context import Context
from packager.lossy_feed import LEVEL_MAX, LossyFeed, Source
from packager.pcm import SampleKind
from packager.sample_rates import resampled_length
from packager.tests.feeds import drained, feed_of


def noise(frames: int, channels: int = 2, *, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (frames, channels)).astype(np.float32)


def test_nothing_is_touched_where_nothing_has_to_change():
    samples = 2 * noise(9000)
    feed = feed_of(samples, rate=44_100)
    assert np.array_equal(drained(feed), samples)
    assert (feed.lead, feed.samples, feed.channels, feed.sample_rate_hz) == (0, 9000, 2, 44_100)


def test_the_context_stands_around_what_is_heard():
    before, samples, after = noise(4410, seed=1), noise(1001, seed=2), noise(4000, seed=3)
    feed = feed_of(samples, rate=44_100, context=Context(before, after), lead_min=2048)
    assert feed.lead == 2048
    whole = np.concatenate([before[-2048:], samples, after])
    assert np.array_equal(drained(feed), whole)
    assert feed.samples == 1001


def test_context_that_no_one_asks_for_is_left_out_before():
    feed = feed_of(noise(100), rate=44_100, context=Context(noise(500), noise(0)))
    assert len(drained(feed)) == 100


@pytest.mark.parametrize(("rate", "to_hz"), [(96_000, 48_000), (32_000, 48_000), (44_100, 48_000)])
@pytest.mark.parametrize("frames", [20_000, 20_001])
def test_context_is_resampled_as_part_of_the_whole(rate: int, to_hz: int, frames: int):
    edge = rate // 10
    whole = noise(edge + frames + edge)
    context = Context(whole[:edge], whole[-edge:])
    feed = feed_of(
        whole[edge:-edge], rate=rate, to_hz=to_hz, context=context, lead_min=edge * to_hz // rate
    )
    found = drained(feed)
    assert np.array_equal(found, drained(feed_of(whole, rate=rate, to_hz=to_hz)))
    assert feed.lead == edge * to_hz // rate
    assert feed.samples == resampled_length(frames, from_hz=rate, to_hz=to_hz)
    assert len(found) >= feed.lead + feed.samples


def test_context_is_mixed_down_like_the_rest():
    whole = noise(3000, 6)
    context = Context(whole[:1000], whole[2000:])
    feed = feed_of(whole[1000:2000], rate=48_000, context=context, lead_min=1000)
    assert np.array_equal(drained(feed), drained(feed_of(whole, rate=48_000)))
    assert feed.channels == 2


def test_absurd_levels_are_bounded_and_others_are_not():
    samples = np.array([[0.5], [15.0], [1e30], [-1e30]], np.float32)
    assert drained(feed_of(samples, rate=48_000)).ravel().tolist() == [
        0.5,
        15.0,
        LEVEL_MAX,
        -LEVEL_MAX,
    ]


@pytest.mark.parametrize(
    ("kind", "dtype", "full"),
    [(SampleKind.U8, "u1", 0), (SampleKind.S16, "<i2", -(1 << 15)), (SampleKind.S24, "<i4", None)],
)
def test_integers_keep_their_level(kind: SampleKind, dtype: str, full: int | None):
    lowest = np.full((10, 1), -(1 << 31) if full is None else full, dtype)
    feed = LossyFeed([lowest], source=Source(kind, "mono", 48_000), to_hz=48_000)
    assert drained(feed).min() == drained(feed_of(np.full((1, 1), -1.0), rate=48_000)).min() == -1
