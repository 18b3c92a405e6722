"""Heads of answers."""

from edge.answers import (
    complete_fields,
    lay_out,
    not_modified_fields,
    preflight_fields,
    representation_fields,
    tell_age,
    tell_status,
)
from edge.exchange import Exchange
from edge.fields import Fields
from edge.tests.conftest import parse_cache_status
from edge.tests.making import NOW_S, head_from, representation_of
from http_semantics.byte_range import ByteSlice
from http_semantics.cache_status import Forward


def hit() -> Exchange:
    return Exchange("GET", 10.0, "", is_refused=False)


def test_fields_of_a_representation_are_made_once():
    found = representation_of(head_from(Via="1.1 origin", Server="origin"))
    fields = representation_fields(found, has_cors=True)
    assert representation_fields(found, has_cors=True) is fields
    assert fields.getall("Via") == ["1.1 origin", "1.1 attacca"]
    assert fields["Server"] == "origin"
    assert fields["Access-Control-Allow-Origin"] == "*"
    found.freshen(head_from(304), purge_sequence=0)
    assert representation_fields(found, has_cors=True) is not fields


def test_a_304_repeats_what_it_has_to_and_no_more():
    found = representation_of(head_from(Content_Type="audio/mp4", Expires="0", Vary="Accept"))
    fields = not_modified_fields(found, has_cors=False)
    assert set(fields) == {"Cache-Control", "Date", "ETag", "Expires", "Vary", "Via", "Server"}


def test_a_part_is_laid_out():
    fields = Fields()
    lay_out(fields, representation_of(), ByteSlice(10, 20), is_part=True)
    assert dict(fields) == {"Content-Length": "10", "Content-Range": "bytes 10-19/1000"}
    lay_out(fields := Fields(), representation_of(), None, is_part=False)
    assert dict(fields) == {"Content-Length": "0"}


def test_age_is_told_unless_the_answer_is_first_hand():
    found, exchange = representation_of(), hit()
    fields = Fields()
    assert tell_age(fields, found, exchange, now_s=NOW_S + 20) == 40
    assert fields["Age"] == "20"
    exchange.forward = Forward.URI_MISS
    tell_age(fields := Fields(), found, exchange, now_s=NOW_S)
    assert "Age" not in fields


def test_the_status_of_caches_before_stays():
    fields: Fields = Fields({"Cache-Status": "shield; hit"})
    exchange = hit()
    exchange.upstream_s = 0.25
    tell_status(fields, exchange, ttl_s=7, now_s=10.001)
    assert fields.getall("Cache-Status") == ["shield; hit", "attacca; hit; ttl=7"]
    assert fields["Server-Timing"] == "cache;desc=hit, edge;dur=1.00, origin;dur=250.00"


def test_preflight_and_completion():
    fields = preflight_fields()
    assert fields["Content-Length"] == "0"
    assert fields["Referrer-Policy"] == "no-referrer"
    assert "Access-Control-Allow-Origin" not in complete_fields(Fields(), has_cors=False)


def test_a_ttl_that_is_not_known_is_told():
    tell_status(fields := Fields(), hit(), now_s=10.0)
    assert fields["Cache-Status"] == "attacca; hit"
    assert parse_cache_status(fields["Cache-Status"]) == {"hit": True}
