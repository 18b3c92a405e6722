from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from packager.dash import encode_mpd
from packager.presentation import Presentation
from packager.renditions import Protection
from packager.tests.samples import FACTS, FLAC_FACTS

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
        ["flac"],
        ["aac-160"],
    ]


def test_rungs_of_one_codec_and_key_share_a_set():
    higher = replace(FACTS, name="aac-320", bandwidth_bps=340_000)
    mpd = parse(Presentation([higher, FLAC_FACTS, FACTS]))
    sets = find_all(mpd, "mpd:Period/mpd:AdaptationSet")
    assert [[one.get("id") for one in find_all(group, "mpd:Representation")] for group in sets] == [
        ["aac-160", "aac-320"],
        ["flac"],
    ]


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
    protections = find_all(MPD, ".//mpd:AdaptationSet[@id='1']/mpd:ContentProtection")
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


@pytest.mark.parametrize("url", ["https://x/?a=1&b=<2>", "a\"b'c"])
def test_what_xml_would_misread_is_quoted(url: str):
    (laurl,) = find_all(parse(Presentation([FACTS], license_url=url)), ".//dashif:laurl")
    assert laurl.text == url


def test_the_bandwidth_is_never_below_the_average():
    mpd = parse(Presentation([replace(FACTS, bandwidth_bps=1)]))
    (representation,) = find_all(mpd, ".//mpd:Representation")
    assert representation.get("bandwidth") == "160500"


def test_equal_facts_give_equal_bytes():
    assert encode_mpd(Presentation([FACTS])) == encode_mpd(Presentation([FACTS]))
