import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_semantics.cache_status import CacheStatus, Forward
from player.cache_results import CacheCounter, CacheResult, parse_cache_status
from player.report import CacheTally


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("edge; hit", CacheResult.HIT, id="hit"),
        pytest.param("edge;hit;ttl=376", CacheResult.HIT, id="hit with more"),
        pytest.param("edge; hit=?1", CacheResult.HIT, id="hit, spelt out"),
        pytest.param("edge; hit=?0", CacheResult.MISS, id="no hit, spelt out"),
        pytest.param("edge; fwd=uri-miss; stored", CacheResult.MISS, id="miss"),
        pytest.param("shield; hit, edge; fwd=miss", CacheResult.MISS, id="the nearest counts"),
        pytest.param("shield; fwd=miss, edge; hit", CacheResult.HIT, id="the nearest hits"),
        pytest.param('edge; key="a, b; hit"; fwd=stale', CacheResult.MISS, id="inside a string"),
        pytest.param('edge; detail="\\"; hit, x"; fwd=miss', CacheResult.MISS, id="escaped quote"),
        pytest.param("hit", CacheResult.UNKNOWN, id="a cache of that name"),
        pytest.param("edge", CacheResult.UNKNOWN, id="nothing said"),
        pytest.param("", CacheResult.UNKNOWN, id="empty"),
        pytest.param(None, CacheResult.UNKNOWN, id="no field"),
    ],
)
def test_parse_cache_status(value: str | None, expected: CacheResult):
    assert parse_cache_status(value) is expected


@given(st.sampled_from([None, *Forward]), st.sampled_from([None, 30, -5]))
def test_what_the_edge_writes_is_understood(forward: Forward | None, ttl_s: int | None):
    field = CacheStatus("edge", forward, ttl_s=ttl_s).field_value()
    expected = CacheResult.HIT if forward is None else CacheResult.MISS
    assert parse_cache_status(field) is expected


@given(st.text(max_size=60))
def test_any_text_has_a_result(value: str):
    assert parse_cache_status(value) in CacheResult


def test_responses_are_counted():
    counter = CacheCounter()
    for value in ("edge; hit", "edge; hit", "edge; fwd=miss", None):
        counter.add(value)
    assert counter.tally == CacheTally(hit=2, miss=1, unknown=1)
