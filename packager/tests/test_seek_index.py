from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.encoded_track import EncodedTrack
from packager.fmp4 import plan_file
from packager.renditions import Codec
from packager.seek_index import (
    JSON_BYTES_MAX,
    JoinsWith,
    RenditionFacts,
    SeekIndexError,
    Segment,
    decode_seek_index,
    encode_seek_index,
    facts_from_json,
    facts_to_json,
    padding_of,
)
from packager.tests.samples import FACTS, TRACKS


@given(TRACKS)
def test_encode_and_decode_undo_each_other(track: EncodedTrack):
    plan = plan_file(track, None)
    facts = replace(FACTS, seek=plan.seek, bytes=plan.size_bytes, samples=track.samples)
    assert decode_seek_index(encode_seek_index(facts)) == facts


def test_the_document_says_what_a_player_needs():
    document = orjson.loads(encode_seek_index(FACTS))
    assert document["rendition"] == "aac-160"
    assert document["timescale_hz"] == 44_100
    assert document["init"] == {"offset": 0, "bytes": 800}
    assert document["index"] == {"offset": 800, "bytes": 80}
    assert document["segments"][1] == {
        "offset": 20_000,
        "bytes": 120_000,
        "start": 43_008,
        "duration": 264_192,
    }


def test_what_it_was_encoded_with_is_told_and_no_fact_of_the_rendition():
    data = encode_seek_index(FACTS, JoinsWith("ab" * 32, ""))
    assert orjson.loads(data)["joins_with"] == {"before": "ab" * 32, "after": None}
    assert decode_seek_index(data) == FACTS
    alone = orjson.loads(encode_seek_index(FACTS))
    assert alone["joins_with"] == {"before": None, "after": None}


def test_unknown_members_are_passed_over():
    assert facts_from_json({**facts_to_json(FACTS), "novelty": 1}) == FACTS


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"segments": []}, id="no segments"),
        pytest.param({"segments": {}}, id="segments that are no list"),
        pytest.param({"segments": [[]]}, id="a segment that is no object"),
        pytest.param({"samples": 600_001}, id="length beyond the last segment"),
        pytest.param({"bytes": 249_999}, id="size within the last segment"),
        pytest.param({"index": {"offset": 800, "bytes": 79}}, id="gap before the first segment"),
        pytest.param({"init": {"offset": 0}}, id="size of the header missing"),
        pytest.param({"protection": "rot13"}, id="unknown protection"),
        pytest.param({"sample_rate_hz": 0}, id="no sample rate"),
        pytest.param({"iv": "zz" * 16}, id="IV that is not hexadecimal"),
    ],
)
def test_an_inconsistent_index_is_refused(change: dict[str, object]):
    with pytest.raises(SeekIndexError):
        facts_from_json({**facts_to_json(FACTS), **change})


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"offset": 20_001}, id="gap in bytes"),
        pytest.param({"start_samples": 43_007}, id="overlap in time"),
        pytest.param({"duration_samples": 0}, id="no duration"),
        pytest.param({"bytes": 0}, id="no bytes"),
    ],
)
def test_segments_follow_one_another(changed: dict[str, int]):
    segments = list(FACTS.seek.segments)
    fields = {name: getattr(segments[1], name) for name in Segment.__slots__}
    segments[1] = Segment(**{**fields, **changed})
    facts = replace(FACTS, seek=replace(FACTS.seek, segments=tuple(segments)))
    with pytest.raises(SeekIndexError):
        facts_from_json(facts_to_json(facts))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="torn"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b" " * (JSON_BYTES_MAX + 1), id="too large"),
    ],
)
def test_what_is_no_index_is_refused(data: bytes):
    with pytest.raises(SeekIndexError):
        decode_seek_index(data)


@given(st.binary(max_size=200), st.integers(0, 2000))
def test_any_bytes_are_read_or_refused_by_the_one_error(noise: bytes, position: int):
    document = bytearray(encode_seek_index(FACTS))
    document[position : position + len(noise)] = noise
    try:
        facts = decode_seek_index(bytes(document))
    except SeekIndexError:
        pass
    else:
        assert isinstance(facts, RenditionFacts)


@pytest.mark.parametrize(
    ("codec", "priming", "samples", "padding"),
    [
        pytest.param(Codec.AAC, 1024, 1024, 0, id="whole frames"),
        pytest.param(Codec.AAC, 3072, 1025, 1023, id="one sample more"),
        pytest.param(Codec.OPUS, 312, 48_000, 648, id="Opus"),
        pytest.param(Codec.FLAC, 0, 4097, 0, id="FLAC"),
        pytest.param(Codec.VORBIS, 0, 4097, 0, id="Vorbis"),
    ],
)
def test_the_padding_fills_the_last_frame(codec: Codec, priming: int, samples: int, padding: int):
    facts = replace(FACTS, codec=codec, priming=priming, samples=samples)
    assert padding_of(facts) == padding
