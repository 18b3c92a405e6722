import numpy as np
import pytest
from numpy.typing import NDArray

from origin.intake.fingerprint_index import SKETCH_WORDS, FingerprintIndex, sketch

Words = NDArray[np.uint32]


def words_of(seed: int, count: int = 900) -> Words:
    return np.random.default_rng(seed).integers(0, 1 << 32, count, dtype=np.uint32)


def noisy(words: Words, share: float, seed: int = 99) -> Words:
    """Flip a bit in a share of the words."""
    chance = np.random.default_rng(seed)
    flipped = chance.random(len(words)) < share
    bits = np.uint32(1) << chance.integers(3, 32, len(words), dtype=np.uint32)
    return np.where(flipped, words ^ bits, words).astype(np.uint32)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.85])
def test_a_copy_is_found_among_many(share: float):
    index = FingerprintIndex(tracks_max=1000)
    for seed in range(300):
        assert index.add(f"{seed}", words_of(seed))
    found = index.candidates(noisy(words_of(150), share), limit=5)
    assert found[0].track_id == "150"
    assert len(index) == 300


def test_what_was_never_heard_has_no_candidates():
    index = FingerprintIndex(tracks_max=100)
    assert index.candidates(words_of(1), limit=5) == []
    for seed in range(50):
        index.add(f"{seed}", words_of(seed))
    assert index.candidates(words_of(1000), limit=5) == []
    assert index.candidates(np.empty(0, np.uint32), limit=5) == []


def test_a_short_copy_votes_with_the_few_words_it_has():
    index = FingerprintIndex(tracks_max=10)
    index.add("short", np.array([8, 8, 8], np.uint32))
    assert [one.track_id for one in index.candidates(np.array([8], np.uint32), limit=5)] == [
        "short"
    ]


def test_a_word_of_many_is_no_sign():
    index = FingerprintIndex(tracks_max=1000)
    for seed in range(100):
        index.add(f"{seed}", np.array([0], np.uint32))
    assert index.candidates(np.array([0], np.uint32), limit=5) == []


def test_there_is_room_for_so_many():
    index = FingerprintIndex(tracks_max=2)
    assert index.add("a", words_of(1))
    assert index.add("b", words_of(2))
    assert index.is_full
    assert not index.add("c", words_of(3))
    assert index.add("a", words_of(4))
    assert "a" in index
    assert "c" not in index


def test_a_sketch_does_not_depend_on_the_order():
    words = words_of(7)
    assert len(sketch(words)) == SKETCH_WORDS
    assert np.array_equal(sketch(words), sketch(words[::-1]))
