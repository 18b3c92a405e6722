import pytest

from packager.tag_names import (
    ASF_ATTRIBUTES,
    COMMENTS,
    ID3_FRAMES,
    MP4_ATOMS,
    NAMES,
    Vocabulary,
)


@pytest.mark.parametrize(
    "vocabulary",
    [
        pytest.param(ID3_FRAMES, id="ID3"),
        pytest.param(MP4_ATOMS, id="MP4"),
        pytest.param(COMMENTS, id="comments"),
        pytest.param(ASF_ATTRIBUTES, id="ASF"),
    ],
)
def test_a_vocabulary_has_our_names_and_each_of_its_own_once(vocabulary: Vocabulary):
    # Where a number and its total stand in one value, the total has no name of its own.
    assert vocabulary.keys() >= NAMES - {"disctotal", "tracktotal"}
    theirs = [name for names in vocabulary.values() for name in names]
    assert len(theirs) == len(set(theirs))


@pytest.mark.parametrize("vocabulary", [MP4_ATOMS, COMMENTS, ASF_ATTRIBUTES])
def test_names_that_are_compared_without_case_are_in_lower_case(vocabulary: Vocabulary):
    assert all(name == name.lower() for names in vocabulary.values() for name in names)
