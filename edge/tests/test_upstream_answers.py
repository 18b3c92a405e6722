"""What an upstream's answer is good for."""

import pytest

from edge.errors import (
    UpstreamChangedError,
    UpstreamError,
    UpstreamRangeError,
    UpstreamStatusError,
)
from edge.representation import ResponseHead
from edge.tests.making import head_from, representation_of
from edge.upstream_answers import (
    Asked,
    Keep,
    LengthLimits,
    PassOn,
    Share,
    Unfit,
    Use,
    Validated,
    check_fill,
    use_of,
)
from http_semantics.byte_range import ByteSlice, IntRange

PART = ByteSlice(0, 100)
RANGED = Asked(PART)
PLAIN = Asked()
LIMITS = LengthLimits(in_parts=9000, in_one=5000)


def partial_head(**fields: str) -> ResponseHead:
    fields.setdefault("Content_Length", "100")
    return head_from(206, is_token_checked=False, is_authorized=False, **fields)


@pytest.mark.parametrize(
    ("head", "content_range", "asked", "expected"),
    [
        pytest.param(head_from(), None, PLAIN, Keep(1000), id="whole"),
        pytest.param(head_from(Content_Length="0"), None, PLAIN, Keep(0), id="empty"),
        pytest.param(head_from(), None, RANGED, Keep(1000), id="ignored Range"),
        pytest.param(partial_head(), "bytes 0-99/1000", RANGED, Keep(1000, PART), id="range"),
        pytest.param(
            head_from(206, Content_Length="50"),
            "bytes 0-49/50",
            RANGED,
            Keep(50, ByteSlice(0, 50)),
            id="range of a short one",
        ),
        pytest.param(head_from(304), None, Asked(is_conditional=True), Validated(), id="validated"),
        pytest.param(head_from(304), None, PLAIN, PassOn(Unfit.STATUS), id="304 unasked"),
        pytest.param(
            head_from(Cache_Control="no-store"), None, PLAIN, PassOn("no-store"), id="no-store"
        ),
        pytest.param(
            head_from(Content_Length=""), None, PLAIN, PassOn(Unfit.NO_LENGTH), id="no length"
        ),
        pytest.param(
            head_from(Content_Length="9001"), None, PLAIN, PassOn(Unfit.TOO_LARGE), id="too large"
        ),
        pytest.param(
            head_from(Content_Length="5001", ETag=""),
            None,
            PLAIN,
            PassOn(Unfit.TOO_LARGE),
            id="too large for what cannot be fetched in parts",
        ),
        pytest.param(
            partial_head(ETag='W/"v1"'),
            "bytes 0-99/1000",
            RANGED,
            PassOn(Unfit.NO_VALIDATOR),
            id="range without a strong validator",
        ),
        pytest.param(
            partial_head(), "bytes 0-99/*", RANGED, PassOn(Unfit.NO_LENGTH), id="no total"
        ),
        pytest.param(head_from(302), None, PLAIN, Keep(1000), id="redirect that says how long"),
        pytest.param(
            head_from(302, Cache_Control="", ETag=""),
            None,
            PLAIN,
            PassOn("no-freshness"),
            id="redirect",
        ),
        pytest.param(head_from(204, Content_Length=""), None, PLAIN, Keep(0), id="no content"),
        pytest.param(
            head_from(Content_Length="", Transfer_Encoding="chunked"),
            None,
            PLAIN,
            Keep(None),
            id="its end will tell",
        ),
        pytest.param(head_from(416), None, RANGED, PassOn(Unfit.STATUS), id="416"),
        pytest.param(head_from(404), None, PLAIN, Keep(1000), id="404 that says how long"),
        pytest.param(head_from(404, Cache_Control="", ETag=""), None, PLAIN, Share(), id="404"),
        pytest.param(
            head_from(503), None, Asked(is_conditional=True), Share(), id="503 for a validation"
        ),
        pytest.param(
            partial_head(ETag=""),
            "bytes 0-99/1000",
            Asked(PART, wanted=IntRange(10, 19)),
            Keep(1000, PART),
            id="all that is wanted, without a validator",
        ),
        pytest.param(
            head_from(404, Cache_Control="no-store"), None, PLAIN, PassOn(Unfit.STATUS), id="404 ns"
        ),
        pytest.param(head_from(503, Cache_Control="no-store"), None, PLAIN, Share(), id="503 ns"),
        pytest.param(
            head_from(503, Cache_Control="private"), None, PLAIN, PassOn(Unfit.STATUS), id="503 pr"
        ),
        pytest.param(
            head_from(403, is_authorized=True),
            None,
            Asked(is_authorized=True),
            PassOn(Unfit.STATUS),
            id="403 own",
        ),
        pytest.param(
            head_from(403, Set_Cookie="a=b"), None, PLAIN, PassOn(Unfit.STATUS), id="403 cookie"
        ),
    ],
)
def test_first_contact(head: ResponseHead, content_range: str | None, asked: Asked, expected: Use):
    assert use_of(head, content_range, asked, limits=LIMITS) == expected


