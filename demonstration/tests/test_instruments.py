import numpy as np
import pytest

from demonstration.instruments import Instrument, play_note
from demonstration.oscillators import SAMPLE_RATE_HZ, frequency_hz

HELD = SAMPLE_RATE_HZ


@pytest.mark.parametrize("instrument", list(Instrument))
def test_a_note_begins_and_ends_without_a_click(instrument: Instrument):
    note = play_note(instrument, 57, samples=HELD, variant=3)
    loudest = np.abs(note).max()
    assert abs(note[0]) < 0.01 * loudest
    assert abs(note[-1]) < 0.01 * loudest
    assert HELD < len(note) < 2 * HELD


@pytest.mark.parametrize("instrument", list(Instrument))
def test_a_note_sounds_at_its_pitch(instrument: Instrument):
    note = play_note(instrument, 57, samples=4 * HELD, variant=3)[:HELD]
    spectrum = np.abs(np.fft.rfft(note * np.hanning(len(note))))
    near = slice(200, 240)  # One second: one bin for each hertz.
    assert 200 + int(np.argmax(spectrum[near])) == pytest.approx(frequency_hz(57), abs=2)
    assert spectrum[near].max() > 5 * np.median(spectrum)


def test_strokes_of_the_bow_differ_by_their_variant():
    first, second = (play_note(Instrument.VIOL, 69, samples=HELD, variant=n) for n in (1, 2))
    assert not np.array_equal(first, second)


def test_a_fade_takes_the_place_of_the_usual_release():
    note = play_note(Instrument.STRINGS, 50, samples=HELD, variant=0, fade_samples=5_000)
    assert len(note) == HELD + 5_000


def test_a_plucked_note_held_for_longer_than_it_rings_is_all_there_is():
    long = play_note(Instrument.HARP, 74, samples=60 * SAMPLE_RATE_HZ, variant=0)
    assert len(long) < 10 * SAMPLE_RATE_HZ
