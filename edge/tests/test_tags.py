"""Tags: what a response can be purged by."""

import pytest
from multidict import CIMultiDict

from edge.tags import tags_of


@pytest.mark.parametrize(
    ("lines", "tags"),
    [
        pytest.param([], set(), id="none"),
        pytest.param([("Surrogate-Key", "track:a  album:b ")], {"track:a", "album:b"}, id="words"),
        pytest.param([("Surrogate-Key", "a, b,c  ,, d")], {"a", "b", "c", "d"}, id="commas"),
        pytest.param([("surrogate-key", "a"), ("Surrogate-Key", "b")], {"a", "b"}, id="two lines"),
        pytest.param([("Cache-Groups", '"a", "b c"')], {"a", "b c"}, id="groups"),
        pytest.param([("Cache-Groups", '"a";x="y", "b"')], {"a", "b", "y"}, id="parameters too"),
        pytest.param([("Cache-Groups", r'"a\"b", "c\\d"')], {'a"b', r"c\d"}, id="escapes"),
        pytest.param([("Cache-Groups", 'a, "b", "c')], {"b"}, id="malformed"),
        pytest.param([("Surrogate-Key", "a"), ("Cache-Groups", '"a"')], {"a"}, id="one of both"),
    ],
)
def test_tags_of_a_response(lines: list[tuple[str, str]], tags: set[str]):
    assert tags_of(CIMultiDict(lines)) == tags
