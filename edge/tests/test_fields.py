"""Fields that pass, fields that do not."""

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from config.credentials import EDGE_CREDENTIAL_HEADER
from edge.fields import (
    SESSION_FIELD,
    Fields,
    fill_fields,
    is_personal,
    joined,
    pass_fields,
    passed_back_fields,
    sent_fields,
    session_digest,
    stored_fields,
)


def headers_of(**fields: str) -> CIMultiDictProxy[str]:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return CIMultiDictProxy(CIMultiDict(named))


REQUEST = headers_of(
    Host="edge",
    Connection="keep-alive, X-Hop",
    Keep_Alive="5",
    X_Hop="1",
    TE="trailers",
    Upgrade="h2c",
    Proxy_Authorization="secret",
    Authorization="Bearer token",
    CTA_Common_Access_Token="token",
    Cookie="a=b",
    Range="bytes=0-1",
    If_None_Match='"a"',
    Accept_Encoding="gzip",
    Accept="audio/*",
    Via="1.0 before",
    **{EDGE_CREDENTIAL_HEADER: "forged", SESSION_FIELD: "forged"},
)


def test_a_general_cache_passes_what_is_end_to_end():
    fields = pass_fields(REQUEST, is_token_checked=False)
    assert set(fields) == {
        "Authorization",
        "CTA-Common-Access-Token",
        "Cookie",
        "Range",
        "If-None-Match",
        "Accept-Encoding",
        "Accept",
        "Via",
    }
    assert fields.getall("Via") == ["1.0 before", "1.1 attacca"]


def test_no_token_and_no_cookie_goes_on_while_tokens_are_checked():
    fields = pass_fields(REQUEST, is_token_checked=True)
    assert set(fields) == {"Range", "If-None-Match", "Accept-Encoding", "Accept", "Via"}


def test_a_fill_takes_nothing_of_the_listener_along_while_tokens_are_checked():
    fields = fill_fields(REQUEST, is_token_checked=True)
    assert dict(fields) == {"Accept-Encoding": "identity", "Via": "1.1 attacca"}


def test_a_fill_of_a_general_cache_leaves_out_what_belongs_to_one_request():
    fields = fill_fields(REQUEST, is_token_checked=False)
    assert fields["Accept-Encoding"] == "gzip"
    assert "Range" not in fields
    assert "If-None-Match" not in fields
    assert fields["Accept"] == "audio/*"


def test_cross_origin_fields_are_ours_while_tokens_are_checked():
    headers = headers_of(Access_Control_Allow_Origin="https://one.example", X="1", Age="3")
    assert set(stored_fields(headers, is_token_checked=True)) == {"X"}
    assert set(stored_fields(headers, is_token_checked=False)) == {
        "Access-Control-Allow-Origin",
        "X",
    }
    assert set(passed_back_fields(headers, is_token_checked=True)) == {"X", "Age"}


def test_a_session_is_told_by_what_stands_for_it():
    digest = session_digest("listener-1")
    assert len(digest) == 16
    assert int(digest, 16)
    assert "listener" not in digest
    assert digest != session_digest("listener-2")
    filled = fill_fields(REQUEST, is_token_checked=True, session="listener-1")
    passed = pass_fields(REQUEST, is_token_checked=True, session="listener-1")
    assert filled.getall(SESSION_FIELD) == passed.getall(SESSION_FIELD) == [digest]


def test_tags_for_surrogates_stay_here_while_tokens_are_checked():
    headers = headers_of(Surrogate_Key="a b", Cache_Groups='"c"')
    for is_token_checked in (True, False):
        stored = stored_fields(headers, is_token_checked=is_token_checked)
        assert set(stored) == {"Surrogate-Key", "Cache-Groups"}
        expected = {"Cache-Groups"} if is_token_checked else set(stored)
        assert set(sent_fields(stored, is_token_checked=is_token_checked)) == expected
        assert set(passed_back_fields(headers, is_token_checked=is_token_checked)) == expected


def test_lines_of_a_list_are_joined():
    fields: Fields = CIMultiDict([("If-Match", '"a"'), ("if-match", '"b"')])
    assert joined(fields, "If-Match") == '"a", "b"'
    assert joined(fields, "Range") is None


@pytest.mark.parametrize("name", ["Authorization", "cookie", "CTA-Common-Access-Token"])
def test_a_request_with_credentials_says_who_is_asking(name: str):
    headers = CIMultiDictProxy(CIMultiDict({name: "x"}))
    assert is_personal(fill_fields(headers, is_token_checked=False))
    assert not is_personal(fill_fields(headers, is_token_checked=True))
