import contextlib
import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from player.errors import MalformedAnswerError, RenditionMissingError
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
