from dataclasses import replace
from fractions import Fraction
from urllib.parse import urljoin

import pytest

from packager.presentation import (
    BESIDE_ITS_FILES,
    Presentation,
    References,
    file_name,
    format_seconds,
    preference_of,
)
from packager.renditions import Codec, Container
from packager.tests.samples import FACTS, FLAC_FACTS


@pytest.mark.parametrize(
    ("duration", "digits", "text"),
    [
        pytest.param(Fraction(6), 6, "6.000000", id="whole"),
        pytest.param(Fraction(1, 3), 6, "0.333333", id="rounded down"),
        pytest.param(Fraction(2, 3), 6, "0.666667", id="rounded up"),
        pytest.param(Fraction(1999, 1000), 2, "2.00", id="carried over"),
        pytest.param(Fraction(7, 44_100), 9, "0.000158730", id="small"),
    ],
)
def test_seconds_are_the_nearest_decimal(duration: Fraction, digits: int, text: str):
    assert format_seconds(duration, digits=digits) == text


def test_the_longest_rendition_counts():
    longer = replace(FLAC_FACTS, samples=600_001)
    assert Presentation([FACTS, longer]).duration_s == Fraction(600_001, 44_100)


def test_references_lead_to_the_root_of_the_paths():
    beside, album = BESIDE_ITS_FILES, References("../../audio/t/v/", "../../")
    assert urljoin("/~token/v1/audio/t/v/manifest.mpd", beside.license_url) == (
        "/~token/v1/licenses/clearkey"
    )
    assert urljoin("/v1/audio/t/v/aac-160.m3u8", beside.key_url(FACTS)) == (
        f"/v1/licenses/hls/{FACTS.kid}"
    )
    assert urljoin("/v1/albums/a/manifest.mpd", album.license_url) == "/v1/licenses/clearkey"
    assert urljoin("/v1/albums/a/hls.m3u8", album.file_url(FACTS)) == "/v1/audio/t/v/aac-160.mp4"


def test_what_all_decode_is_preferred_and_the_lowest_rung_comes_last():
    assert sorted((Codec.OPUS, Codec.FLAC, Codec.AAC), key=preference_of) == [
        Codec.AAC,
        Codec.FLAC,
        Codec.OPUS,
    ]


def test_a_file_is_named_after_its_rendition():
    assert file_name(FLAC_FACTS) == "flac.mp4"


def test_sealed_files_have_no_manifest():
    with pytest.raises(ValueError, match="not a fragmented MP4"):
        Presentation([FACTS, replace(FACTS, container=Container.OGG)])


def test_a_presentation_needs_a_rendition():
    with pytest.raises(ValueError, match="at least one"):
        Presentation([])
