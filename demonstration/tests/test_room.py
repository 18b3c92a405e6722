import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from demonstration.room import Room

NOISE = np.random.default_rng(5).normal(0, 0.1, (12_000, 2))


@given(st.lists(st.integers(1, 11_999), max_size=4))
def test_the_room_does_not_depend_on_how_the_sound_is_cut(cuts: list[int]):
    room = Room()
    parts = [room.run(part) for part in np.split(NOISE, sorted(set(cuts)))]
    assert np.array_equal(np.concatenate(parts), Room().run(NOISE))


def test_the_room_dies_away():
    room = Room()
    early = room.run(NOISE)
    silence = np.zeros((44_100, 2))
    tails = [room.run(silence) for _ in range(4)]
    energies = [float(np.square(part).sum()) for part in (early, *tails)]
    assert energies == sorted(energies, reverse=True)
    assert energies[-1] < 1e-6 * energies[0]


def test_a_sound_on_one_side_comes_back_from_both():
    one_sided = NOISE * np.array([1.0, 0.0])
    wet = Room().run(one_sided)
    left, right = (float(np.square(wet[:, side]).sum()) for side in (0, 1))
    assert left > right > 0
