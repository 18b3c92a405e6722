"""Records as bytes: they come back as they were, and what is damaged is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from edge.record_file import RecordError, decode_records, encode_records
from edge.representation import Representation
from edge.tests.making import head_from, representation_of
from http_semantics.vary import Selecting

# Field values are bytes of which some are no UTF-8: these stand for them.
TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00\r\n")
    | st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF, categories=["Cs"]),
    max_size=20,
)


KEPT = (
    *("status", "validator", "has_strong_validator", "complete_length", "slice_bytes"),
    *("times", "policy", "validators", "selecting", "purge_sequence", "is_purged_softly"),
    *("is_range_ignored", "target", "identity", "digest"),
)


def facts_of(one: Representation) -> dict[str, object]:
    facts = {name: getattr(one, name) for name in KEPT}
    return facts | {"fields": list(one.fields.items())}


def test_records_come_back_in_their_order():
    date = "Tue, 14 Nov 2023 22:13:20 GMT"
    first = representation_of(head_from(Date=date))
    second = representation_of(head_from(404, ETag="", Age="7", Date=date))
    first.selecting = Selecting(("accept", "x"), ("audio/mp4", None))
    first.purge_sequence, first.is_purged_softly, second.is_range_ignored = 7, True, True
    decoded = decode_records(encode_records("/a", [first, second]), "/a")
    assert [facts_of(one) for one in decoded] == [facts_of(first), facts_of(second)]
    assert all(one.is_on_disk for one in decoded)
    assert decoded[0].born_sequence == 7


@given(st.lists(st.tuples(st.sampled_from(["X-A", "x-a", "X-B"]), TEXTS), max_size=5), TEXTS)
def test_fields_of_any_bytes_come_back(fields: list[tuple[str, str]], target: str):
    one = representation_of(target=target)
    one.fields = CIMultiDict(fields)
    (decoded,) = decode_records(encode_records(target, [one]), target)
    assert list(decoded.fields.items()) == fields
    assert decoded.digest == one.digest


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_by_the_one_error(data: bytes):
    with pytest.raises(RecordError):
        decode_records(data, "/a")


DOCUMENT = json.loads(encode_records("/a", [representation_of()]))


@pytest.mark.parametrize("name", sorted(DOCUMENT["variants"][0]))
@pytest.mark.parametrize("value", [None, "x", [1], {}, 1e999])
def test_a_record_with_a_wrong_member_is_refused_or_read(name: str, value: object):
    variant = {**DOCUMENT["variants"][0], name: value}
    data = json.dumps({**DOCUMENT, "variants": [variant]}).encode()
    try:
        (decoded,) = decode_records(data, "/a")
    except RecordError:
        return
    assert decoded.target == "/a"


@pytest.mark.parametrize("name", sorted(DOCUMENT["variants"][0]))
def test_a_record_that_lacks_a_member_is_refused(name: str):
    variant = {key: value for key, value in DOCUMENT["variants"][0].items() if key != name}
    with pytest.raises(RecordError):
        decode_records(json.dumps({**DOCUMENT, "variants": [variant]}).encode(), "/a")


def test_records_of_another_target_are_refused():
    with pytest.raises(RecordError):
        decode_records(encode_records("/a", [representation_of()]), "/b")
