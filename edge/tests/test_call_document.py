import pytest

from edge.call_document import decode_object, read_texts
from edge.errors import PurgeRequestError


def test_members_may_be_missing():
    assert decode_object(b'{"b": 1}', ("a", "b"), error=PurgeRequestError) == {"b": 1}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        pytest.param(b"{", "not JSON", id="no JSON"),
        pytest.param(b"\xff", "not JSON", id="no text"),
        pytest.param(b"[]", "not a JSON object", id="no object"),
        pytest.param(b'{"c": 1}', "known members are: a, b", id="another member"),
    ],
)
def test_what_is_no_such_document(data: bytes, told: str):
    with pytest.raises(PurgeRequestError, match=told):
        decode_object(data, ("a", "b"), error=PurgeRequestError)


@pytest.mark.parametrize("value", [None, "a", {"a": 1}, ["a", 1], [None]])
def test_a_list_of_texts_holds_texts_alone(value: object):
    with pytest.raises(PurgeRequestError, match="`a` is a list of texts"):
        read_texts(value, "a", error=PurgeRequestError)


@pytest.mark.parametrize("texts", [[], ["a", "b"]])
def test_texts_are_read(texts: list[str]):
    assert read_texts(texts, "a", error=PurgeRequestError) == texts
