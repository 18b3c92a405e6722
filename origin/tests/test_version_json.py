from dataclasses import replace

import pytest

from origin.errors import RecordError
from origin.tests.examples import TRACK
from origin.version_json import version_from_json, version_to_json
from packager.renditions import PROFILES

VERSION = TRACK.versions[0]


@pytest.mark.parametrize(
    "version",
    [
        pytest.param(VERSION, id="complete"),
        pytest.param(replace(VERSION, renditions=()), id="not packaged yet"),
        pytest.param(replace(VERSION, renditions=VERSION.renditions[1:3]), id="in part"),
        pytest.param(replace(VERSION, superseded_s=7), id="superseded"),
    ],
)
def test_a_version_reads_back(version: object):
    assert isinstance(version, type(VERSION))
    assert version_from_json(version_to_json(version), "version") == version


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("new", 1, id="unknown member"),
        pytest.param("identity", 1, id="no identity"),
        pytest.param("identity", {"cpu_class": "z80"}, id="an unknown CPU class"),
        pytest.param("scheme", "rot13", id="an unknown scheme"),
        pytest.param("kids", [], id="no keys"),
        pytest.param("kids", {"front-door": "x"}, id="a key of an unknown class"),
        pytest.param("context_before", "x", id="no digest"),
        pytest.param("ladder", ["flac"], id="renditions beyond the ladder"),
        pytest.param("ladder", [*PROFILES, "mp3-1"], id="a rung that nobody knows"),
        pytest.param("renditions", [{}], id="no facts"),
        pytest.param("superseded_s", -1, id="before the epoch"),
    ],
)
def test_a_version_that_is_none_is_refused(name: str, value: object):
    with pytest.raises(RecordError, match="version"):
        version_from_json({**version_to_json(VERSION), name: value}, "version")


def test_facts_of_a_release_that_knows_more_are_refused():
    document = version_to_json(VERSION)
    renditions = document["renditions"]
    assert isinstance(renditions, list)
    renditions[0]["new"] = 1
    with pytest.raises(RecordError, match="unknown members"):
        version_from_json(document, "version")
