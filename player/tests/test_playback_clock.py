import pytest
from hypothesis import given
from hypothesis import strategies as st

from player.playback_clock import PlaybackClock
from player.report import Stalls


def test_the_first_samples_end_the_wait():
    clock = PlaybackClock(started_s=10.0, sample_rate_hz=1000)
    assert clock.first_audio_ms == 0.0
    clock.arrive(0, now_s=10.1)
    clock.arrive(500, now_s=10.25)
    assert clock.first_audio_ms == pytest.approx(250.0)


def test_samples_in_time_do_not_stall():
    clock = PlaybackClock(started_s=0.0, sample_rate_hz=1000)
    for second in range(5):
        clock.arrive(1000, now_s=float(second))
    assert clock.stalls == Stalls(0, 0.0)


def test_a_stall_shifts_what_follows():
    clock = PlaybackClock(started_s=0.0, sample_rate_hz=1000)
    clock.arrive(1000, now_s=1.0)  # heard until 2.0
    clock.arrive(1000, now_s=2.5)  # half a second late; heard until 3.5
    clock.arrive(1000, now_s=3.4)  # in time again
    clock.arrive(1000, now_s=4.75)  # a quarter late
    assert clock.stalls.count == 2
    assert clock.stalls.total_ms == pytest.approx(750.0)


@given(st.lists(st.tuples(st.integers(0, 5000), st.floats(0, 3)), max_size=20))
def test_waiting_and_sound_fill_the_time_between(arrivals: list[tuple[int, float]]):
    clock = PlaybackClock(started_s=0.0, sample_rate_hz=1000)
    now_s, first_s, samples = 0.0, None, 0
    for count, delay_s in arrivals:
        now_s += delay_s
        clock.arrive(count, now_s=now_s)
        samples += count
        first_s = now_s if first_s is None and count else first_s
    if first_s is not None:
        heard_s = first_s + clock.stalls.total_ms / 1000 + samples / 1000
        assert heard_s >= first_s + samples / 1000
        assert clock.stalls.count <= len(arrivals)
