"""Requests for purges: what they may name, and how it is read."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import PurgeRequestError
from edge.purge_request import ENTRIES_MAX, TAG_CHARACTERS_MAX, decode_purge
from edge.purges import Purge

TOKEN = "se.cr.et"


@pytest.mark.parametrize(
    ("document", "purge"),
    [
        pytest.param({"urls": ["/a", "/a?b=c", "/a"]}, Purge(urls=("/a", "/a?b=c")), id="URLs"),
        pytest.param({"urls": ["https://cdn.example/a"]}, Purge(urls=("/a",)), id="absolute"),
        pytest.param({"urls": [f"/~{TOKEN}/a"]}, Purge(urls=("/a",)), id="with a token"),
        pytest.param(
            {"prefixes": ["/v1/audio/a/"]}, Purge(prefixes=("/v1/audio/a/",)), id="prefix"
        ),
        pytest.param({"tags": ["t", "u", "t"]}, Purge(tags=("t", "u")), id="tags"),
        pytest.param({"all": True, "soft": True}, Purge(is_all=True, is_soft=True), id="all"),
        pytest.param(
            {"urls": None, "tags": ["t"], "prefixes": [], "soft": None, "all": False},
            Purge(tags=("t",)),
            id="null and empty are absent",
        ),
    ],
)
def test_what_is_to_be_purged(document: dict[str, object], purge: Purge):
    assert decode_purge(orjson.dumps(document), is_token_checked=True) == purge


def test_a_general_cache_takes_targets_as_they_are():
    purge = decode_purge(b'{"urls":["/~x/a//b"]}', is_token_checked=False)
    assert purge.urls == ("/~x/a//b",)


@pytest.mark.parametrize(
    ("document", "told"),
    [
        pytest.param({}, "nothing is named", id="nothing"),
        pytest.param({"soft": True}, "nothing is named", id="soft alone"),
        pytest.param({"url": ["/a"]}, "known members", id="an unknown member"),
        pytest.param({"urls": "/a"}, "`urls` is a list", id="no list"),
        pytest.param({"tags": ["a", 1]}, "`tags` is a list", id="no text"),
        pytest.param({"all": 1}, "`all` is true or false", id="no flag"),
        pytest.param({"urls": ["/a", f"~{TOKEN}"]}, r"urls\[1\]", id="no URL"),
        pytest.param({"prefixes": [f"/~{TOKEN}/a/../b"]}, r"prefixes\[0\]", id="dot segments"),
        pytest.param({"tags": ["a", ""]}, r"tags\[1\]", id="an empty tag"),
        pytest.param({"tags": ["a\n"]}, r"tags\[0\]", id="a line end"),
        pytest.param({"tags": ["a" * (TAG_CHARACTERS_MAX + 1)]}, r"tags\[0\]", id="a long tag"),
        pytest.param({"tags": ["a"] * ENTRIES_MAX, "urls": ["/"]}, "at most", id="too many"),
        pytest.param([], "not a JSON object", id="a list"),
    ],
)
def test_what_is_no_purge(document: object, told: str):
    with pytest.raises(PurgeRequestError, match=told) as raised:
        decode_purge(orjson.dumps(document), is_token_checked=True)
    assert TOKEN not in str(raised.value)


@given(
    st.binary(max_size=40)
    | st.dictionaries(
        st.sampled_from(["urls", "prefixes", "tags", "all", "soft"]),
        st.none() | st.booleans() | st.lists(st.text(max_size=4), max_size=2),
    ).map(orjson.dumps),
    st.booleans(),
)
def test_any_content_is_a_purge_or_refused_by_the_one_error(data: bytes, is_token_checked: bool):
    try:
        purge = decode_purge(data, is_token_checked=is_token_checked)
    except PurgeRequestError as error:
        assert error.status == 400
    else:
        assert purge.entries > 0
