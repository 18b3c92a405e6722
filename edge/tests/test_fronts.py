import ipaddress
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from edge.fronts import FrontConnection, Fronts, Telling
from http_semantics.proxy_protocol import ProxyHeadError

NETWORKS = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")]
FORWARDED = Fronts(Telling.FORWARDED, NETWORKS)
FOR = Fronts(Telling.X_FORWARDED_FOR, NETWORKS)


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("fd00::1", True),
        ("192.0.2.1", False),
        ("2001:db8::1", False),
        ("", True),
    ],
)
def test_who_is_a_front(peer: str, expected: bool):
    assert FORWARDED.has(peer) == expected


@pytest.mark.parametrize(
    ("values", "client"),
    [
        pytest.param([], "10.0.0.1", id="nothing told"),
        pytest.param(["192.0.2.7"], "192.0.2.7", id="one hop"),
        pytest.param(["203.0.113.1, 192.0.2.7"], "192.0.2.7", id="what a client wrote itself"),
        pytest.param(["203.0.113.1", "192.0.2.7"], "192.0.2.7", id="in a field of its own"),
        pytest.param(["192.0.2.7, 10.0.0.2"], "192.0.2.7", id="another front between"),
        pytest.param(["10.0.0.3, 10.0.0.2"], "10.0.0.3", id="fronts only"),
        pytest.param(["192.0.2.7, unknown, 10.0.0.2"], "10.0.0.2", id="behind someone unknown"),
        pytest.param(["192.0.2.7, nonsense"], "10.0.0.1", id="nonsense"),
    ],
)
def test_the_client_is_the_nearest_that_is_no_front(values: list[str], client: str):
    assert FOR.client_of("10.0.0.1", values) == client


def test_by_the_field_of_the_standard():
    assert FORWARDED.client_of("", ["for=203.0.113.1", 'for="[2001:db8::7]:1"']) == "2001:db8::7"
    assert FORWARDED.field == "forwarded"
    assert Fronts(Telling.PROXY, []).field is None


PROXY = Fronts(Telling.PROXY, NETWORKS)
HEAD = b"PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\n"
REST = b"GET / HTTP/1.1\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n"


@given(st.lists(st.integers(0, len(HEAD + REST)), max_size=6))
def test_a_connection_begins_alike_however_it_is_cut(cuts: list[int]):
    connection = FrontConnection(PROXY, "10.0.0.1")
    stream, rest = HEAD + REST, b""
    edges = [0, *sorted(cuts), len(stream)]
    for start, stop in itertools.pairwise(edges):
        piece = stream[start:stop]
        rest += piece if connection.is_begun else connection.begin(piece)
    assert rest == REST
    assert connection.client == "192.0.2.7"
    assert connection.client_in(REST) == connection.client_of({}) == "192.0.2.7"


def test_a_front_may_speak_for_itself():
    connection = FrontConnection(PROXY, "10.0.0.1")
    assert connection.begin(b"PROXY UNKNOWN\r\nrest") == b"rest"
    assert connection.client == "10.0.0.1"


def test_a_front_has_to_begin_as_agreed():
    with pytest.raises(ProxyHeadError):
        FrontConnection(PROXY, "").begin(b"GET / HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("head", "client"),
    [
        pytest.param(
            b"GET /a HTTP/1.1\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n", "192.0.2.7", id="one"
        ),
        pytest.param(
            b"GET /a HTTP/1.1\r\nx-forwarded-for:192.0.2.7 \r\n\r\n", "192.0.2.7", id="case"
        ),
        pytest.param(
            b"GET /a HTTP/1.1\r\nX-FORWARDED-FOR: 203.0.113.9\r\nA: b\r\n"
            b"X-Forwarded-For:\t192.0.2.7\r\n\r\n",
            "192.0.2.7",
            id="two lines",
        ),
        pytest.param(
            b"GET /a HTTP/1.1\r\nY-X-Forwarded-For: 192.0.2.7\r\n\r\n", "", id="other field"
        ),
        pytest.param(b"GET /X-Forwarded-For:192.0.2.7 HTTP/1.1\r\n\r\n", "", id="target"),
    ],
)
def test_both_roads_read_the_same_field(head: bytes, client: str):
    connection = FrontConnection(FOR, "")
    assert connection.is_begun
    assert connection.client_in(head) == client
    lines = head.decode().split("\r\n")[1:-2]
    fields = CIMultiDict([(line.partition(":")[0], line.partition(":")[2]) for line in lines])
    assert connection.client_of(fields) == client
