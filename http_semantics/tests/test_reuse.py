"""Whether a stored response may answer."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from http_semantics.reuse import (
    UNLIMITED,
    RequestLimits,
    Reuse,
    decide,
    may_answer_error,
    read_limits,
)
from http_semantics.storing import ReusePolicy

MINUTE = ReusePolicy(60.0)
STRICT = ReusePolicy(60.0, may_be_stale=False)
SWR = ReusePolicy(60.0, stale_while_revalidate_s=30.0)


def limits_of(cache_control: str) -> RequestLimits:
    return read_limits(CIMultiDict({"Cache-Control": cache_control}))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([], UNLIMITED, id="nothing"),
        pytest.param([("Cache-Control", "max-age=5")], RequestLimits(5), id="max-age"),
        pytest.param(
            [("Cache-Control", "max-stale")], RequestLimits(max_stale_s=inf), id="any max-stale"
        ),
        pytest.param(
            [("Cache-Control", "max-stale=9")], RequestLimits(max_stale_s=9), id="max-stale"
        ),
        pytest.param(
            [("Cache-Control", "min-fresh=9"), ("Cache-Control", "no-store, only-if-cached")],
            RequestLimits(min_fresh_s=9, is_no_store=True, is_only_if_cached=True),
            id="two lines",
        ),
        pytest.param(
            [("Cache-Control", "No-Cache")], RequestLimits(is_no_cache=True), id="no-cache"
        ),
        pytest.param(
            [("Cache-Control", "stale-if-error=9")],
            RequestLimits(stale_if_error_s=9),
            id="stale-if-error",
        ),
        pytest.param([("Cache-Control", "max-age=x")], RequestLimits(0), id="unreadable"),
        pytest.param([("Cache-Control", "foo")], UNLIMITED, id="unknown"),
        pytest.param([("Pragma", "no-cache")], RequestLimits(is_no_cache=True), id="Pragma"),
        pytest.param([("Pragma", "foo, max-age=0")], UNLIMITED, id="other Pragma"),
        pytest.param(
            [("Cache-Control", "max-age=5"), ("Pragma", "no-cache")],
            RequestLimits(5),
            id="Pragma beside Cache-Control",
        ),
    ],
)
def test_limits(lines: list[tuple[str, str]], expected: RequestLimits):
    assert read_limits(CIMultiDict(lines)) == expected


def test_no_word_of_caching_costs_nothing():
    assert read_limits(CIMultiDict({"Range": "bytes=0-1"})) is UNLIMITED


@pytest.mark.parametrize(
    ("policy", "cache_control", "age_s", "expected"),
    [
        pytest.param(MINUTE, "", 59.9, Reuse.FRESH, id="fresh"),
        pytest.param(MINUTE, "", 60, Reuse.VALIDATE, id="stale in this moment"),
        pytest.param(ReusePolicy(0.0), "", 0, Reuse.VALIDATE, id="never fresh"),
        pytest.param(
            ReusePolicy(60.0, is_no_cache=True), "", 0, Reuse.VALIDATE, id="no-cache response"
        ),
        pytest.param(MINUTE, "no-cache", 0, Reuse.VALIDATE, id="no-cache request"),
        pytest.param(MINUTE, "max-age=5", 5, Reuse.FRESH, id="young enough"),
        pytest.param(MINUTE, "max-age=5", 5.1, Reuse.VALIDATE, id="too old"),
        pytest.param(
            ReusePolicy(60.0, is_immutable=True), "max-age=0", 9, Reuse.FRESH, id="immutable"
        ),
        pytest.param(
            ReusePolicy(60.0, is_immutable=True),
            "max-age=0",
            60,
            Reuse.VALIDATE,
            id="immutable and stale",
        ),
        pytest.param(
            ReusePolicy(60.0, is_immutable=True),
            "no-cache",
            9,
            Reuse.VALIDATE,
            id="forced reload of the immutable",
        ),
        pytest.param(MINUTE, "min-fresh=10", 50, Reuse.FRESH, id="fresh for long enough"),
        pytest.param(MINUTE, "min-fresh=10", 51, Reuse.VALIDATE, id="not fresh for long enough"),
        pytest.param(MINUTE, "max-stale", 1e9, Reuse.STALE, id="any staleness"),
        pytest.param(MINUTE, "max-stale=10", 70, Reuse.STALE, id="not too stale"),
        pytest.param(MINUTE, "max-stale=10", 71, Reuse.VALIDATE, id="too stale"),
        pytest.param(MINUTE, "max-stale=0", 60, Reuse.VALIDATE, id="no staleness"),
        pytest.param(MINUTE, "max-stale, max-age=5", 61, Reuse.VALIDATE, id="stale and too old"),
        pytest.param(MINUTE, "max-stale, max-age=99", 61, Reuse.STALE, id="stale, not too old"),
        pytest.param(MINUTE, "max-stale, min-fresh=1", 61, Reuse.VALIDATE, id="stale, not fresh"),
        pytest.param(STRICT, "max-stale", 61, Reuse.VALIDATE, id="must be validated"),
        pytest.param(SWR, "", 90, Reuse.STALE_WHILE_REVALIDATE, id="validated meanwhile"),
        pytest.param(SWR, "", 90.1, Reuse.VALIDATE, id="stale for too long"),
        pytest.param(SWR, "max-age=99", 70, Reuse.VALIDATE, id="nothing stale is wanted"),
        pytest.param(SWR, "max-stale=5", 70, Reuse.VALIDATE, id="nothing that stale is wanted"),
        pytest.param(SWR, "max-stale=15", 70, Reuse.STALE_WHILE_REVALIDATE, id="both allow it"),
        pytest.param(SWR, "max-stale", 99, Reuse.STALE, id="only the client allows it"),
    ],
)
def test_decisions(policy: ReusePolicy, cache_control: str, age_s: float, expected: Reuse):
    assert decide(policy, limits_of(cache_control), age_s=age_s) is expected


def test_a_soft_purge_asks_for_validation():
    assert decide(SWR, UNLIMITED, age_s=0, is_purged_softly=True) is Reuse.VALIDATE


@pytest.mark.parametrize(
    ("policy", "cache_control", "age_s", "is_disconnected", "expected"),
    [
        pytest.param(MINUTE, "", 61, False, False, id="error, no permission"),
        pytest.param(MINUTE, "", 60, False, False, id="error in the moment it goes stale"),
        pytest.param(MINUTE, "", 160, True, True, id="no answer"),
        pytest.param(MINUTE, "", 161, True, False, id="no answer for too long"),
        pytest.param(STRICT, "", 61, True, False, id="no answer, must be validated"),
        pytest.param(STRICT, "stale-if-error=9", 61, False, False, id="client cannot lift that"),
        pytest.param(
            ReusePolicy(60.0, stale_if_error_s=10.0), "", 70, False, True, id="within the window"
        ),
        pytest.param(
            ReusePolicy(60.0, stale_if_error_s=10.0), "", 71, False, False, id="past the window"
        ),
        pytest.param(
            ReusePolicy(60.0, stale_if_error_s=1e9), "", 1e6, True, True, id="the longer one counts"
        ),
        pytest.param(MINUTE, "stale-if-error=9", 69, False, True, id="client allows it"),
        pytest.param(
            ReusePolicy(60.0, stale_if_error_s=10.0),
            "no-cache",
            70,
            True,
            False,
            id="client wants it validated",
        ),
        pytest.param(MINUTE, "max-age=1", 5, False, True, id="fresh, the client wanted it fresher"),
    ],
)
def test_errors(
    policy: ReusePolicy, cache_control: str, age_s: float, is_disconnected: bool, expected: bool
):
    assert (
        may_answer_error(
            policy,
            limits_of(cache_control),
            age_s=age_s,
            is_disconnected=is_disconnected,
            disconnected_max_s=100.0,
        )
        is expected
    )


@pytest.mark.parametrize(
    ("policy", "is_disconnected", "expected"),
    [
        pytest.param(MINUTE, False, False, id="error, no permission"),
        pytest.param(ReusePolicy(60.0, stale_if_error_s=10.0), False, True, id="error, permitted"),
        pytest.param(MINUTE, True, True, id="no answer"),
        pytest.param(STRICT, True, False, id="no answer, must be validated"),
    ],
)
def test_what_was_purged_softly_counts_as_stale_however_young(
    policy: ReusePolicy, is_disconnected: bool, expected: bool
):
    may = may_answer_error(
        policy,
        UNLIMITED,
        age_s=5,
        is_disconnected=is_disconnected,
        disconnected_max_s=100.0,
        is_purged_softly=True,
    )
    assert may is expected


POLICIES = st.builds(
    ReusePolicy,
    lifetime_s=st.floats(0, 1e6),
    stale_while_revalidate_s=st.floats(0, 1e6),
    stale_if_error_s=st.floats(0, 1e6),
    may_be_stale=st.booleans(),
)
LIMITS = st.builds(
    RequestLimits,
    max_age_s=st.floats(0, 1e6) | st.just(inf),
    max_stale_s=st.floats(0, 1e6) | st.just(inf),
    min_fresh_s=st.floats(0, 1e6),
)


@given(policy=POLICIES, limits=LIMITS, age_s=st.floats(0, 1e6))
def test_nothing_stale_passes_a_ban(policy: ReusePolicy, limits: RequestLimits, age_s: float):
    decision = decide(policy, limits, age_s=age_s)
    if not policy.may_be_stale and age_s >= policy.lifetime_s:
        assert decision is Reuse.VALIDATE
    assert (decision is Reuse.FRESH) <= (age_s < policy.lifetime_s)


@given(policy=POLICIES, limits=LIMITS, age_s=st.floats(0, 1e6), more_s=st.floats(0, 1e6))
def test_what_is_validated_young_is_validated_old(
    policy: ReusePolicy, limits: RequestLimits, age_s: float, more_s: float
):
    if decide(policy, limits, age_s=age_s) is Reuse.VALIDATE:
        older = decide(policy, limits, age_s=age_s + more_s)
        assert older in {Reuse.VALIDATE, Reuse.STALE} or limits.min_fresh_s > 0
