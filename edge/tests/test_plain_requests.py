import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.plain_requests import HEAD_BYTES_MAX, Bounds, PlainRequests
from http_semantics.request_framing import RequestFraming

Read = tuple[bool, str, str, Bounds | None]

FIELDS = ["Host: a.example:8080", "User-Agent: x (y; z)", "Accept: */*"]


def sent(*lines: str, first: str = "GET /a/b.mp4?c=d HTTP/1.1") -> bytes:
    return "\r\n".join((first, *FIELDS, *lines, "", "")).encode("latin-1")


def read(data: bytes, *, is_token_checked: bool = True) -> Read | None:
    """Read twice: the second time its fields are known."""
    requests = PlainRequests(is_token_checked=is_token_checked)
    first = requests.read(data)
    assert requests.read(data) == first
    return first


TARGET = "/a/b.mp4?c=d"


@pytest.mark.parametrize(
    ("data", "request_read"),
    [
        (sent(), (False, TARGET, "", None)),
        (sent(first=f"HEAD {TARGET} HTTP/1.1"), (True, TARGET, "", None)),
        (sent("Range: bytes=0-9"), (False, TARGET, "", (b"0", b"9"))),
        (sent("range: bytes=5-", "X: y"), (False, TARGET, "", (b"5", b""))),
        (sent("Range: bytes=-5"), (False, TARGET, "", (b"", b"5"))),
        (sent("Range: bytes=0-9", first="HEAD /a HTTP/1.1"), (True, "/a", "", None)),
        (sent("Authorization: Bearer a.b.c"), (False, TARGET, "a.b.c", None)),
        (sent("CTA-Common-Access-Token: a.b.c"), (False, TARGET, "a.b.c", None)),
        (sent("Connection: keep-alive"), (False, TARGET, "", None)),
        (sent("Cache-Control: no-cache", "Cookie: a=b"), (False, TARGET, "", None)),
        (sent(first="GET /~a.b.c/d HTTP/1.1"), (False, "/~a.b.c/d", "", None)),
    ],
)
def test_plain_requests(data: bytes, request_read: Read):
    assert read(data) == request_read


@pytest.mark.parametrize(
    "data",
    [
        b"",
        sent(first="get /a HTTP/1.1"),
        sent(first="POST /a HTTP/1.1"),
        sent(first="GET http://a/a HTTP/1.1"),
        sent(first="GET /a HTTP/1.0"),
        sent(first="GET  /a HTTP/1.1"),
        sent()[:-2],
        sent()[:-1],
        sent() + b"\r\n",
        sent() + sent(),
        b"\r\n" + sent(),
        sent().replace(b"\r\n", b"\n"),
        sent("X"),
        sent("X : y"),
        sent(" X: y"),
        sent(": y"),
        sent("X: \0"),
        sent("X: y\rz"),
        sent("Accept: x"),
        sent("Host: a"),
        sent("Connection: close"),
        sent("Connection: keep-alive, x"),
        sent("Content-Length: 0"),
        sent("Transfer-Encoding: chunked"),
        sent("If-Range: x"),
        sent("Upgrade: h2c"),
        sent("Range: bytes=1"),
        sent("Range: bytes =1-2"),
        b"GET /a HTTP/1.1\r\nHost: a\r\nRange: bytes=",
        b"GET /a HTTP/1.1\r\nange: bytes=1-2\r\n\r\n",
        sent("Range: items=1-2"),
        sent("RANGE: bytes=1-2"),
        sent("Range: bytes=1-2", "Range: bytes=3-4"),
        sent() + b"Range: bytes=1-2\r\n",
        sent()[:-2] + b"\r\nRange: bytes=1-2\r\n",
        sent()[:-2] + b"\r\r\nRange: bytes=1-2\n",
        sent("Range: bytes=1-2\nContent-Length: 5", first="HEAD /a HTTP/1.1"),
        sent("Range: bytes=-", first="HEAD /a HTTP/1.1"),
        sent("X: y\r\norange: bytes=1-2"),
        sent("Authorization: Bearer "),
        sent("Authorization: Basic a"),
        sent("Authorization: bearer a"),
        sent("Authorization: Bearer a", "CTA-Common-Access-Token: a"),
        sent("X: " + "y" * HEAD_BYTES_MAX),
        b"GET /a HTTP/1.1\r\nAccept: */*\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"GET /a HTTP/1.1\r\n\r\n",
    ],
)
def test_all_else_is_left(data: bytes):
    assert read(data) is None


@pytest.mark.parametrize(
    "line", ["Cache-Control: no-cache", "Cookie: a", "Authorization: Bearer a"]
)
def test_who_shows_no_token_has_a_say(line: str):
    assert read(sent(line), is_token_checked=False) is None
    assert read(sent(line)) is not None


def test_what_is_known_again_is_bounded():
    requests = PlainRequests(is_token_checked=True)
    for number in range(5000):
        assert requests.read(sent(f"X: {number} {'y' * 3000}")) is not None
        assert requests.known_bytes < 5 << 20
    assert requests.read(sent(f"X: 0 {'y' * 3000}")) is not None


def test_many_short_ones_that_are_known_again_are_bounded_too():
    requests = PlainRequests(is_token_checked=True)
    for number in range(30_000):
        requests.read(b"GET /a HTTP/1.1\r\nHost: %x\r\n\r\n" % number)
    assert requests.known_bytes < 4.1 * (1 << 20) < 30_000 * 200


LINES = st.sampled_from(
    [b"Range: bytes=0-9", b"range: bytes=5-", b"X: y", b"", b"\r", b"\n", b"\r\n", b"\r\r\n", b"Y"]
)


@given(st.sampled_from([b"GET", b"HEAD"]), st.lists(LINES, max_size=5))
def test_what_is_read_is_one_whole_request_to_the_ordinary_road(method: bytes, lines: list[bytes]):
    data = b"\r\n".join((method + b" /a HTTP/1.1", b"Host: a", *lines))
    if read(data) is not None:
        framing = RequestFraming(head_bytes_max=HEAD_BYTES_MAX)
        assert framing.feed(data) == [data]
        assert framing.is_at_boundary


@given(st.binary(max_size=40), st.integers(0, 400), st.integers(0, 3))
def test_what_is_read_is_one_request_whatever_was_read_before(
    noise: bytes, place: int, removed: int
):
    """A changed request reads as it does alone: what is known of others is never taken for it."""
    known = PlainRequests(is_token_checked=True)
    clean = sent("Range: bytes=0-9", "Authorization: Bearer a.b.c")
    assert known.read(clean) is not None
    place %= len(clean)
    changed = clean[:place] + noise + clean[place + removed :]
    assert known.read(changed) == PlainRequests(is_token_checked=True).read(changed)
