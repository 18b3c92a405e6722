import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from player.addresses import (
    license_url,
    parse_edge_url,
    resolve_within,
    seek_index_url,
    track_url,
)
from player.errors import EdgeAddressError, ForeignAddressError

EDGE = "http://127.0.0.1:8080/"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("http://127.0.0.1:8080", EDGE, id="plain"),
        pytest.param(" http://127.0.0.1:8080/ ", EDGE, id="with spaces and a slash"),
        pytest.param("https://edge.example/~t", "https://edge.example/~t/", id="token as prefix"),
    ],
)
def test_an_edge_url_ends_in_a_slash(text: str, expected: str):
    assert parse_edge_url(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("127.0.0.1:8080", id="no scheme"),
        pytest.param("ftp://edge", id="other scheme"),
        pytest.param("http://", id="no host"),
        pytest.param("http://edge:99999", id="impossible port"),
        pytest.param("http://edge?x=1", id="query"),
        pytest.param("http://[edge", id="broken address"),
    ],
)
def test_what_is_no_edge_url_is_refused(text: str):
    with pytest.raises(EdgeAddressError):
        parse_edge_url(text)


def test_paths_below_a_token_keep_it():
    edge = parse_edge_url("http://edge/~tok")
    assert track_url(edge, "a/b") == "http://edge/~tok/v1/tracks/a%2Fb"
    assert license_url(edge) == "http://edge/~tok/v1/licenses/clearkey"


def test_a_reference_is_resolved_beside_the_record():
    url = resolve_within(EDGE, EDGE + "v1/tracks/x", "../audio/x/v/flac.mp4")
    assert url == EDGE + "v1/audio/x/v/flac.mp4"


@pytest.mark.parametrize(
    "reference",
    [
        pytest.param("http://evil.example/x", id="other host"),
        pytest.param("//evil.example/x", id="other host, same scheme"),
        pytest.param("http://127.0.0.1:8081/x", id="other port"),
        pytest.param("https://127.0.0.1:8080/x", id="other scheme"),
        pytest.param("http://[x", id="not a URL"),
    ],
)
def test_a_reference_that_leads_away_is_refused(reference: str):
    with pytest.raises(ForeignAddressError):
        resolve_within(EDGE, EDGE + "v1/tracks/x", reference)


def test_a_reference_does_not_leave_the_token():
    edge = parse_edge_url("http://edge/~tok")
    with pytest.raises(ForeignAddressError):
        resolve_within(edge, edge + "v1/tracks/x", "/v1/audio/x")


@given(st.text(max_size=60))
def test_any_reference_stays_inside_or_is_refused(reference: str):
    with contextlib.suppress(ForeignAddressError):
        assert resolve_within(EDGE, EDGE + "v1/tracks/x", reference).startswith(EDGE)


def test_the_seek_index_lies_beside_the_file():
    assert seek_index_url(EDGE + "v1/a/v/aac-160.mp4") == EDGE + "v1/a/v/aac-160.json"
    assert seek_index_url(EDGE + "v1/a/v/aac-160") == EDGE + "v1/a/v/aac-160.json"
