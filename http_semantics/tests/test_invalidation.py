"""What a change of state makes stale."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from http_semantics.invalidation import invalidated_groups, invalidated_targets, is_same_target

URI = "http://music.test/a/b?c=1"


@pytest.mark.parametrize(
    ("method", "status", "expected"),
    [
        pytest.param("POST", 200, True, id="POST"),
        pytest.param("PUT", 204, True, id="PUT"),
        pytest.param("DELETE", 202, True, id="DELETE"),
        pytest.param("PATCH", 303, True, id="redirection"),
        pytest.param("M-SEARCH", 200, True, id="unknown method"),
        pytest.param("get", 200, True, id="methods are case-sensitive"),
        pytest.param("GET", 200, False, id="GET"),
        pytest.param("HEAD", 200, False, id="HEAD"),
        pytest.param("OPTIONS", 200, False, id="OPTIONS"),
        pytest.param("POST", 100, False, id="interim"),
        pytest.param("POST", 404, False, id="client's error"),
        pytest.param("POST", 500, False, id="server's error"),
    ],
)
def test_when_the_target_is_invalidated(method: str, status: int, expected: bool):
    targets = invalidated_targets(method, status, URI, CIMultiDict())
    assert targets == (("/a/b?c=1",) if expected else ())


@pytest.mark.parametrize("uri", ["http:///a", "http://[/a", "http://a:99999/a"])
def test_without_a_host_only_the_target_itself_is_invalidated(uri: str):
    fields = CIMultiDict({"Location": "/other", "Content-Location": "http://a/other"})
    assert invalidated_targets("POST", 200, uri, fields) == ("/a",)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        pytest.param("/x", "/x", id="path"),
        pytest.param("x", "/a/x", id="relative path"),
        pytest.param("../x?y=2", "/x?y=2", id="dots"),
        pytest.param("/x/./y/../z", "/x/z", id="dots within"),
        pytest.param("/../../x", "/x", id="dots beyond the root"),
        pytest.param("/x/..", "/", id="dots at the end"),
        pytest.param("?d=2", "/a/b?d=2", id="query"),
        pytest.param("/x#part", "/x", id="fragment"),
        pytest.param(" /x ", "/x", id="whitespace"),
        pytest.param("http://music.test/x", "/x", id="absolute"),
        pytest.param("http://music.test", "/", id="no path"),
        pytest.param("HTTP://Music.Test:80/x", "/x", id="same origin otherwise written"),
        pytest.param("//music.test/x", "/x", id="without scheme"),
        pytest.param("http://music.test/x/../y", "/y", id="absolute with dots"),
        pytest.param("http://music.test/../x/./y", "/x/y", id="absolute beyond the root"),
        pytest.param("http://music.test/x/y/..", "/x/", id="absolute with dots at the end"),
        pytest.param("http://music.test/..", "/", id="absolute with nothing but dots"),
    ],
)
@pytest.mark.parametrize("name", ["Location", "Content-Location"])
def test_references_of_the_same_origin_are_invalidated(name: str, reference: str, expected: str):
    targets = invalidated_targets("POST", 201, URI, CIMultiDict({name: reference}))
    assert targets == ("/a/b?c=1", expected)


@pytest.mark.parametrize(
    "reference",
    [
        pytest.param("http://other.test/x", id="other host"),
        pytest.param("https://music.test/x", id="other scheme"),
        pytest.param("http://music.test:8080/x", id="other port"),
        pytest.param("//other.test/x", id="other host without scheme"),
        pytest.param("mailto:x@music.test", id="no host"),
        pytest.param("http://[/x", id="no URI"),
        pytest.param("http://music.test:x/y", id="no port"),
        pytest.param("", id="the target itself"),
    ],
)
def test_nothing_else_is_invalidated(reference: str):
    targets = invalidated_targets("POST", 201, URI, CIMultiDict({"Location": reference}))
    assert targets == ("/a/b?c=1",)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        pytest.param("http://music.test", "/", id="no path"),
        pytest.param("http://music.test?x", "/?x", id="query without path"),
        pytest.param("http://music.test/a/../b", "/a/../b", id="dots"),
        pytest.param("http://music.test/a?", "/a?", id="empty query"),
        pytest.param("http://music.test/%41", "/%41", id="escapes"),
    ],
)
def test_the_target_is_taken_as_it_was_sent(uri: str, expected: str):
    assert invalidated_targets("PUT", 200, uri, CIMultiDict()) == (expected,)


@pytest.mark.parametrize(
    ("method", "status", "value", "expected"),
    [
        pytest.param("POST", 200, '"a", "b";x=1', {"a", "b"}, id="groups"),
        pytest.param("POST", 500, '"a"', {"a"}, id="whatever the final status"),
        pytest.param("POST", 103, '"a"', set(), id="interim"),
        pytest.param("GET", 200, '"a"', set(), id="safe method"),
        pytest.param("POST", 200, '"a", b', set(), id="not all of them strings"),
        pytest.param("POST", 200, '"a', set(), id="malformed"),
        pytest.param("POST", 200, "", set(), id="empty"),
    ],
)
def test_groups(method: str, status: int, value: str, expected: set[str]):
    fields = CIMultiDict({"Cache-Group-Invalidation": value})
    assert invalidated_groups(method, status, fields) == expected


def test_lines_of_groups_are_one_list():
    fields = CIMultiDict([("cache-group-invalidation", '"a"'), ("Cache-Group-Invalidation", '"b"')])
    assert invalidated_groups("PUT", 204, fields) == {"a", "b"}


def test_a_reference_may_mean_the_target_itself():
    assert is_same_target("", URI)
    assert is_same_target("b?c=1", URI)
    assert not is_same_target("b", URI)
    assert not is_same_target("http://other.test/a/b?c=1", URI)
    assert not is_same_target("http://[/", URI)


@given(st.text())
def test_any_reference_is_read_or_ignored(reference: str):
    targets = invalidated_targets("POST", 200, URI, CIMultiDict({"Location": reference}))
    assert targets[0] == "/a/b?c=1"
    assert all(target.startswith("/") for target in targets)
