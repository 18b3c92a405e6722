"""Selecting stored responses by request fields."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from http_semantics.vary import EMPTY, NAMES_MAX, Selecting, choose, matches, selecting_of

Lines = list[tuple[str, str]]


def is_selected(vary: str, original: Lines, presented: Lines) -> bool:
    selecting = selecting_of(vary, CIMultiDict(original))
    assert selecting is not None
    return matches(selecting, CIMultiDict(presented))


@pytest.mark.parametrize(
    ("vary", "expected"),
    [
        pytest.param(None, EMPTY, id="absent"),
        pytest.param("", EMPTY, id="empty"),
        pytest.param(" , ", EMPTY, id="empty elements"),
        pytest.param("Foo", Selecting(("foo",), ("1",)), id="one"),
        pytest.param("Foo, Bar,foo", Selecting(("bar", "foo"), (None, "1")), id="once each"),
        pytest.param("*", None, id="asterisk"),
        pytest.param("Foo, *", None, id="asterisk in a list"),
        pytest.param(", *", None, id="asterisk after nothing"),
        pytest.param("a b", None, id="no field name"),
        pytest.param(",".join(f"x{i}" for i in range(NAMES_MAX + 1)), None, id="too many"),
    ],
)
def test_what_selects(vary: str | None, expected: Selecting | None):
    assert selecting_of(vary, CIMultiDict({"FOO": " 1 "})) == expected


@pytest.mark.parametrize(
    ("original", "presented"),
    [
        pytest.param([("Foo", "1")], [("Foo", "1"), ("Other", "2")], id="same"),
        pytest.param([], [], id="absent in both"),
        pytest.param([("Foo", "1, 2")], [("Foo", "1"), ("Foo", "2")], id="two lines"),
        pytest.param([("Foo", "1,2")], [("Foo", " 1 ,  2 ")], id="whitespace"),
        pytest.param(
            [("Accept-Language", "en, de")], [("Accept-Language", "dE,EN")], id="languages"
        ),
        pytest.param(
            [("Accept-Encoding", "gzip, br;q=0.5")],
            [("Accept-Encoding", "BR ; q=0.500, x-gzip;q=1")],
            id="codings",
        ),
        pytest.param(
            [("Accept", "text/HTML;Level=1, */*;q=0.1")],
            [("Accept", "*/*;q=0.10"), ("Accept", "text/html; level=1")],
            id="media types",
        ),
    ],
)
def test_fields_that_mean_the_same_match(original: Lines, presented: Lines):
    assert is_selected("Foo, Accept, Accept-Language, Accept-Encoding", original, presented)
    assert is_selected("Foo, Accept, Accept-Language, Accept-Encoding", presented, original)


@pytest.mark.parametrize(
    ("original", "presented"),
    [
        pytest.param([("Foo", "1")], [("Foo", "2")], id="other value"),
        pytest.param([("Foo", "1")], [], id="absent now"),
        pytest.param([], [("Foo", "1")], id="absent then"),
        pytest.param([("Foo", "")], [], id="empty is not absent"),
        pytest.param([("Foo", "1, 2")], [("Foo", "2, 1")], id="order of an unknown field"),
        pytest.param([("Foo", "a")], [("Foo", "A")], id="case of an unknown field"),
        pytest.param([("Foo", '"1, 2"')], [("Foo", '"1,2"')], id="whitespace in quotes"),
        pytest.param([("Foo", "1 2")], [("Foo", "12")], id="whitespace in a word"),
        pytest.param([("Accept-Language", "en")], [("Accept-Language", "en;q=0.9")], id="weight"),
        pytest.param([("Accept-Encoding", "")], [], id="no coding is not any coding"),
        pytest.param(
            [("Accept", "a/b;x=Y")], [("Accept", "a/b;x=y")], id="case of a parameter's value"
        ),
    ],
)
def test_fields_that_differ_do_not_match(original: Lines, presented: Lines):
    assert not is_selected("Foo, Accept, Accept-Language, Accept-Encoding", original, presented)


def test_long_fields_are_read_like_short_ones():
    tags = [f"x-{number}" for number in range(100)]
    original, presented = ", ".join(tags), ",".join(reversed(tags))
    assert is_selected(
        "Accept-Language", [("Accept-Language", original)], [("Accept-Language", presented)]
    )


def test_without_vary_any_request_matches():
    assert matches(EMPTY, CIMultiDict({"Foo": "1"}))


@given(
    names=st.lists(st.sampled_from(["accept", "accept-encoding", "foo"]), min_size=1),
    lines=st.lists(st.tuples(st.sampled_from(["Accept", "Accept-Encoding", "Foo"]), st.text())),
)
def test_a_request_matches_what_it_was_answered_with(names: list[str], lines: Lines):
    assert is_selected(",".join(names), lines, lines)


ONE, TWO = Selecting(("foo",), ("1",)), Selecting(("foo",), ("2",))


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        pytest.param([], None, id="nothing stored"),
        pytest.param([(TWO, 9)], None, id="no match"),
        pytest.param([(TWO, 9), (ONE, 5)], 1, id="the one that matches"),
        pytest.param([(ONE, 9), (ONE, 5)], 0, id="the most recent one"),
        pytest.param([(ONE, 9), (ONE, 9)], 1, id="of the same second the later one"),
        pytest.param([(EMPTY, 9)], 0, id="without Vary"),
        pytest.param([(EMPTY, 5), (TWO, 9)], None, id="without Vary, older"),
        pytest.param([(EMPTY, 9), (TWO, 5)], 0, id="without Vary, newer"),
        pytest.param([(EMPTY, 5), (ONE, 9)], 1, id="with Vary, newer"),
    ],
)
def test_choosing(stored: list[tuple[Selecting, float]], expected: int | None):
    assert choose(stored, CIMultiDict({"Foo": "1"})) == expected
