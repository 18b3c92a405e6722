import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from origin.errors import RecordError
from origin.json_fields import JsonFields, parse_json


def test_members_are_taken_by_their_type():
    fields = JsonFields(
        {"a": 1, "b": "x", "c": None, "d": None, "e": [True], "f": {"g": False}, "h": ["y"]}, "it"
    )
    assert fields.integer("a") == 1
    assert fields.text("b", length_max=1) == "x"
    assert fields.optional_text("c", length_max=1) is None
    assert fields.optional_integer("d") is None
    assert fields.items("e", lambda item, path: (item, path), count_max=1) == ((True, "it.e[0]"),)
    inner = fields.fields("f")
    assert inner.boolean("g") is False
    assert fields.texts("h", count_max=1, length_max=1) == ("y",)
    inner.finish()
    fields.finish()


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
    with pytest.raises(RecordError, match=message):
        JsonFields(value, "it").integer("a")


def test_what_else_is_refused():
    with pytest.raises(RecordError, match="not an object"):
        JsonFields([], "it")
    with pytest.raises(RecordError, match="neither"):
        JsonFields({"a": 0}, "it").boolean("a")
    with pytest.raises(RecordError, match="at most 2 characters"):
        JsonFields({"a": "abc"}, "it").text("a", length_max=2)
    with pytest.raises(RecordError, match="at most 1 items"):
        JsonFields({"a": [1, 2]}, "it").texts("a", count_max=1, length_max=9)
    with pytest.raises(RecordError, match=r"it\.a\[1\]"):
        JsonFields({"a": ["x", 2]}, "it").texts("a", count_max=2, length_max=9)
    with pytest.raises(RecordError, match=r"missing"):
        JsonFields({}, "it").optional_text("a", length_max=2)
    with pytest.raises(RecordError, match="unknown members: b"):
        JsonFields({"b": 1}, "it").finish()


def test_a_schema_of_another_release_is_told():
    parse_json(b'{"schema":1}', "it", schema=1).finish()
    with pytest.raises(RecordError, match="schema 2; this release reads 1"):
        parse_json(b'{"schema":2}', "it", schema=1)


@given(st.binary(max_size=50))
def test_any_bytes_are_read_or_refused_by_the_one_error(data: bytes):
    try:
        parse_json(data, "it", schema=1)
    except RecordError:
        return
    assert orjson.loads(data)["schema"] == 1
