"""Which fields end at the next connection."""

from multidict import CIMultiDict

from http_semantics.hop_by_hop import connection_options, end_to_end_fields


def test_fields_that_connection_lists_are_left_out():
    fields = CIMultiDict(
        [("Connection", "close, A"), ("connection", "b ,"), ("a", "1"), ("B", "2"), ("C", "3")]
    )
    assert connection_options(fields) == {"close", "a", "b"}
    assert list(end_to_end_fields(fields).items()) == [("C", "3")]


def test_fields_of_proxies_and_connections_are_left_out():
    names = ("Keep-Alive", "Proxy-Authenticate", "Proxy-Authentication-Info", "TE", "Upgrade")
    fields = CIMultiDict([*((name, "x") for name in names), ("Via", "1.1 a"), ("Via", "1.1 b")])
    assert list(end_to_end_fields(fields).items()) == [("Via", "1.1 a"), ("Via", "1.1 b")]


def test_more_may_be_left_out():
    fields = CIMultiDict([("Set-Cookie", "a=b"), ("ETag", '"1"')])
    assert list(end_to_end_fields(fields, without=frozenset({"set-cookie"}))) == ["ETag"]
