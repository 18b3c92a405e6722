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


def test_the_line_for_the_log():
    exchange = Exchange(
        "GET", 10.0, "10.0.0.1", "bytes=0-4", shown="/a", status=200, content_bytes=5
    )
    exchange.first_byte_s = 10.25
    exchange.upstream_s = 0.125
    assert exchange.line(now_s=10.5, time_s=1e9) == (
        *(1e9, "GET", "/a", 200, CacheResult.REFUSED, 5, 0.25, 0.5, "10.0.0.1"),
        *(None, None, False, 0.125, "bytes=0-4", 0),
    )


def test_without_an_answer_its_end_counts_as_its_begin():
    line = Exchange("GET", 10.0, "10.0.0.1").line(now_s=10.5, time_s=1e9)
    assert line[2:8] == (None, 0, CacheResult.REFUSED, 0, 0.5, 0.5)
