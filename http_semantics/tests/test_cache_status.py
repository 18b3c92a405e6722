"""Cache-Status as others read it."""

import pytest

from http_semantics.cache_status import CacheStatus, Forward
from http_semantics.structured_field import Item, Token, parse_list


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param(CacheStatus("edge", ttl_s=30), "edge; hit; ttl=30", id="hit"),
        pytest.param(CacheStatus("edge", ttl_s=-3), "edge; hit; ttl=-3", id="stale hit"),
        pytest.param(
            CacheStatus("edge", Forward.URI_MISS, 200, is_stored=True, is_collapsed=True),
            "edge; fwd=uri-miss; fwd-status=200; stored; collapsed",
            id="stored and collapsed",
        ),
        pytest.param(
            CacheStatus("edge", Forward.BYPASS, detail="no-store"),
            "edge; fwd=bypass; detail=no-store",
            id="detail",
        ),
        pytest.param(
            CacheStatus("edge", Forward.MISS, detail="too many, at once"),
            'edge; fwd=miss; detail="too many, at once"',
            id="detail in words",
        ),
        pytest.param(
            CacheStatus("edge", key='/a "b\\ü'),
            'edge; hit; key="/a \\"b\\\\?"',
            id="key",
        ),
    ],
)
def test_field_value(status: CacheStatus, expected: str):
    assert status.field_value() == expected


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(
            CacheStatus("edge", ttl_s=-3, key='/a?b="c"', detail="stale-if-error"), id="hit"
        ),
        pytest.param(CacheStatus("edge", Forward.STALE, 304, ttl_s=60, is_stored=True), id="miss"),
    ],
)
def test_it_is_a_structured_field(status: CacheStatus):
    received = 'origin-cache; hit, "Other, cache"; fwd=miss'
    members = parse_list(status.appended_to(received))
    assert members is not None
    assert len(members) == 3
    assert isinstance(members[2], Item)
    assert members[2].value == Token("edge")
    assert members[2].parameters.get("ttl") == status.ttl_s
    assert members[2].parameters.get("key") == status.key


def test_the_first_cache_appends_to_nothing():
    assert CacheStatus("edge").appended_to(None) == "edge; hit"
    assert CacheStatus("edge").appended_to("") == "edge; hit"


def test_what_cannot_be_is_a_mistake():
    with pytest.raises(AssertionError):
        CacheStatus("two words").field_value()
    with pytest.raises(AssertionError):
        CacheStatus("edge", is_stored=True)
    with pytest.raises(AssertionError):
        CacheStatus("edge", is_collapsed=True)
    with pytest.raises(AssertionError):
        CacheStatus("edge", forward_status=200)
