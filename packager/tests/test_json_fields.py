import math

import pytest

from packager.json_fields import JsonFields
from packager.renditions import Codec


class OddError(Exception):
    """The one that is asked for."""


def fields(value: object) -> JsonFields:
    return JsonFields(value, "it", OddError)


def test_members_are_taken_by_their_type():
    it = fields(
        {"a": 1, "b": "x", "c": None, "d": None, "e": [True], "f": {"g": False}, "h": ["y"]}
        | {"i": "00ff", "j": "flac"}
    )
    assert it.integer("a") == 1
    assert it.text("b", length_max=1) == "x"
    assert it.optional_text("c", length_max=1) is None
    assert it.optional_integer("d") is None
    assert it.items("e", lambda item, path: (item, path), count_max=1) == ((True, "it.e[0]"),)
    inner = it.fields("f")
    assert inner.boolean("g") is False
    assert it.texts("h", count_max=1, length_max=1) == ("y",)
    inner.finish()
    assert it.hexadecimal("i", sizes=(0, 4)) == "00ff"
    assert it.choice("j", Codec) is Codec.FLAC
    it.finish()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param({}, "it.a is missing", id="missing"),
        pytest.param({"a": True}, "it.a is not an integer", id="boolean for integer"),
        pytest.param({"a": -1}, "it.a is not an integer", id="below the minimum"),
        pytest.param({"a": 1 << 63}, "it.a is not an integer", id="above 63 bits"),
        pytest.param({"a": 1.0}, "it.a is not an integer", id="float"),
        pytest.param({"a": None}, "it.a is not an integer", id="null"),
    ],
)
def test_what_is_no_integer(value: object, message: str):
    with pytest.raises(OddError, match=message):
        fields(value).integer("a")


def test_what_else_is_refused():
    with pytest.raises(OddError, match="not an object"):
        fields([])
    with pytest.raises(OddError, match="neither"):
        fields({"a": 0}).boolean("a")
    with pytest.raises(OddError, match="at most 2 characters"):
        fields({"a": "abc"}).text("a", length_max=2)
    with pytest.raises(OddError, match="0 to 1 items"):
        fields({"a": [1, 2]}).texts("a", count_max=1, length_max=9)
    with pytest.raises(OddError, match=r"it\.a\[1\]"):
        fields({"a": ["x", 2]}).texts("a", count_max=2, length_max=9)
    with pytest.raises(OddError, match=r"missing"):
        fields({}).optional_text("a", length_max=2)
    with pytest.raises(OddError, match="unknown members: b"):
        fields({"b": 1}).finish()
    with pytest.raises(OddError, match="hexadecimal"):
        fields({"a": "0G"}).hexadecimal("a", sizes=(2,))
    with pytest.raises(OddError, match="hexadecimal"):
        fields({"a": "0"}).hexadecimal("a", sizes=(2,))
    with pytest.raises(OddError, match="one of flac, aac"):
        fields({"a": "mp3"}).choice("a", Codec)
    with pytest.raises(OddError, match="one of flac, aac"):
        fields({"a": []}).choice("a", Codec)
    with pytest.raises(OddError, match="1 to 2 items"):
        fields({"a": []}).items("a", lambda item, _: item, count_min=1, count_max=2)


@pytest.mark.parametrize("value", [-1, 0, 0.5, 2.0])
def test_a_number_between_its_bounds_comes_out_as_one_with_a_point(value: float):
    number = fields({"a": value}).number("a", -1, 2)
    assert (type(number), number) == (float, value)


@pytest.mark.parametrize("value", [-1.1, 3, math.inf, math.nan, "1", True, None, [1]])
def test_what_is_no_number_between_its_bounds_is_refused(value: object):
    with pytest.raises(OddError, match=r"it\.a is not a number from -1 to 2"):
        fields({"a": value}).number("a", -1, 2)


def test_pairs_are_lists_of_two_integers():
    pairs = fields({"a": [[1, -2], [3, 4]]})
    assert pairs.pairs("a", count_max=2) == ((1, -2), (3, 4))
    odd = fields({"a": [[1, 2.0]]})
    with pytest.raises(OddError, match=r"it\.a is not a list of pairs"):
        odd.pairs("a", count_max=2)


def test_a_rule_between_members_raises_the_same_error():
    error = fields({}).error("a", "is before b")
    assert isinstance(error, OddError)
    assert str(error) == "it.a is before b"
