"""What is logged of a request."""

from edge.exchange import Exchange
from edge.metrics import CacheResult
from http_semantics.cache_status import Forward


def test_the_result_is_a_word():
    assert Exchange("GET", 10.0, "10.0.0.1").result is CacheResult.REFUSED
    exchange = Exchange("GET", 10.0, "10.0.0.1", is_refused=False)
    assert exchange.result is CacheResult.HIT
    for forward in (Forward.STALE, Forward.URI_MISS, Forward.PARTIAL, Forward.MISS):
        exchange.forward = forward
        assert exchange.result.value == forward.value


def test_facts_for_the_log():
    exchange = Exchange("GET", 10.0, "10.0.0.1", shown="/a", status=200, content_bytes=5)
    exchange.first_byte_s = 10.25
    exchange.upstream_s = 0.125
    assert exchange.facts(now_s=10.5) == {
        "method": "GET",
        "path": "/a",
        "status": 200,
        "result": "refused",
        "content_bytes": 5,
        "first_byte_ms": 250.0,
        "duration_ms": 500.0,
        "client": "10.0.0.1",
        "upstream_ms": 125.0,
    }
