"""What may be stored, and on which terms it is used again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from http_semantics.freshness import ResponseTimes
from http_semantics.http_date import format_http_date
from http_semantics.storing import (
    HEURISTIC_MAX_S,
    Candidate,
    Refusal,
    ReusePolicy,
    effective_directives,
    policy_of,
    why_not_storable,
)
from http_semantics.vary import EMPTY, Selecting

NOW_S = 1_700_000_000.0
AT_ONCE = ResponseTimes(request_s=NOW_S, response_s=NOW_S, date_s=NOW_S, age_s=0.0)
TARGETS = ("Own-Cache-Control", "CDN-Cache-Control")

Lines = list[tuple[str, str]]


def cc(value: str) -> Lines:
    return [("Cache-Control", value)]


def ago(name: str, seconds: float) -> Lines:
    return [(name, format_http_date(NOW_S - seconds))]


def policy(lines: Lines, status: int = 200) -> ReusePolicy:
    return policy_of(CIMultiDict(lines), status=status, times=AT_ONCE, targets=TARGETS)


def refusal(
    lines: Lines,
    *,
    status: int = 200,
    method: str = "GET",
    is_request_authorized: bool = False,
    is_cookie_storable: bool = False,
    selecting: Selecting | None = EMPTY,
    request_directives: dict[str, str | None] | None = None,
) -> Refusal | None:
    fields = CIMultiDict(lines)
    return why_not_storable(
        Candidate(
            status=status,
            fields=fields,
            policy=policy(lines, status),
            directives=effective_directives(fields, targets=TARGETS)[0],
            selecting=selecting,
            method=method,
            target_uri="http://music.test/a",
            is_request_authorized=is_request_authorized,
            request_directives=request_directives or {},
            is_cookie_storable=is_cookie_storable,
        )
    )


@pytest.mark.parametrize(
    ("lines", "expected", "is_targeted"),
    [
        pytest.param(cc("max-age=1"), {"max-age": "1"}, False, id="Cache-Control"),
        pytest.param(
            [*cc("no-store"), ("CDN-Cache-Control", "max-age=2")],
            {"max-age": "2"},
            True,
            id="the targeted field replaces it whole",
        ),
        pytest.param(
            [("CDN-Cache-Control", "max-age=2"), ("Own-Cache-Control", "max-age=3")],
            {"max-age": "3"},
            True,
            id="the most specific one counts",
        ),
        pytest.param(
            [("CDN-Cache-Control", "max-age=2"), ("Own-Cache-Control", "")],
            {"max-age": "2"},
            True,
            id="an empty one is passed over",
        ),
        pytest.param(
            [*cc("no-store"), ("CDN-Cache-Control", "max-age=2, &")],
            {"no-store": None},
            False,
            id="a malformed one is passed over",
        ),
        pytest.param(
            [("CDN-Cache-Control", "max-age=2"), ("CDN-Cache-Control", "public")],
            {"max-age": "2", "public": None},
            True,
            id="lines are joined",
        ),
        pytest.param([("Pragma", "no-cache")], {}, False, id="Pragma means nothing here"),
        pytest.param(
            [*cc("max-age=1"), ("Other-Cache-Control", "no-store")],
            {"max-age": "1"},
            False,
            id="others' fields mean nothing here",
        ),
    ],
)
def test_which_directives_count(lines: Lines, expected: dict[str, str | None], is_targeted: bool):
    assert effective_directives(CIMultiDict(lines), targets=TARGETS) == (expected, is_targeted)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(cc("max-age=60"), 60, id="max-age"),
        pytest.param(cc("max-age=60, s-maxage=5"), 5, id="s-maxage is for us"),
        pytest.param([*cc("s-maxage=5"), *cc("max-age=60")], 5, id="on two lines"),
        pytest.param([*cc("max-age=60"), *ago("Expires", -5)], 60, id="max-age before Expires"),
        pytest.param([*cc("max-age=0"), *ago("Expires", -5)], 0, id="even if it is 0"),
        pytest.param(ago("Expires", -30), 30, id="Expires"),
        pytest.param(ago("Expires", 30), 0, id="Expires in the past"),
        pytest.param([("Expires", "0")], 0, id="Expires that is no date"),
        pytest.param([*cc("public"), *ago("Expires", -30)], 30, id="Expires beside public"),
        pytest.param([], 0, id="nothing said"),
        pytest.param(cc("max-age=60, no-cache"), 0, id="no-cache"),
        pytest.param(cc('max-age=60, no-cache="a"'), 60, id="no-cache of a field"),
        pytest.param(cc("max-age=x"), 0, id="unreadable"),
        pytest.param(cc("max-age"), 0, id="no argument"),
        pytest.param(cc("max-age=-1"), 0, id="negative"),
        pytest.param(cc("max-age=1.5"), 0, id="not whole"),
        pytest.param(cc('max-age="60"'), 60, id="quoted"),
        pytest.param(cc("max-age=99999999999"), 1 << 31, id="larger than can be held"),
        pytest.param(cc("max-age=60, max-age=5"), 60, id="the first one counts"),
        pytest.param(
            [("CDN-Cache-Control", "public"), *cc("max-age=60"), *ago("Expires", -60)],
            0,
            id="Expires does not count beside a targeted field",
        ),
        pytest.param([("CDN-Cache-Control", 'max-age="60"'), *cc("max-age=5")], 0, id="wrong type"),
    ],
)
def test_lifetime(lines: Lines, expected: float):
    assert policy(lines).lifetime_s == expected


@pytest.mark.parametrize(
    ("lines", "status", "expected"),
    [
        pytest.param(ago("Last-Modified", 1000), 200, 100, id="a tenth"),
        pytest.param(ago("Last-Modified", 1e9), 200, HEURISTIC_MAX_S, id="no more than a day"),
        pytest.param(ago("Last-Modified", -5), 200, 0, id="modified in the future"),
        pytest.param([("Last-Modified", "x")], 200, 0, id="no date"),
        pytest.param(ago("Last-Modified", 1000), 404, 100, id="not found"),
        pytest.param(ago("Last-Modified", 1000), 302, 0, id="not by this status"),
        pytest.param(
            [*cc("public"), *ago("Last-Modified", 1000)], 302, 100, id="any status if public"
        ),
        pytest.param([*cc("max-age=0"), *ago("Last-Modified", 1000)], 200, 0, id="explicit"),
        pytest.param([*cc("max-age=x"), *ago("Last-Modified", 1000)], 200, 0, id="unreadable"),
        pytest.param([("Expires", "0"), *ago("Last-Modified", 1000)], 200, 0, id="no such date"),
        pytest.param([*cc("no-cache"), *ago("Last-Modified", 1000)], 200, 0, id="no-cache"),
    ],
)
def test_heuristic_lifetime(lines: Lines, status: int, expected: float):
    terms = policy(lines, status)
    assert terms.lifetime_s == pytest.approx(expected)
    assert terms.is_heuristic is (expected > 0)
    assert not (terms.is_heuristic and terms.is_explicit)


def test_heuristics_are_a_setting():
    terms = policy_of(
        CIMultiDict(ago("Last-Modified", 1000)),
        status=200,
        times=AT_ONCE,
        heuristic_fraction=0.5,
        heuristic_max_s=300.0,
    )
    assert terms.lifetime_s == 300


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("max-age=1", True, id="nothing forbids it"),
        pytest.param("max-age=1, must-revalidate", False, id="must-revalidate"),
        pytest.param("max-age=1, proxy-revalidate", False, id="proxy-revalidate"),
        pytest.param("s-maxage=1", False, id="s-maxage"),
        pytest.param("max-age=1, no-cache", False, id="no-cache"),
        pytest.param('max-age=1, no-cache="a"', True, id="no-cache of a field"),
    ],
)
def test_what_forbids_staleness(value: str, expected: bool):
    terms = policy(cc(f"{value}, stale-while-revalidate=7, stale-if-error=8"))
    assert terms.may_be_stale is expected
    assert terms.stale_while_revalidate_s == (7 if expected else 0)
    assert terms.stale_if_error_s == (8 if expected else 0)


def test_fields_named_by_directives_are_dropped():
    terms = policy(cc('max-age=1, no-cache="A, b", private="Set-Cookie"'))
    assert terms.dropped_fields == {"a", "b", "set-cookie"}
    assert not terms.is_no_cache


def test_an_unqualified_directive_outweighs_a_qualified_one():
    assert policy(cc('no-cache="a", no-cache, max-age=9')).is_no_cache
    assert refusal([*cc('private="a", max-age=9'), *cc("private")]) is Refusal.PRIVATE


@pytest.mark.parametrize(
    ("lines", "status", "expected"),
    [
        pytest.param(cc("max-age=9"), 200, None, id="explicit"),
        pytest.param(ago("Expires", -9), 200, None, id="Expires"),
        pytest.param([], 200, Refusal.NO_FRESHNESS, id="nothing"),
        pytest.param(cc("public"), 200, Refusal.NO_FRESHNESS, id="public alone"),
        pytest.param([("ETag", '"1"')], 200, None, id="entity tag"),
        pytest.param(ago("Last-Modified", 0), 200, None, id="date of modification"),
        pytest.param([("ETag", "1")], 200, Refusal.NO_FRESHNESS, id="no entity tag"),
        pytest.param(cc("max-age=0"), 200, Refusal.NO_FRESHNESS, id="stale, no validator"),
        pytest.param([*cc("max-age=0"), ("ETag", '"1"')], 200, None, id="stale, validator"),
        pytest.param([*cc("no-cache"), ("ETag", '"1"')], 200, None, id="no-cache, validator"),
        pytest.param(cc("no-cache, max-age=9"), 200, Refusal.NO_FRESHNESS, id="no-cache"),
        pytest.param([("ETag", '"1"')], 403, Refusal.NO_FRESHNESS, id="status does not allow it"),
        pytest.param([*cc("public"), ("ETag", '"1"')], 403, None, id="public allows it"),
        pytest.param(cc("max-age=9"), 599, None, id="unknown status, explicit"),
        pytest.param(cc("max-age=9"), 206, None, id="part"),
        pytest.param(cc("max-age=9"), 304, Refusal.STATUS, id="not modified"),
        pytest.param(cc("max-age=9"), 103, Refusal.STATUS, id="interim"),
        pytest.param(cc("max-age=9"), 416, Refusal.STATUS, id="about one request's range"),
        pytest.param(cc("max-age=9"), 429, Refusal.STATUS, id="too many requests"),
        pytest.param(cc("max-age=9"), 511, Refusal.STATUS, id="network authentication"),
        pytest.param(cc("no-store, max-age=9"), 200, Refusal.NO_STORE, id="no-store"),
        pytest.param(cc("max-age=9, must-understand"), 200, None, id="understood"),
        pytest.param(cc("max-age=9, must-understand"), 599, Refusal.STATUS, id="not understood"),
        pytest.param(
            cc("max-age=9, must-understand, no-store"), 200, None, id="no-store for others"
        ),
        pytest.param(
            cc("max-age=9, must-understand, no-store"), 599, Refusal.STATUS, id="one of the others"
        ),
        pytest.param(cc("private, max-age=9"), 200, Refusal.PRIVATE, id="private"),
        pytest.param(cc('private="a", max-age=9'), 200, None, id="private field"),
        pytest.param(cc('private="", max-age=9'), 200, Refusal.PRIVATE, id="private, no field"),
        pytest.param(
            [*cc("max-age=9"), ("Set-Cookie", "a=b")], 200, Refusal.SET_COOKIE, id="cookie"
        ),
        pytest.param(
            [*cc('max-age=9, no-cache="Set-Cookie"'), ("Set-Cookie", "a=b")],
            200,
            None,
            id="cookie that is not kept",
        ),
    ],
)
def test_storing(lines: Lines, status: int, expected: Refusal | None):
    assert refusal(lines, status=status) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("max-age=9", Refusal.AUTHORIZATION, id="no permission"),
        pytest.param("max-age=9, public", None, id="public"),
        pytest.param("s-maxage=9", None, id="s-maxage"),
        pytest.param("max-age=9, must-revalidate", None, id="must-revalidate"),
        pytest.param("max-age=9, proxy-revalidate", Refusal.AUTHORIZATION, id="not this one"),
    ],
)
def test_storing_for_authorized_requests(value: str, expected: Refusal | None):
    assert refusal(cc(value), is_request_authorized=True) == expected


@pytest.mark.parametrize(
    ("method", "lines", "expected"),
    [
        pytest.param("HEAD", cc("max-age=9"), Refusal.METHOD, id="HEAD"),
        pytest.param("PUT", cc("max-age=9"), Refusal.METHOD, id="PUT"),
        pytest.param("POST", cc("max-age=9"), Refusal.METHOD, id="POST"),
        pytest.param(
            "POST", [*cc("max-age=9"), ("Content-Location", "a")], None, id="POST of itself"
        ),
        pytest.param(
            "POST",
            [*cc("max-age=9"), ("Content-Location", "b")],
            Refusal.METHOD,
            id="POST of another",
        ),
        pytest.param(
            "POST",
            [("ETag", '"1"'), ("Content-Location", "a")],
            Refusal.METHOD,
            id="POST without explicit freshness",
        ),
    ],
)
def test_storing_by_method(method: str, lines: Lines, expected: Refusal | None):
    assert refusal(lines, method=method) == expected


def test_what_cannot_be_selected_is_not_stored():
    assert refusal(cc("max-age=9"), selecting=None) is Refusal.VARY


def test_a_request_may_forbid_storing():
    assert refusal(cc("max-age=9"), request_directives={"no-store": None}) is Refusal.NO_STORE


def test_cookies_are_a_setting():
    lines = [*cc("max-age=9"), ("Set-Cookie", "a=b")]
    assert refusal(lines, is_cookie_storable=True) is None


DIRECTIVES = st.lists(
    st.sampled_from(
        [
            "max-age=9",
            "s-maxage=0",
            "no-cache",
            'no-cache="a"',
            "private",
            "no-store",
            "public",
            "must-revalidate",
            "must-understand",
            "stale-if-error=5",
            "immutable",
            "max-age=x",
        ]
    )
).map(", ".join)


@given(value=DIRECTIVES, status=st.integers(100, 599), modified_ago_s=st.integers(-10, 10**9))
def test_terms_hold_together(value: str, status: int, modified_ago_s: int):
    terms = policy([*cc(value), *ago("Last-Modified", modified_ago_s)], status)
    assert terms.lifetime_s >= 0
    assert terms.is_no_cache <= (terms.lifetime_s == 0 and not terms.may_be_stale)
    assert terms.is_heuristic <= (not terms.is_explicit)
    assert terms.may_be_stale or terms.stale_while_revalidate_s == terms.stale_if_error_s == 0


@given(value=DIRECTIVES, status=st.integers(100, 599))
def test_no_store_and_private_are_never_stored(value: str, status: int):
    stored = refusal([*cc(value), ("ETag", '"1"')], status=status) is None
    assert not (stored and "private" in value)
    assert not (stored and "no-store" in value and "must-understand" not in value)
