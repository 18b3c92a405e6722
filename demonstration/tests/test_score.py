from itertools import pairwise

import pytest

from demonstration.instruments import Instrument
from demonstration.oscillators import SAMPLE_RATE_HZ
from demonstration.score import MOVEMENTS, TITLES, Bar, Movement, cuts, performance, pitch_of


@pytest.mark.parametrize(
    ("name", "pitch"),
    [
        pytest.param("C4", 60, id="middle C"),
        pytest.param("A4", 69, id="concert pitch"),
        pytest.param("Bb1", 34, id="flat"),
        pytest.param("F#5", 78, id="sharp"),
    ],
)
def test_a_name_gives_its_pitch(name: str, pitch: int):
    assert pitch_of(name) == pitch


def test_movements_are_cut_where_no_codec_has_a_frame():
    positions = cuts()
    assert positions[0] == 0
    assert len(positions) == len(TITLES) + 1
    assert all(position % 2 for position in positions[1:])
    assert all(30 * SAMPLE_RATE_HZ < b - a < 60 * SAMPLE_RATE_HZ for a, b in pairwise(positions))
    assert 90 * SAMPLE_RATE_HZ < positions[-1] < 150 * SAMPLE_RATE_HZ


def test_every_bar_has_its_tempo_and_its_voices():
    for movement in MOVEMENTS:
        assert len(movement.bars) == len(movement.seconds)
        assert len({len(bar.chord.split()) for bar in movement.bars}) == 1


def outer_and_inner(bar: Bar) -> list[int]:
    return [pitch_of(name.partition(">")[0]) for name in bar.chord.split()]


@pytest.mark.parametrize("movement", MOVEMENTS, ids=TITLES)
def test_no_two_voices_move_in_parallel_octaves(movement: Movement):
    for before, after in pairwise(movement.bars):
        first, second = outer_and_inner(before), outer_and_inner(after)
        for low in range(len(first)):
            for high in range(low + 1, len(first)):
                intervals = (first[high] - first[low], second[high] - second[low])
                moves = second[low] - first[low]
                assert not (intervals[0] == intervals[1] in {12, 24} and moves), (before, after)


@pytest.mark.parametrize("movement", MOVEMENTS, ids=TITLES)
def test_voices_do_not_cross(movement: Movement):
    for bar in movement.bars:
        voices = outer_and_inner(bar)
        assert voices == sorted(voices)


def test_notes_sound_across_each_join():
    notes = performance(1)
    for position in cuts()[1:-1]:
        across = [note for note in notes if note.start < position < note.start + note.samples]
        assert {note.instrument for note in across} >= {Instrument.STRINGS}


def test_a_seed_moves_the_hands_and_nothing_else():
    first, again, other = performance(1), performance(1), performance(2)
    assert first == again
    assert first != other
    assert sorted(note.pitch for note in first) == sorted(note.pitch for note in other)


def test_a_voice_that_keeps_its_pitch_is_one_stroke():
    strokes = [note for note in performance(1) if note.instrument is Instrument.STRINGS]
    assert max(note.samples for note in strokes) > 5 * SAMPLE_RATE_HZ
    assert max(note.samples for note in strokes) < 9 * SAMPLE_RATE_HZ
