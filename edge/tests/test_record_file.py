"""Records as bytes: what was written is read, and anything else is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.record_file import RecordError, decode_records, encode_records
from edge.representation import Representation
from edge.tests.making import NOW_S, head_from, representation_of


def facts_of(one: Representation) -> tuple[object, ...]:
    return (
        one.target,
        one.status,
        one.validator,
        one.has_strong_validator,
        one.complete_length,
        one.slice_bytes,
        list(one.fields.items()),
        one.validators,
        one.times,
        one.policy,
        one.selecting,
        one.purge_sequence,
        one.is_purged_softly,
        one.digest,
    )


def test_what_was_written_is_read():
    found = [
        representation_of(head_from(Vary="Accept-Language", Last_Modified="x")),
        representation_of(head_from(404, ETag='W/"v1"', Cache_Control="s-maxage=5")),
    ]
    found[1].purge_sequence, found[1].is_purged_softly = 7, True
    read = decode_records(encode_records("/a", found), "/a")
    assert [facts_of(one) for one in read] == [facts_of(one) for one in found]
    assert all(one.is_on_disk for one in read)
    assert read[0].age_s(now_s=NOW_S + 9) == found[0].age_s(now_s=NOW_S + 9)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=0xDCFF), max_size=20))
def test_field_values_of_any_bytes_come_back(value: str):
    found = representation_of(head_from(X=f"v{value}"))
    (read,) = decode_records(encode_records("/a", [found]), "/a")
    assert read.fields["X"] == found.fields["X"]


GOOD = encode_records("/a", [representation_of()])


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_by_the_one_error(data: bytes):
    with pytest.raises(RecordError):
        decode_records(data, "/a")


@given(st.data())
def test_half_of_a_record_is_none(data: st.DataObject):
    with pytest.raises(RecordError):
        decode_records(GOOD[: data.draw(st.integers(0, len(GOOD) - 1))], "/a")


def test_records_of_another_target_are_none_of_ours():
    with pytest.raises(RecordError):
        decode_records(GOOD, "/b")


@pytest.mark.parametrize("name", ["status", "fields", "times", "selecting", "complete_length"])
def test_a_record_that_lacks_something_is_refused(name: str):
    document = json.loads(GOOD)
    del document["variants"][0][name]
    with pytest.raises(RecordError):
        decode_records(json.dumps(document).encode(), "/a")
