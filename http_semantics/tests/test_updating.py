"""What a newer response does to a stored one."""

import pytest
from multidict import CIMultiDict

from http_semantics.updating import HeadUpdate, freshened_fields, head_update, is_confirmed

Fields = dict[str, str]
MODIFIED = "Tue, 14 Nov 2023 22:13:20 GMT"
LATER = "Tue, 14 Nov 2023 23:13:20 GMT"


def test_fields_are_replaced_and_added():
    stored = CIMultiDict([("A", "1"), ("B", "1"), ("A", "2")])
    received = CIMultiDict([("a", "3"), ("C", "4"), ("C", "5")])
    assert list(freshened_fields(stored, received).items()) == [
        ("B", "1"),
        ("a", "3"),
        ("C", "4"),
        ("C", "5"),
    ]


@pytest.mark.parametrize(
    "name", ["Content-Encoding", "Content-Length", "Content-Range", "ETag", "Keep-Alive", "Listed"]
)
def test_fields_of_the_content_and_of_the_connection_stay(name: str):
    stored = CIMultiDict({"ETag": '"1"', name: "old"})
    received = CIMultiDict({"Connection": "listed", name: "new"})
    assert freshened_fields(stored, received) == stored


@pytest.mark.parametrize(
    "name", ["Content-Type", "Content-Location", "Content-Foo", "Expires", "Set-Cookie", "Vary"]
)
def test_all_others_are_updated(name: str):
    freshened = freshened_fields(CIMultiDict({name: "old"}), CIMultiDict({name: "new"}))
    assert freshened == CIMultiDict({name: "new"})


def test_a_tag_is_taken_where_there_was_none():
    assert freshened_fields(CIMultiDict(), CIMultiDict({"ETag": '"1"'}))["ETag"] == '"1"'


def test_what_is_not_to_be_stored_goes_from_both():
    stored, received = CIMultiDict({"A": "1", "B": "1"}), CIMultiDict({"A": "2", "C": "3"})
    freshened = freshened_fields(stored, received, dropped=frozenset({"a", "c"}))
    assert freshened == CIMultiDict({"B": "1"})


@pytest.mark.parametrize(
    ("stored", "received", "expected"),
    [
        pytest.param({"ETag": '"1"'}, {"ETag": '"1"'}, True, id="same tag"),
        pytest.param({"ETag": '"1"'}, {"ETag": '"2"'}, False, id="other tag"),
        pytest.param({"ETag": 'W/"1"'}, {"ETag": '"1"'}, False, id="stored tag is weak"),
        pytest.param({"ETag": '"1"'}, {"ETag": 'W/"1"'}, True, id="received tag is weak"),
        pytest.param({"Last-Modified": MODIFIED}, {"ETag": '"1"'}, False, id="unknown tag"),
        pytest.param({"ETag": "1"}, {"ETag": "1"}, True, id="same text that is no tag"),
        pytest.param({"ETag": '"1"'}, {}, True, id="no validator"),
        pytest.param({}, {}, True, id="no validator in both"),
        pytest.param(
            {"Last-Modified": MODIFIED}, {"Last-Modified": MODIFIED}, True, id="same date"
        ),
        pytest.param({"Last-Modified": MODIFIED}, {"Last-Modified": LATER}, False, id="other date"),
        pytest.param(
            {"ETag": '"1"', "Last-Modified": MODIFIED},
            {"ETag": '"1"', "Last-Modified": LATER},
            True,
            id="the tag counts",
        ),
        pytest.param({"ETag": '"1"'}, {"Last-Modified": MODIFIED}, True, id="another validator"),
    ],
)
def test_which_304_is_about_it(stored: Fields, received: Fields, expected: bool):
    assert is_confirmed(CIMultiDict(stored), CIMultiDict(received)) is expected


@pytest.mark.parametrize(
    ("status", "received", "expected"),
    [
        pytest.param(200, {}, HeadUpdate.FRESHEN, id="says nothing"),
        pytest.param(200, {"ETag": '"1"'}, HeadUpdate.FRESHEN, id="same tag"),
        pytest.param(200, {"ETag": '"2"'}, HeadUpdate.INVALIDATE, id="other tag"),
        pytest.param(200, {"Last-Modified": MODIFIED}, HeadUpdate.FRESHEN, id="same date"),
        pytest.param(200, {"Last-Modified": LATER}, HeadUpdate.INVALIDATE, id="other date"),
        pytest.param(200, {"Content-Length": "5"}, HeadUpdate.FRESHEN, id="same length"),
        pytest.param(200, {"Content-Length": "6"}, HeadUpdate.INVALIDATE, id="other length"),
        pytest.param(
            200, {"ETag": '"1"', "Last-Modified": LATER}, HeadUpdate.INVALIDATE, id="one differs"
        ),
        pytest.param(404, {"ETag": '"2"'}, HeadUpdate.NOTHING, id="not 200"),
        pytest.param(304, {}, HeadUpdate.NOTHING, id="not modified"),
    ],
)
def test_responses_to_head(status: int, received: Fields, expected: HeadUpdate):
    stored = CIMultiDict({"ETag": '"1"', "Last-Modified": MODIFIED})
    update = head_update(stored, CIMultiDict(received), status=status, complete_length=5)
    assert update is expected


def test_a_length_that_is_not_known_differs():
    update = head_update(
        CIMultiDict(), CIMultiDict({"Content-Length": "5"}), status=200, complete_length=None
    )
    assert update is HeadUpdate.INVALIDATE