@pytest.mark.parametrize(
    ("head", "content_range", "asked"),
    [
        pytest.param(partial_head(), "bytes 0-99/1000", PLAIN, id="nobody asked"),
        pytest.param(partial_head(), None, RANGED, id="does not say which"),
        pytest.param(partial_head(), "bytes */1000", RANGED, id="says none"),
        pytest.param(partial_head(), "bytes 100-199/1000", RANGED, id="another one"),
        pytest.param(partial_head(), "bytes 0-98/1000", RANGED, id="shorter"),
        pytest.param(
            partial_head(Content_Length="99"), "bytes 0-99/1000", RANGED, id="length disagrees"
        ),
    ],
)
def test_a_part_that_nobody_asked_for(head: ResponseHead, content_range: str | None, asked: Asked):
    with pytest.raises(UpstreamRangeError):
        use_of(head, content_range, asked, limits=LIMITS)


def test_a_fill_gets_what_it_asked_for_or_everything():
    found = representation_of()
    assert check_fill(found, partial_head(), "bytes 0-99/1000", PART) == PART
    assert check_fill(found, head_from(), None, PART) == ByteSlice(0, 1000)


@pytest.mark.parametrize(
    ("head", "content_range", "error"),
    [
        pytest.param(
            partial_head(ETag='"v2"'), "bytes 0-99/1000", UpstreamChangedError, id="other tag"
        ),
        pytest.param(partial_head(ETag=""), "bytes 0-99/1000", UpstreamChangedError, id="no tag"),
        pytest.param(partial_head(), "bytes 0-99/1001", UpstreamChangedError, id="other length"),
        pytest.param(partial_head(), "bytes 1-100/1000", UpstreamRangeError, id="other range"),
        pytest.param(partial_head(), "bytes 0-99/*", UpstreamRangeError, id="no total"),
        pytest.param(partial_head(), None, UpstreamRangeError, id="no Content-Range"),
        pytest.param(head_from(ETag='"v2"'), None, UpstreamChangedError, id="200, other tag"),
        pytest.param(
            head_from(Content_Length="9"), None, UpstreamChangedError, id="200, other length"
        ),
        pytest.param(head_from(404), None, UpstreamChangedError, id="gone"),
        pytest.param(head_from(416), "bytes */9", UpstreamChangedError, id="shorter by now"),
        pytest.param(head_from(500), None, UpstreamStatusError, id="failing"),
    ],
)
def test_a_fill_refuses(head: ResponseHead, content_range: str | None, error: type[UpstreamError]):
    with pytest.raises(error):
        check_fill(representation_of(), head, content_range, PART)


def test_an_overloaded_origin_is_told_with_its_own_pause():
    with pytest.raises(UpstreamStatusError) as raised:
        check_fill(representation_of(), head_from(503, Retry_After="7"), None, PART)
    assert (raised.value.status, raised.value.headers["Retry-After"]) == (503, "7")
