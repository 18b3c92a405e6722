"""Entity tags and lists of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_semantics.entity_tag import (
    ANY,
    TAGS_MAX,
    EntityTag,
    EntityTags,
    is_strong_match,
    is_weak_match,
    parse_entity_tag,
    parse_entity_tags,
)

TAG_CHARACTERS = st.characters(min_codepoint=0x23, max_codepoint=0x7E)
A, B, WEAK_A = EntityTag("a"), EntityTag("b"), EntityTag("a", is_weak=True)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param('"a"', A, id="strong"),
        pytest.param('W/"a"', WEAK_A, id="weak"),
        pytest.param('""', EntityTag(""), id="empty"),
        pytest.param('"a,b\\"', EntityTag("a,b\\"), id="comma and backslash are plain"),
        pytest.param("a", None, id="no quotes"),
        pytest.param('w/"a"', None, id="small w"),
        pytest.param('"a"b"', None, id="quote inside"),
        pytest.param('"a b"', None, id="space inside"),
        pytest.param('"a\x00"', None, id="control character inside"),
    ],
)
def test_parse_entity_tag(value: str, expected: EntityTag | None):
    assert parse_entity_tag(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("*", ANY, id="any"),
        pytest.param('"a"', (A,), id="one"),
        pytest.param('"a", W/"a" ,,"b"', (A, WEAK_A, B), id="several, empty elements"),
        pytest.param("", (), id="none"),
        pytest.param('"a", nonsense, "b"', (A,), id="up to the fault"),
        pytest.param('"a""b"', (A,), id="no comma between"),
        pytest.param('"a", *', (A,), id="asterisk in a list"),
        pytest.param('"a",' * (TAGS_MAX + 9), (A,) * TAGS_MAX, id="no more than allowed"),
    ],
)
def test_parse_entity_tags(value: str, expected: EntityTags):
    assert parse_entity_tags(value) == expected


@pytest.mark.parametrize(
    ("first", "second", "is_strong", "is_weak"),
    [
        pytest.param(A, A, True, True, id="equal and strong"),
        pytest.param(A, WEAK_A, False, True, id="one is weak"),
        pytest.param(WEAK_A, WEAK_A, False, True, id="both are weak"),
        pytest.param(A, B, False, False, id="different"),
    ],
)
def test_comparison(first: EntityTag, second: EntityTag, *, is_strong: bool, is_weak: bool):
    assert is_strong_match(first, second) is is_strong
    assert is_weak_match(first, second) is is_weak


@given(opaque=st.text(alphabet=TAG_CHARACTERS), is_weak=st.booleans())
def test_a_tag_is_read_back_as_written(opaque: str, *, is_weak: bool):
    tag = EntityTag(opaque, is_weak=is_weak)
    assert parse_entity_tag(tag.field_value()) == tag
    assert parse_entity_tags(f'"x", {tag.field_value()}') == (EntityTag("x"), tag)
