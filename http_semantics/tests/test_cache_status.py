"""Cache-Status as others read it."""

import pytest

from http_semantics.cache_status import CacheStatus, Forward


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
    ],
)
def test_field_value(status: CacheStatus, expected: str):
    assert status.field_value() == expected


def test_what_is_no_token_is_a_mistake():
    with pytest.raises(AssertionError):
        CacheStatus("two words").field_value()
    with pytest.raises(AssertionError):
        CacheStatus("edge", Forward.MISS, detail='"').field_value()
