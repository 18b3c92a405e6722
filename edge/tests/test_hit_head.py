import pytest

from edge.fields import Fields
from edge.hit_head import HitHead, HitTimes, timing_of

TIMES = HitTimes(response_s=1000.0, age_s=5.0, lifetime_s=60.0)


def head_of(*, length: int = 100, is_whole_sent: bool = True) -> HitHead:
    fields = Fields({"ETag": '"v1"'})
    fields.add("A", "1")
    fields.add("A", "2")
    return HitHead("/a", fields, length, TIMES, is_whole_sent=is_whole_sent)


def test_a_whole_answer():
    assert b"".join(head_of().whole(7.9, timing_of(0.000126))) == (
        b'HTTP/1.1 200 OK\r\nETag: "v1"\r\nA: 1\r\nA: 2\r\nContent-Length: 100\r\nAge: 7\r\n'
        b"Cache-Status: attacca; hit; ttl=52\r\n"
        b"Server-Timing: cache;desc=hit, edge;dur=0.13\r\n\r\n"
    )


def test_a_part():
    assert b"".join(head_of().part((10, 20), 0.0, timing_of(0.0))) == (
        b'HTTP/1.1 206 Partial Content\r\nETag: "v1"\r\nA: 1\r\nA: 2\r\nContent-Length: 10\r\n'
        b"Content-Range: bytes 10-19/100\r\nAge: 0\r\nCache-Status: attacca; hit; ttl=60\r\n"
        b"Server-Timing: cache;desc=hit, edge;dur=0.00\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("now_s", "age_s"),
    [(1000.0, 5.0), (990.0, 5.0), (1010.0, 15.0), (1054.9, 59.9), (1055.0, None), (9000.0, None)],
)
def test_its_age_while_it_is_fresh(now_s: float, age_s: float | None):
    found = head_of().fresh_age_s(now_s)
    assert found == (None if age_s is None else pytest.approx(age_s))


@pytest.mark.parametrize(
    ("bounds", "place"),
    [
        ((b"0", b"0"), (0, 1)),
        ((b"10", b"19"), (10, 20)),
        ((b"10", b""), (10, 100)),
        ((b"99", b"999999999999999999"), (99, 100)),
        ((b"", b"1"), (99, 100)),
        ((b"", b"100"), (0, 100)),
        ((b"", b"101"), (0, 100)),
        ((b"", b"0"), None),
        ((b"", b""), None),
        ((b"100", b""), None),
        ((b"100", b"200"), None),
        ((b"5", b"4"), None),
        ((b"5", b"3"), None),
        ((b"1", b"2,3-4"), None),
        ((b" 1", b"2"), None),
        ((b"1", b"2 "), None),
        ((b"1_0", b""), None),
        ((b"\xb2", b""), None),
        ((b"9" * 19, b""), None),
        ((b"", b"9" * 19), None),
    ],
)
def test_places_of_ranges(bounds: tuple[bytes, bytes], place: tuple[int, int] | None):
    assert head_of().place_of(bounds, is_head=False) == place


def test_all_of_what_is_too_long_is_no_place_but_for_its_head():
    assert head_of().place_of(None, is_head=False) == (0, 100)
    assert head_of(is_whole_sent=False).place_of(None, is_head=False) is None
    assert head_of(is_whole_sent=False).place_of(None, is_head=True) == (0, 100)
    assert head_of(is_whole_sent=False).place_of((b"1", b"2"), is_head=False) == (1, 3)


def test_paths_are_shown_with_their_escapes():
    head = HitHead('/a"b', Fields(), 1, TIMES, is_whole_sent=True)
    assert head.shown == '"/a\\"b"'
    assert head.shown_behind_token == '"/~-/a\\"b"'
