"""Representations: how a head is read, when two are the same, how one is freshened."""

import pytest

from edge.representation import ResponseHead
from edge.tests.making import NOW_S, head_from, representation_of
from http_semantics.byte_range import ByteSlice
from http_semantics.storing import Refusal
from http_semantics.vary import EMPTY, Selecting


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        pytest.param(head_from(), None, id="fresh"),
        pytest.param(head_from(Cache_Control="no-store"), Refusal.NO_STORE, id="no-store"),
        pytest.param(head_from(Cache_Control="", ETag=""), Refusal.NO_FRESHNESS, id="says nothing"),
        pytest.param(head_from(Set_Cookie="a=b"), Refusal.SET_COOKIE, id="cookie"),
        pytest.param(head_from(Vary="Accept-Encoding"), None, id="varies"),
        pytest.param(head_from(Vary="*"), Refusal.VARY, id="varies by anything"),
        pytest.param(head_from(Vary="Accept, Cookie"), Refusal.VARY, id="varies by who asks"),
        pytest.param(
            head_from(Vary="Cookie", is_token_checked=True), None, id="who asks was not told"
        ),
        pytest.param(head_from(304), None, id="304, of what is stored"),
        pytest.param(head_from(304, Cache_Control="no-store"), Refusal.NO_STORE, id="no longer"),
        pytest.param(head_from(is_authorized=True), Refusal.AUTHORIZATION, id="authorized"),
    ],
)
def test_what_may_be_stored(head: ResponseHead, expected: Refusal | None):
    assert head.refusal == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("1000", 1000, id="digits"),
        pytest.param("", None, id="absent"),
        pytest.param("-1", None, id="negative"),
        pytest.param("1e3", None, id="no number"),
        pytest.param("9" * 30, None, id="beyond all reason"),
    ],
)
def test_content_length(value: str, expected: int | None):
    assert head_from(Content_Length=value).content_length == expected


def test_a_chunked_answer_has_no_length():
    assert head_from(Transfer_Encoding="chunked").content_length is None


def test_fields_of_the_connection_and_of_one_answer_are_not_stored():
    head = head_from(Connection="X-Hop, close", X_Hop="1", X_End="2", Age="3", Accept_Ranges="none")
    assert set(head.fields) == {"ETag", "Cache-Control", "Date", "X-End"}


def test_the_place_of_a_part_is_not_stored():
    assert "Content-Range" not in head_from(206, Content_Range="bytes 0-1/2").fields


def test_without_a_strong_validator_it_is_nobodys_version_but_its_own():
    weak = representation_of(head_from(ETag='W/"v1"'))
    assert not weak.has_strong_validator
    assert weak.validator == "nonce"
    assert not weak.is_same_version(head_from(ETag='W/"v1"'), 1000)


@pytest.mark.parametrize(
    ("etag", "length", "expected"),
    [
        pytest.param('"v1"', 1000, True, id="same"),
        pytest.param('"v2"', 1000, False, id="other tag"),
        pytest.param('"v1"', 999, False, id="other length"),
        pytest.param('W/"v1"', 1000, False, id="weak"),
        pytest.param("", 1000, False, id="no tag"),
    ],
)
def test_same_version(etag: str, length: int, *, expected: bool):
    assert representation_of().is_same_version(head_from(ETag=etag), length) is expected


def test_an_error_under_the_tag_of_a_success_is_another_version():
    gone = representation_of(head_from(404))
    assert gone.is_same_version(head_from(404), 1000)
    assert not gone.is_same_version(head_from(206), 1000)
    assert not representation_of().is_same_version(head_from(404), 1000)


def test_while_tokens_are_checked_no_field_selects_a_variant():
    assert head_from(Vary="Origin").selecting == Selecting(("origin",), (None,))
    assert head_from(Vary="Origin", is_token_checked=True).selecting == EMPTY
    assert head_from(Vary="*", is_token_checked=True).selecting is None


def test_a_field_that_is_one_listeners_is_not_stored():
    head = head_from(Cache_Control='max-age=60, private="X-Own"', X_Own="1", X_End="2")
    assert "X-Own" not in head.fields
    assert head.fields["X-End"] == "2"


def test_digests_tell_versions_variants_and_tags_apart():
    heads = [
        head_from(),
        head_from(ETag='"v2"'),
        head_from(Vary="Origin"),
        head_from(Surrogate_Key="album"),
    ]
    found = [representation_of(head) for head in heads]
    found += [representation_of(complete_length=999), representation_of(target="/b")]
    assert len({one.digest for one in found}) == len(found)
    assert representation_of().digest == found[0].digest


def test_slices_cover_the_content():
    found = representation_of(complete_length=250)
    assert [found.part_of(number) for number in range(3)] == [
        ByteSlice(0, 100),
        ByteSlice(100, 200),
        ByteSlice(200, 250),
    ]
    assert found.numbers_of(ByteSlice(99, 101)) == range(2)
    assert found.numbers_of(ByteSlice(100, 200)) == range(1, 2)


def test_freshening_takes_over_fields_and_times():
    found = representation_of(head_from(X_Old="1", X_Both="1", Content_Type="audio/mp4"))
    assert found.policy.lifetime_s == 60
    found.freshen(
        head_from(304, Cache_Control="max-age=100", X_Both="2", Content_Type="text/x"),
        purge_sequence=0,
    )
    assert found.policy.lifetime_s == 100
    assert (found.fields["X-Old"], found.fields["X-Both"]) == ("1", "2")


def test_a_304_that_says_nothing_of_freshness_leaves_the_stored_rule():
    found = representation_of()
    found.freshen(head_from(304, Cache_Control="", Age="7"), purge_sequence=0)
    assert found.policy.lifetime_s == 60
    assert found.age_s(now_s=NOW_S) == 7


def test_its_size_grows_with_its_fields():
    small, large = representation_of(), representation_of(head_from(X_Long="x" * 5000))
    assert large.size_bytes - small.size_bytes > 5000
