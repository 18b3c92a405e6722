from dataclasses import replace
from fractions import Fraction
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.album_presentation import AlbumPart, AlbumPresentation
from packager.dash import encode_album_mpd, encode_mpd
from packager.presentation import Presentation, References
from packager.renditions import Protection
from packager.seek_index import RenditionFacts
from packager.tests.samples import FACTS, FLAC_FACTS, OPUS_FACTS

NAMES = {
    "mpd": "urn:mpeg:dash:schema:mpd:2011",
    "cenc": "urn:mpeg:cenc:2013",
    "dashif": "https://dashif.org/CPS",
}


def parse(presentation: Presentation) -> ET.Element:
    return ET.fromstring(encode_mpd(presentation))  # noqa: S314 - our own output


def find_all(root: ET.Element, path: str) -> list[ET.Element]:
    return root.findall(path, NAMES)


MPD = parse(Presentation([FLAC_FACTS, FACTS]))


def test_lossless_and_lossy_are_sets_of_their_own():
    sets = find_all(MPD, "mpd:Period/mpd:AdaptationSet")
    assert [[one.get("id") for one in find_all(group, "mpd:Representation")] for group in sets] == [
        ["aac-160"],
        ["flac"],
    ]


def sets_of(renditions: list[RenditionFacts]) -> list[list[str | None]]:
    return [
        [one.get("id") for one in find_all(group, "mpd:Representation")]
        for group in find_all(parse(Presentation(renditions)), "mpd:Period/mpd:AdaptationSet")
    ]


HIGHER = replace(FACTS, name="aac-320", bandwidth_bps=340_000)


def test_rungs_of_one_codec_and_key_share_a_set():
    assert sets_of([FLAC_FACTS, HIGHER, FACTS, OPUS_FACTS]) == [
        ["aac-160", "aac-320"],
        ["flac"],
        ["opus-24"],
    ]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(HIGHER, priming=3072), id="priming"),
        pytest.param(replace(HIGHER, sample_rate_hz=48_000), id="sample rate"),
        pytest.param(replace(HIGHER, kid=FLAC_FACTS.kid), id="key"),
        pytest.param(
            replace(HIGHER, seek=replace(FACTS.seek, segments=FACTS.seek.segments[:1])),
            id="segments",
        ),
    ],
)
def test_what_cannot_be_switched_between_is_a_set_of_its_own(other: RenditionFacts):
    assert sets_of([other, FACTS]) == [["aac-160"], ["aac-320"]]


def test_players_that_do_not_choose_find_the_preferred_codec_marked():
    mpd = parse(Presentation([FLAC_FACTS, FACTS, OPUS_FACTS]))
    sets = find_all(mpd, "mpd:Period/mpd:AdaptationSet")
    roles = [find_all(one, "mpd:Role")[0].get("value") for one in sets]
    assert roles == ["main", "alternate", "alternate"]
    priorities = [int(one.get("selectionPriority", 0)) for one in sets]
    assert priorities == sorted(set(priorities), reverse=True)


def test_the_duration_is_that_of_the_samples():
    assert MPD.get("mediaPresentationDuration") == "PT13.605442177S"
    assert MPD.get("type") == "static"


def test_ranges_are_those_of_the_file():
    (representation,) = find_all(MPD, ".//mpd:Representation[@id='aac-160']")
    assert representation.attrib == {
        "id": "aac-160",
        "codecs": "mp4a.40.2",
        "bandwidth": "171000",
        "audioSamplingRate": "44100",
    }
    (base_url,) = find_all(representation, "mpd:BaseURL")
    (segment_base,) = find_all(representation, "mpd:SegmentBase")
    (initialization,) = find_all(segment_base, "mpd:Initialization")
    assert base_url.text == "aac-160.mp4"
    assert segment_base.attrib == {"timescale": "44100", "indexRange": "800-879"}
    assert initialization.get("range") == "0-799"


