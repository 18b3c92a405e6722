import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.json_fields import JsonFields
from packager.loudness import (
    SILENCE_DBTP,
    SILENCE_LUFS,
    AlbumLoudness,
    Loudness,
    album_loudness,
    gain_db,
    integrated_lufs,
    loudness_from_json,
    loudness_to_json,
    r128_gain,
    replaygain_gain_text,
    replaygain_peak_text,
)

SILENT = Loudness(SILENCE_LUFS, 0.0, SILENCE_DBTP, ())
LOUD = Loudness(-9.12, 6.3, 0.4, ((-300, 5), (-120, 90), (-90, 400)))

BLOCKS = st.dictionaries(st.integers(-699, 100), st.integers(1, 10_000), max_size=40).map(
    lambda found: tuple(sorted(found.items()))
)
LOUDNESSES = st.builds(Loudness, st.floats(-70, 10), st.floats(0, 60), st.floats(-144, 20), BLOCKS)


def read(value: object) -> Loudness:
    return loudness_from_json(JsonFields(value, "loudness", ValueError))


@given(loudness=LOUDNESSES)
def test_json_holds_all_of_it(loudness: Loudness):
    assert read(json.loads(json.dumps(loudness_to_json(loudness), allow_nan=False))) == loudness


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"integrated_lufs": math.nan}, "integrated", id="no number"),
        pytest.param({"integrated_lufs": "-9"}, "integrated", id="a text"),
        pytest.param({"integrated_lufs": True}, "integrated", id="a truth"),
        pytest.param({"integrated_lufs": -70.1}, "integrated", id="below the gate"),
        pytest.param({"true_peak_dbtp": -math.inf}, "true_peak", id="an infinite peak"),
        pytest.param({"range_lu": -0.1}, "range", id="a negative range"),
        pytest.param({"blocks": None}, "blocks", id="no blocks"),
        pytest.param({"blocks": [[1, 2, 3]]}, "pair", id="three numbers"),
        pytest.param({"blocks": [[1.5, 2]]}, "pair", id="a fraction"),
        pytest.param({"blocks": [[1, True]]}, "pair", id="a truth for a count"),
        pytest.param({"blocks": [[1, 0]]}, "rising", id="a count of none"),
        pytest.param({"blocks": [[1, 1], [1, 1]]}, "rising", id="twice the same"),
        pytest.param({"blocks": [[2, 1], [1, 1]]}, "rising", id="falling"),
        pytest.param({"blocks": [[-700, 1]]}, "gate", id="a block at the gate"),
        pytest.param({"more": 1}, "unknown", id="an unknown member"),
    ],
)
def test_what_cannot_be_is_refused(change: dict[str, object], message: str):
    with pytest.raises(ValueError, match=message):
        read(loudness_to_json(LOUD) | change)


def test_a_whole_number_may_be_written_as_one():
    assert read(loudness_to_json(LOUD) | {"range_lu": 6}) == replace(LOUD, range_lu=6.0)


@given(tracks=st.lists(LOUDNESSES, max_size=6), seed=st.randoms())
def test_the_order_of_an_albums_tracks_does_not_matter(tracks: list[Loudness], seed: object):
    assert album_loudness(tracks) == album_loudness(tracks[::-1])


@given(track=LOUDNESSES)
def test_an_album_lies_between_its_quietest_and_its_loudest_block(track: Loudness):
    loudness = album_loudness([track, SILENT])
    assert loudness.true_peak_dbtp == track.true_peak_dbtp
    if track.blocks:
        assert track.blocks[0][0] / 10 - 0.01 <= loudness.integrated_lufs
        assert loudness.integrated_lufs <= track.blocks[-1][0] / 10 + 0.01
    else:
        assert loudness.integrated_lufs == SILENCE_LUFS


def test_an_album_of_nothing_is_silent():
    assert album_loudness([]) == AlbumLoudness(SILENCE_LUFS, SILENCE_DBTP)


def test_blocks_over_ten_units_below_the_rest_do_not_count():
    assert integrated_lufs([(-200, 100)]) == -20
    assert integrated_lufs([(-200, 100), (-400, 1000)]) > -30.5  # The gate stands at -40.4.
    assert integrated_lufs([(-200, 100), (-350, 100)]) == -20
    assert integrated_lufs([(7000, 2), (7700, 2)]) == pytest.approx(770)


@pytest.mark.parametrize(
    ("integrated", "peak", "gain"),
    [
        pytest.param(-9.0, -3.0, -5.0, id="what is loud is turned down"),
        pytest.param(-20.0, -12.0, 6.0, id="what is quiet is turned up"),
        pytest.param(-20.0, -4.0, 3.0, id="no further than the peak allows"),
        pytest.param(-14.0, 1.5, -2.5, id="what goes over full scale comes down"),
        pytest.param(SILENCE_LUFS, SILENCE_DBTP, 0.0, id="silence stays"),
        pytest.param(SILENCE_LUFS, 0.0, -1.0, id="a click is not lifted"),
    ],
)
def test_the_gain_of_playback(integrated: float, peak: float, gain: float):
    assert gain_db(integrated, peak) == pytest.approx(gain)


def test_another_target_is_aimed_at():
    assert gain_db(-20, -12, target_lufs=-23, peak_max_dbtp=0) == -3


@given(integrated=st.floats(-70, 20), peak=st.floats(-144, 20))
def test_no_gain_lifts_a_peak_above_the_limit(integrated: float, peak: float):
    assert peak + gain_db(integrated, peak) <= -1 + 1e-9


@pytest.mark.parametrize(
    ("integrated", "replaygain", "r128"),
    [
        pytest.param(-9.12, "-8.88 dB", -3553, id="loud"),
        pytest.param(-18.0, "+0.00 dB", -1280, id="at ReplayGain's reference"),
        pytest.param(-23.0, "+5.00 dB", 0, id="at R 128's reference"),
        pytest.param(SILENCE_LUFS, "+0.00 dB", 0, id="silence"),
        pytest.param(300.0, "-318.00 dB", -32_768, id="beyond what Q7.8 holds"),
    ],
)
def test_the_values_that_tags_carry(integrated: float, replaygain: str, r128: int):
    assert replaygain_gain_text(integrated) == replaygain
    assert r128_gain(integrated) == r128


@pytest.mark.parametrize(
    ("peak", "text"),
    [(0.0, "1.000000"), (-6.02, "0.500035"), (-144.0, "0.000000"), (3, "1.412538")],
)
def test_the_peak_that_tags_carry_is_linear(peak: float, text: str):
    assert replaygain_peak_text(peak) == text
