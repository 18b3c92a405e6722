"""Reading requests to warm the cache: what is taken, what is refused, what is never shown."""

import orjson
import pytest

from edge.errors import TargetError, WarmRequestError
from edge.warm_request import TARGETS_MAX, Extent, WarmOrder, decode_warm


def decode(*, is_token_checked: bool = True, **document: object) -> WarmOrder:
    return decode_warm(orjson.dumps(document), is_token_checked=is_token_checked)


@pytest.mark.parametrize(
    ("text", "is_token_checked", "target"),
    [
        pytest.param("/v1/a?b=c", True, "/v1/a?b=c", id="path and query"),
        pytest.param("/~abc.def.ghi/v1/a", True, "/v1/a", id="the token goes"),
        pytest.param("/~abc/v1/a", False, "/~abc/v1/a", id="no token where none is checked"),
        pytest.param("http://elsewhere.example/v1/a", True, "/v1/a", id="other hosts: the path"),
        pytest.param("https://edge.example/~abc.def/v1/a?x", True, "/v1/a?x", id="URL with token"),
        pytest.param("https://edge.example", True, "/", id="a host alone"),
        pytest.param("/a/../b", False, "/a/../b", id="nothing is read into it unchecked"),
    ],
)
def test_targets_are_read_as_those_of_listeners(text: str, is_token_checked: bool, target: str):
    assert decode(is_token_checked=is_token_checked, targets=[text]).targets == (target,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v1/a",
        "ftp://host/a",
        "/a b",
        "/a\n/b",
        "/é",
        "/v1/../admin/purge",
        "/v1//a",
        "/v1/%2e%2e/a",
        "/v1/a\\b",
        "/" + "a" * 8190,
        "/v1/licenses/clearkey",
        "/v1/tokens",
        "/~SECRET/../v1/a",
        "/~SECRET.SECRET/v1/licenses/hls/x",
    ],
)
def test_what_is_no_target_is_refused_alone_and_not_shown(text: str):
    refused, kept = decode(targets=[text, "/v1/a"]).targets
    assert isinstance(refused, TargetError)
    assert "SECRET" not in str(refused)
    assert kept == "/v1/a"


@pytest.mark.parametrize(
    ("members", "extent"),
    [
        ({}, Extent()),
        ({"bytes": 1000, "range": None}, Extent(0, 1000)),
        ({"range": "bytes=5-9"}, Extent(5, 10)),
        ({"range": "bytes=5-"}, Extent(5)),
    ],
)
def test_a_part_of_each_target_may_be_wanted(members: dict[str, object], extent: Extent):
    data = orjson.dumps({"targets": ["/a"], **members})
    assert decode_warm(data, is_token_checked=True).extent == extent


def test_a_call_may_have_a_pace_of_its_own():
    order = decode(targets=["/a"], bytes_per_s=1 << 20, concurrency=3)
    assert (order.bytes_per_s, order.concurrency) == (1 << 20, 3)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b"{}", id="no targets"),
        pytest.param(b'{"targets": []}', id="an empty list"),
        pytest.param(b'{"targets": "/a"}', id="no list"),
        pytest.param(b'{"targets": ["/a", 1]}', id="no text"),
        pytest.param(b'{"targets": ["/a"], "urls": []}', id="unknown member"),
        pytest.param(b'{"targets": ["/a"], "bytes": 0}', id="no bytes"),
        pytest.param(b'{"targets": ["/a"], "bytes": true}', id="a flag"),
        pytest.param(b'{"targets": ["/a"], "bytes": 1.5}', id="a fraction"),
        pytest.param(b'{"targets": ["/a"], "bytes": 99999999999999999999}', id="too many bytes"),
        pytest.param(b'{"targets": ["/a"], "bytes": 1, "range": "bytes=0-1"}', id="both"),
        pytest.param(b'{"targets": ["/a"], "range": "bytes=-5"}', id="suffix"),
        pytest.param(b'{"targets": ["/a"], "range": "bytes=0-1,5-6"}', id="two ranges"),
        pytest.param(b'{"targets": ["/a"], "range": "bytes=9-5"}', id="inverted"),
        pytest.param(b'{"targets": ["/a"], "range": "lines=1-2"}', id="other unit"),
        pytest.param(b'{"targets": ["/a"], "range": 5}', id="range is a number"),
        pytest.param(b'{"targets": ["/a"], "bytes_per_s": -1}', id="negative pace"),
        pytest.param(b'{"targets": ["/a"], "concurrency": 0}', id="nobody works"),
    ],
)
def test_other_documents_are_refused(document: bytes):
    with pytest.raises(WarmRequestError):
        decode_warm(document, is_token_checked=True)


def test_longer_lists_are_refused():
    assert len(decode(targets=["/a"] * TARGETS_MAX).targets) == TARGETS_MAX
    with pytest.raises(WarmRequestError, match="10000 targets, at most 1000"):
        decode(targets=["/a"] * 10_000)
