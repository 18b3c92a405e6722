import json
import os
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.content_key import ContentKey
from packager.jobs import (
    MasterFacts,
    PackagingOrder,
    master_facts_from_json,
    master_facts_to_json,
    order_from_json,
    order_to_json,
    path_from_text,
    path_to_text,
    tags_from_json,
)
from packager.loudness import TrackGain
from packager.renditions import Protection

FACTS = MasterFacts(
    codec="flac",
    container="flac",
    sample_rate_hz=44_100,
    channels=2,
    bits=16,
    is_lossless_of_master=True,
    samples=1000,
    pcm_sha256="aa" * 32,
    sha256="bb" * 32,
    bytes=5000,
)
ORDER = PackagingOrder(
    master=Path("/music/a\n'b\" \u202e.flac"),
    facts=FACTS,
    rendition="flac",
    version="0123456789abcdef",
    key=ContentKey(uuid.UUID(int=1), b"sixteen bytes ok"),
    output=Path("/scratch/flac.mp4"),
)


def test_facts_survive_json():
    facts = json.loads(json.dumps(master_facts_to_json(FACTS)))
    assert master_facts_from_json({**facts, "later": 1}) == FACTS


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(ORDER, id="plain"),
        pytest.param(replace(ORDER, scheme=Protection.CENC), id="scheme"),
        pytest.param(replace(ORDER, before=Path("/edges/tail.f32")), id="context before"),
        pytest.param(replace(ORDER, after=Path("/edges/head.f32")), id="context after"),
        pytest.param(replace(ORDER, gain=TrackGain(-9.25, 0.5)), id="gain"),
    ],
)
def test_orders_survive_json(order: PackagingOrder):
    assert order_from_json(json.loads(json.dumps(order_to_json(order)))) == order


@pytest.mark.parametrize(
    ("rendition", "scheme", "protection"),
    [
        ("aac-96", Protection.CBCS, Protection.CBCS),
        ("aac-96", Protection.CENC, Protection.CENC),
        ("vorbis-96", Protection.CENC, Protection.SEALED),
    ],
)
def test_an_order_knows_its_profile(rendition: str, scheme: Protection, protection: Protection):
    profile = replace(ORDER, rendition=rendition, scheme=scheme).profile
    assert (profile.name, profile.protection) == (rendition, protection)


@given(name=st.binary(min_size=1, max_size=40).filter(lambda name: 0 not in name))
def test_any_path_survives(name: bytes):
    path = Path(os.fsdecode(name))
    assert path_from_text(path_to_text(path)) == path


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(None, id="nothing"),
        pytest.param({}, id="no members"),
        pytest.param({**master_facts_to_json(FACTS), "samples": "1000"}, id="a number as text"),
        pytest.param({**master_facts_to_json(FACTS), "bits": True}, id="a truth as number"),
    ],
)
def test_what_are_no_facts_is_refused(value: object):
    with pytest.raises(ValueError, match="facts of a master"):
        master_facts_from_json(value)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"scheme": None}, id="no scheme"),
        pytest.param({"before": 1}, id="a context that is no path"),
        pytest.param({"gain": "loud"}, id="a gain that is no object"),
        pytest.param({"facts": None}, id="no facts"),
    ],
)
def test_what_is_no_order_is_refused(change: dict[str, object]):
    with pytest.raises(ValueError, match=r"order|facts of a master"):
        order_from_json({**order_to_json(ORDER), **change})


@pytest.mark.parametrize(
    ("rendition", "version"), [("mp3-64", "v1"), ("flac", ""), ("flac", "a" * 65)]
)
def test_an_impossible_order_is_refused(rendition: str, version: str):
    with pytest.raises(ValueError):  # noqa: PT011 - each has its own text
        replace(ORDER, rendition=rendition, version=version)


def test_the_key_stays_out_of_repr():
    assert "sixteen" not in repr(ORDER)
    assert ORDER.key.key.hex() not in repr(ORDER)


def test_tags_come_out_as_they_went_in():
    assert tags_from_json({"title": ["T"], "artist": []}) == {"title": ("T",), "artist": ()}


def test_tags_of_another_form_are_refused():
    with pytest.raises(ValueError, match="title"):
        tags_from_json({"title": "T"})
