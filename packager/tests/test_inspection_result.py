import json
from dataclasses import replace

import pytest

from packager.inspection_result import (
    Edge,
    Inspection,
    edge_from_json,
    edge_to_json,
    inspection_from_json,
    inspection_to_json,
)
from packager.jobs import MasterFacts
from packager.json_fields import JsonFields
from packager.loudness import Loudness

LOUDNESS = Loudness(-12.3, 4.5, -0.6, ((-200, 3), (-120, 40)))
INSPECTION = Inspection(
    facts=MasterFacts(
        codec="flac",
        container="flac",
        sample_rate_hz=44_100,
        channels=2,
        bits=16,
        is_lossless_of_master=True,
        samples=99,
        pcm_sha256="ab" * 32,
        sha256="cd" * 32,
        bytes=1234,
    ),
    loudness=LOUDNESS,
    stereo_loudness=None,
    fingerprint=(0, 7, 0xFFFF_FFFF),
    head=Edge(99, "12" * 32, is_silent=True),
    tail=Edge(99, "34" * 32, is_silent=False),
)


@pytest.mark.parametrize(
    "inspection",
    [
        pytest.param(INSPECTION, id="stereo"),
        pytest.param(replace(INSPECTION, stereo_loudness=LOUDNESS), id="surround"),
        pytest.param(replace(INSPECTION, fingerprint=()), id="short"),
    ],
)
def test_the_pipe_holds_all_of_it(inspection: Inspection):
    assert (
        inspection_from_json(json.loads(json.dumps(inspection_to_json(inspection)))) == inspection
    )


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"facts": None}, id="no facts"),
        pytest.param({"loudness": None}, id="no loudness"),
        pytest.param({"stereo_loudness": 1}, id="a number for the stereo"),
        pytest.param({"fingerprint": [1 << 32]}, id="33 bits"),
        pytest.param({"fingerprint": [True]}, id="a truth for an item"),
        pytest.param({"fingerprint": [0] * 1001}, id="too long a fingerprint"),
        pytest.param({"head": {}}, id="no head"),
        pytest.param({"more": 1}, id="an unknown member"),
    ],
)
def test_what_a_worker_cannot_have_said_is_refused(change: dict[str, object]):
    with pytest.raises(ValueError, match=r"\w"):
        inspection_from_json(inspection_to_json(INSPECTION) | change)


@pytest.mark.parametrize(
    "change", [{"frames": 0}, {"sha256": "AB" * 32}, {"is_silent": 1}, {"more": 1}]
)
def test_an_edge_that_cannot_be_is_refused(change: dict[str, object]):
    members = edge_to_json(INSPECTION.head)
    assert edge_from_json(JsonFields(members, "edge", ValueError)) == INSPECTION.head
    with pytest.raises(ValueError, match="edge"):
        edge_from_json(JsonFields(members | change, "edge", ValueError))
