import pytest

from edge.tls.names import ByName


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("a.example", "first", id="exact"),
        pytest.param("A.Example.", "first", id="case and a last dot"),
        pytest.param("x.b.example", "second", id="wildcard"),
        pytest.param("y.b.example", "third", id="exact before wildcard"),
        pytest.param("x.y.b.example", "first", id="a wildcard is one label"),
        pytest.param("b.example", "first", id="and not none"),
        pytest.param("unknown", "first", id="the default"),
        pytest.param("", "first", id="no name"),
    ],
)
def test_a_name_finds_what_is_for_it(name: str, expected: str):
    table = ByName(
        [
            (["a.example"], "first"),
            (["*.b.example", "a.example"], "second"),
            (["y.b.example"], "third"),
        ]
    )
    assert table.find(name) == expected
