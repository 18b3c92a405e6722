"""A request on its way through the cache: what is read of it, and what goes upstream for it."""

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from edge.cache_request import CacheRequest
from edge.exchange import Exchange
from edge.target import parse_target
from http_semantics.reuse import UNLIMITED


def read(method: str = "GET", *, is_token_checked: bool = False, **fields: str) -> CacheRequest:
    headers = CIMultiDict({name.replace("_", "-"): value for name, value in fields.items()})
    target = parse_target("/a", host=None, is_token_checked=False)
    return CacheRequest.read(
        make_mocked_request(method, "/a", headers),
        target,
        Exchange(method, 0.0, ""),
        is_token_checked=is_token_checked,
    )


def test_ranges_go_upstream_without_coding():
    plain = read(Accept_Encoding="gzip", Range="bytes=0-9")
    assert plain.fill_fields["Accept-Encoding"] == "identity"
    assert "Range" not in plain.fill_fields
    assert read(Accept_Encoding="gzip").fill_fields["Accept-Encoding"] == "gzip"
    # Of another method than GET they mean nothing.
    assert read("HEAD", Accept_Encoding="gzip", Range="bytes=0-9").ask.ranges is None


def test_fields_of_fills_are_made_once():
    request = read()
    assert request.fill_fields is request.fill_fields


def test_while_tokens_are_checked_a_listener_decides_nothing():
    own = {"Cache_Control": "no-cache", "Cookie": "a=b", "Accept": "audio/mp4"}
    request = read(is_token_checked=True, **own)
    assert request.limits is UNLIMITED
    assert request.selecting_fields is None
    assert not {"Cookie", "Accept", "Cache-Control"} & set(request.fill_fields)


def test_of_a_general_cache_he_says_what_he_accepts():
    request = read(Cache_Control="no-cache", Accept="audio/mp4")
    assert request.limits.is_no_cache
    assert request.selecting_fields is request.fill_fields
    assert request.fill_fields["Accept"] == "audio/mp4"


@pytest.mark.parametrize("name", ["If-None-Match", "If-Range", "If-Match", "Content-Length"])
def test_what_belongs_to_one_request_stays_with_it(name: str):
    fields = {name.replace("-", "_"): '"v1"'}
    assert name not in read("GET", is_token_checked=False, **fields).fill_fields
