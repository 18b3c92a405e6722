import contextlib
import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from player.errors import MalformedAnswerError, RenditionMissingError
from player.playback_gain import Level, TrackLevels
from player.tests.stage import Packaged
from player.track_document import (
    RenditionEntry,
    check_against_record,
    decode_track_document,
)

ENTRY = {"name": "flac", "url": "x.mp4", "samples": 5, "bytes": 7, "sha256": "ab"}


def test_a_record_is_read_and_what_is_unknown_passed_over():
    data = json.dumps({"title": "T", "more": 1, "renditions": [ENTRY | {"codec": "flac"}]})
    document = decode_track_document(data.encode())
    assert document.title == "T"
    assert document.rendition("flac") == RenditionEntry("flac", "x.mp4", 5, 7, "ab")


def test_a_rendition_that_is_not_packaged_yet_is_found_by_its_address():
    unknown = {"packaged": False, "samples": None, "bytes": None, "sha256": None}
    data = json.dumps({"title": "T", "renditions": [ENTRY | unknown]})
    entry = decode_track_document(data.encode()).rendition("flac")
    assert entry == RenditionEntry("flac", "x.mp4", None, None, None)


LOUDNESS = {
    "integrated_lufs": -9,
    "range_lu": 4.0,
    "true_peak_dbtp": 0.5,
    "album_lufs": -10.0,
    "album_true_peak_dbtp": 0.75,
}


@pytest.mark.parametrize(
    ("loudness", "levels"),
    [
        pytest.param(None, None, id="not told"),
        pytest.param(LOUDNESS, TrackLevels(Level(-9, 0.5), Level(-10, 0.75)), id="with an album"),
        pytest.param(
            {"integrated_lufs": -70.0, "true_peak_dbtp": -144.0, "album_lufs": None},
            TrackLevels(Level(-70, -144)),
            id="alone",
        ),
        pytest.param(
            {"integrated_lufs": -20.0, "true_peak_dbtp": -3.0, "stereo": LOUDNESS},
            TrackLevels(Level(-20, -3), stereo=TrackLevels(Level(-9, 0.5), Level(-10, 0.75))),
            id="mixed down",
        ),
    ],
)
def test_loudness_is_read(loudness: object, levels: TrackLevels | None):
    data = json.dumps({"title": "T", "renditions": [], "loudness": loudness})
    assert decode_track_document(data.encode()).levels == levels


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"integrated_lufs": None}, id="missing"),
        pytest.param({"integrated_lufs": True}, id="a bool"),
        pytest.param({"true_peak_dbtp": "0"}, id="a text"),
        pytest.param({"true_peak_dbtp": 1e9}, id="no loudness"),
        pytest.param({"album_true_peak_dbtp": None}, id="half an album"),
        pytest.param({"stereo": 1}, id="stereo is no object"),
        pytest.param({"stereo": LOUDNESS | {"stereo": LOUDNESS}}, id="stereo within stereo"),
    ],
)
def test_malformed_loudness_is_refused(changes: dict[str, object]):
    data = json.dumps({"title": "T", "renditions": [], "loudness": LOUDNESS | changes})
    with pytest.raises(MalformedAnswerError):
        decode_track_document(data.encode())


def test_a_missing_rendition_names_those_that_are_there():
    document = decode_track_document(json.dumps({"title": "T", "renditions": [ENTRY]}).encode())
    with pytest.raises(RenditionMissingError, match="flac"):
        document.rendition("opus-24")


@pytest.mark.parametrize(
    "document",
    [
        pytest.param("{", id="not JSON"),
        pytest.param("[]", id="not an object"),
        pytest.param('{"title": "T"}', id="no renditions"),
        pytest.param('{"title": "T", "renditions": [1]}', id="an entry that is no object"),
        pytest.param('{"renditions": []}', id="no title"),
        pytest.param(
            json.dumps({"title": "T", "renditions": [ENTRY | {"bytes": True}]}), id="bool"
        ),
        pytest.param(
            json.dumps({"title": "T", "renditions": [ENTRY | {"bytes": -1}]}), id="below 0"
        ),
        pytest.param(
            json.dumps({"title": "T", "renditions": [ENTRY | {"url": None}]}), id="no url"
        ),
    ],
)
def test_a_malformed_record_is_refused(document: str):
    with pytest.raises(MalformedAnswerError):
        decode_track_document(document.encode())


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(data: bytes):
    with contextlib.suppress(MalformedAnswerError):
        decode_track_document(data)


@pytest.mark.parametrize("member", ["name", "samples", "bytes", "sha256"])
def test_a_seek_index_of_another_file_is_refused(packaged: Packaged, member: str):
    facts = packaged.facts
    entry = RenditionEntry(facts.name, "x", facts.samples, facts.bytes, facts.sha256)
    check_against_record(facts, entry)
    other: Any = "other" if isinstance(getattr(entry, member), str) else 1
    with pytest.raises(MalformedAnswerError, match="disagree"):
        check_against_record(facts, dataclasses.replace(entry, **{member: other}))
