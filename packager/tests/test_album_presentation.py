from dataclasses import replace
from fractions import Fraction

import pytest

from packager.album_presentation import (
    AlbumPart,
    AlbumPresentation,
    bit_rates_of,
    common_rendition_names,
    starts_of,
)
from packager.tests.samples import FACTS, FLAC_FACTS, OPUS_FACTS

ALL = AlbumPart("a", "0" * 16, (FLAC_FACTS, FACTS, OPUS_FACTS))
SOME = AlbumPart("b", "1" * 16, (OPUS_FACTS, FACTS))


@pytest.mark.parametrize(
    ("parts", "names"),
    [
        pytest.param([], (), id="no track"),
        pytest.param([ALL], ("flac", "aac-160", "opus-24"), id="one track"),
        pytest.param([ALL, SOME], ("aac-160", "opus-24"), id="in the order of the first"),
        pytest.param([ALL, AlbumPart("c", "2" * 16, ())], (), id="a track without any"),
    ],
)
def test_a_rendition_is_common_if_every_track_has_it(
    parts: list[AlbumPart], names: tuple[str, ...]
):
    assert common_rendition_names(parts) == names


def test_what_tracks_have_beyond_the_others_is_left_out():
    album = AlbumPresentation([ALL, SOME])
    offered = [[facts.name for facts in one.renditions] for one in album.presentations]
    assert offered == [["aac-160", "opus-24"], ["opus-24", "aac-160"]]
    assert [facts for facts, _ in album.tracks_of("aac-160")] == [FACTS, FACTS]


def test_tracks_of_another_form_exclude_nothing():
    other = AlbumPart("b", "1" * 16, (replace(FLAC_FACTS, sample_rate_hz=96_000, bits=24),))
    assert AlbumPresentation([ALL, other]).rendition_names == ("flac",)


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([], id="no track"),
        pytest.param(
            [AlbumPart("a", "0" * 16, (FACTS,)), AlbumPart("b", "1" * 16, (OPUS_FACTS,))],
            id="nothing in common",
        ),
    ],
)
def test_what_cannot_be_played_through_is_refused(parts: list[AlbumPart]):
    with pytest.raises(ValueError, match=r"at least one track|in common"):
        AlbumPresentation(parts)


def test_each_part_starts_where_the_one_before_ends():
    durations = [Fraction(1, 3), Fraction(2), Fraction(1, 2)]
    starts = [Fraction(0), Fraction(1, 3), Fraction(7, 3), Fraction(17, 6)]
    assert list(starts_of(durations)) == starts


def test_a_longer_track_counts_for_more_of_the_average():
    longer = replace(FACTS, samples=3 * FACTS.samples, bitrate_bps=200_500, bandwidth_bps=180_000)
    assert bit_rates_of([FACTS, longer]) == (200_500, 190_500)
