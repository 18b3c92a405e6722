import pytest

from packager.json_fields import JsonFields, SeekIndexError
from packager.renditions import Codec

FIELDS = JsonFields(
    {"int": 5, "true": True, "text": "abc", "long": "x" * 129, "hex": "00ff", "codec": "flac"},
    "thing",
)


def test_members_are_taken_as_what_they_are():
    assert FIELDS.integer("int", minimum=5) == 5
    assert FIELDS.text("text") == "abc"
    assert FIELDS.hexadecimal("hex", sizes=(0, 4)) == "00ff"
    assert FIELDS.choice("codec", Codec) is Codec.FLAC
    assert FIELDS.member("true") is True


@pytest.mark.parametrize(
    ("take", "message"),
    [
        pytest.param(lambda: FIELDS.member("none"), "`none` is missing", id="missing"),
        pytest.param(lambda: FIELDS.integer("text"), "integer", id="text for an integer"),
        pytest.param(lambda: FIELDS.integer("true"), "integer", id="boolean for an integer"),
        pytest.param(lambda: FIELDS.integer("int", minimum=6), "at least 6", id="too small"),
        pytest.param(lambda: FIELDS.text("int"), "string", id="integer for text"),
        pytest.param(lambda: FIELDS.text("long"), "128 characters", id="text too long"),
        pytest.param(lambda: FIELDS.hexadecimal("hex", sizes=(64,)), "digits", id="wrong size"),
        pytest.param(lambda: FIELDS.hexadecimal("long", sizes=(129,)), "string", id="long digits"),
        pytest.param(lambda: FIELDS.hexadecimal("codec", sizes=(4,)), "hexadec", id="no digits"),
        pytest.param(lambda: FIELDS.choice("text", Codec), "one of flac, aac", id="no member"),
        pytest.param(lambda: JsonFields([], "list"), "`list` is not an object", id="no object"),
    ],
)
def test_what_is_not_as_it_should_be_is_named(take: object, message: str):
    assert callable(take)
    with pytest.raises(SeekIndexError, match=message):
        take()