def test_clear_key_is_named_in_the_one_way_that_players_agree_on():
    protections = find_all(MPD, ".//mpd:AdaptationSet[@id='0']/mpd:ContentProtection")
    scheme, clear_key = protections
    assert scheme.attrib == {
        "schemeIdUri": "urn:mpeg:dash:mp4protection:2011",
        "value": "cbcs",
        f"{{{NAMES['cenc']}}}default_KID": FACTS.kid,
    }
    assert clear_key.get("schemeIdUri") == "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e"
    assert clear_key.get("value") == "ClearKey1.0"
    (laurl,) = find_all(clear_key, "dashif:laurl")
    assert (laurl.get("Lic_type"), laurl.text) == ("EME-1.0", "../../../licenses/clearkey")


def test_clear_renditions_tell_of_no_key():
    mpd = parse(Presentation([replace(FACTS, protection=Protection.CLEAR, kid="", iv="")]))
    assert not find_all(mpd, ".//mpd:ContentProtection")


def test_the_scheme_is_that_of_the_files():
    mpd = parse(Presentation([replace(FACTS, protection=Protection.CENC, iv="01" * 8)]))
    scheme, _ = find_all(mpd, ".//mpd:ContentProtection")
    assert scheme.get("value") == "cenc"


@pytest.mark.parametrize("root", ["https://x/?a=1&b=<2>/", "a\"b'c/"])
def test_what_xml_would_misread_is_quoted(root: str):
    mpd = parse(Presentation([FACTS], References(folder="", root=root)))
    (laurl,) = find_all(mpd, ".//dashif:laurl")
    assert laurl.text == f"{root}licenses/clearkey"


def test_the_bandwidth_is_never_below_the_average():
    mpd = parse(Presentation([replace(FACTS, bandwidth_bps=1)]))
    (representation,) = find_all(mpd, ".//mpd:Representation")
    assert representation.get("bandwidth") == "160500"


def parts_of(lengths: list[int]) -> list[AlbumPart]:
    return [
        AlbumPart(f"track{index}", "0123456789abcdef", (replace(FACTS, samples=samples),))
        for index, samples in enumerate(lengths)
    ]


@given(st.lists(st.integers(1, 1 << 30), min_size=1, max_size=30))
def test_periods_of_an_album_follow_one_another_exactly(lengths: list[int]):
    mpd = ET.fromstring(encode_album_mpd(AlbumPresentation(parts_of(lengths))))  # noqa: S314
    end = Fraction(0)
    for index, (period, samples) in enumerate(
        zip(find_all(mpd, "mpd:Period"), lengths, strict=True)
    ):
        assert (period.get("id"), seconds_of(period, "start")) == (str(index), end)
        duration = seconds_of(period, "duration")
        assert round(duration * FACTS.sample_rate_hz) == samples
        end += duration
    assert seconds_of(mpd, "mediaPresentationDuration") == end
    # Rounded once, however many tracks there are.
    assert abs(end - Fraction(sum(lengths), FACTS.sample_rate_hz)) <= Fraction(1, 2 * 10**9)


def seconds_of(element: ET.Element, name: str) -> Fraction:
    text = element.get(name, "")
    assert text.startswith("PT")
    assert text.endswith("S")
    return Fraction(text[2:-1])


def test_each_period_of_an_album_refers_to_its_track():
    mpd = ET.fromstring(encode_album_mpd(AlbumPresentation(parts_of([1, 2]))))  # noqa: S314
    folders = [element.text for element in find_all(mpd, "mpd:Period/mpd:BaseURL")]
    assert folders == [
        "../../audio/track0/0123456789abcdef/",
        "../../audio/track1/0123456789abcdef/",
    ]
    licenses = {element.text for element in find_all(mpd, ".//dashif:laurl")}
    assert licenses == {"../../licenses/clearkey"}


def test_an_album_offers_what_all_of_its_tracks_have():
    both = AlbumPart("track0", "0" * 16, (FLAC_FACTS, FACTS))
    mpd = ET.fromstring(  # noqa: S314
        encode_album_mpd(AlbumPresentation([both, *parts_of([1])]))
    )
    names = [one.get("id") for one in find_all(mpd, ".//mpd:Representation")]
    assert names == ["aac-160", "aac-160"]


def test_equal_facts_give_equal_bytes():
    assert encode_mpd(Presentation([FACTS])) == encode_mpd(Presentation([FACTS]))
