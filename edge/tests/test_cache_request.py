"""What is read of a request: what goes upstream, what selects, and what it may limit."""

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from edge.cache_request import CacheRequest
from edge.exchange import Exchange
from edge.target import Target
from http_semantics.reuse import UNLIMITED


def request_with(*, is_token_checked: bool = False, **fields: str) -> CacheRequest:
    headers = CIMultiDict({name.replace("_", "-"): value for name, value in fields.items()})
    raw = make_mocked_request("GET", "/a", headers=headers)
    exchange = Exchange("GET", 0.0, "127.0.0.1", session="s")
    return CacheRequest.read(raw, Target("/a"), exchange, is_token_checked=is_token_checked)


def test_a_range_is_one_of_the_representation_itself():
    whole = request_with(Accept_Encoding="gzip")
    part = request_with(Accept_Encoding="gzip", Range="bytes=0-1")
    assert whole.fill_fields["Accept-Encoding"] == "gzip"
    assert part.fill_fields["Accept-Encoding"] == "identity"
    assert "Range" not in part.fill_fields


@pytest.mark.parametrize("is_token_checked", [False, True])
def test_where_tokens_are_checked_everybody_gets_the_same(*, is_token_checked: bool):
    request = request_with(
        is_token_checked=is_token_checked, Cache_Control="no-cache", Accept_Language="de"
    )
    assert (request.limits == UNLIMITED) is is_token_checked
    assert (request.selecting_fields is None) is is_token_checked
    assert ("Accept-Language" in request.fill_fields) is not is_token_checked


def test_fields_are_made_once():
    request = request_with()
    assert request.fill_fields is request.fill_fields
