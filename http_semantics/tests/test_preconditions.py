"""Conditional requests, rule by rule and in their order."""

import pytest

from http_semantics.entity_tag import EntityTag
from http_semantics.preconditions import (
    Preconditions,
    Validators,
    Verdict,
    does_range_apply,
    evaluate,
    evaluate_at_cache,
)

NOW_S = 1_700_000_000.0
EARLIER = "Sun, 06 Nov 1994 08:49:36 GMT"
MODIFIED = "Sun, 06 Nov 1994 08:49:37 GMT"
LATER = "Sun, 06 Nov 1994 08:49:38 GMT"
STRONG = Validators(EntityTag("v1"), 784_111_777, 784_200_000)
WEAK = Validators(EntityTag("v1", is_weak=True), 784_111_777, 784_111_777)
NONE = Validators()

PROCEED, NOT_MODIFIED, FAILED = Verdict.PROCEED, Verdict.NOT_MODIFIED, Verdict.FAILED


@pytest.mark.parametrize(
    ("conditions", "validators", "expected"),
    [
        pytest.param(Preconditions(), STRONG, PROCEED, id="none"),
        pytest.param(Preconditions(if_match='"v1"'), STRONG, PROCEED, id="If-Match holds"),
        pytest.param(Preconditions(if_match='"v2"'), STRONG, FAILED, id="If-Match fails"),
        pytest.param(Preconditions(if_match="*"), NONE, PROCEED, id="If-Match any"),
        pytest.param(Preconditions(if_match='W/"v1"'), WEAK, FAILED, id="If-Match is strong"),
        pytest.param(Preconditions(if_match='"v1"'), NONE, FAILED, id="If-Match without a tag"),
        pytest.param(
            Preconditions(if_match='"v1"', if_unmodified_since=EARLIER),
            STRONG,
            PROCEED,
            id="If-Match goes before If-Unmodified-Since",
        ),
        pytest.param(
            Preconditions(if_unmodified_since=EARLIER), STRONG, FAILED, id="was modified since"
        ),
        pytest.param(
            Preconditions(if_unmodified_since=MODIFIED), STRONG, PROCEED, id="not modified since"
        ),
        pytest.param(
            Preconditions(if_unmodified_since="nonsense"), STRONG, PROCEED, id="no date: ignored"
        ),
        pytest.param(Preconditions(if_none_match='"v1"'), STRONG, NOT_MODIFIED, id="has it"),
        pytest.param(Preconditions(if_none_match='W/"v1"'), STRONG, NOT_MODIFIED, id="weakly"),
        pytest.param(Preconditions(if_none_match='"v0", "v2"'), STRONG, PROCEED, id="has others"),
        pytest.param(Preconditions(if_none_match="*"), NONE, NOT_MODIFIED, id="has anything"),
        pytest.param(
            Preconditions(if_none_match='"v0"', if_modified_since=LATER),
            STRONG,
            PROCEED,
            id="If-None-Match goes before If-Modified-Since",
        ),
        pytest.param(
            Preconditions(if_modified_since=MODIFIED), STRONG, NOT_MODIFIED, id="same second"
        ),
        pytest.param(Preconditions(if_modified_since=EARLIER), STRONG, PROCEED, id="newer here"),
        pytest.param(Preconditions(if_modified_since=LATER), NONE, PROCEED, id="no date here"),
        pytest.param(
            Preconditions(if_match='"v2"', if_none_match='"v1"'),
            STRONG,
            FAILED,
            id="If-Match goes before If-None-Match",
        ),
        pytest.param(
            Preconditions(if_unmodified_since=EARLIER, if_none_match='"v1"'),
            STRONG,
            FAILED,
            id="If-Unmodified-Since goes before If-None-Match",
        ),
        pytest.param(
            Preconditions(if_match="nonsense", if_unmodified_since=LATER),
            STRONG,
            FAILED,
            id="what is no tag matches nothing",
        ),
        pytest.param(
            Preconditions(if_none_match="nonsense", if_modified_since=LATER),
            STRONG,
            PROCEED,
            id="If-None-Match counts even if it is no tag",
        ),
        pytest.param(
            Preconditions(if_modified_since="nonsense"), STRONG, PROCEED, id="no date at all"
        ),
    ],
)
def test_conditions_of_a_get(conditions: Preconditions, validators: Validators, expected: Verdict):
    assert evaluate(conditions, validators, method="GET", now_s=NOW_S) is expected


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        pytest.param(Preconditions(if_none_match='"v1"'), FAILED, id="exists already"),
        pytest.param(Preconditions(if_modified_since=LATER), PROCEED, id="only for GET and HEAD"),
    ],
)
def test_conditions_of_an_unsafe_method(conditions: Preconditions, expected: Verdict):
    assert evaluate(conditions, STRONG, method="PUT", now_s=NOW_S) is expected


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "CONNECT"])
def test_conditions_mean_nothing_without_a_representation(method: str):
    conditions = Preconditions(if_match='"v2"', if_none_match="*")
    assert evaluate(conditions, STRONG, method=method, now_s=NOW_S) is PROCEED


@pytest.mark.parametrize(
    ("conditions", "validators", "expected"),
    [
        pytest.param(Preconditions(), STRONG, PROCEED, id="none"),
        pytest.param(Preconditions(if_none_match='"v1"'), STRONG, NOT_MODIFIED, id="has it"),
        pytest.param(Preconditions(if_none_match="*"), NONE, NOT_MODIFIED, id="has anything"),
        pytest.param(
            Preconditions(if_none_match='"v2"', if_modified_since=LATER),
            STRONG,
            PROCEED,
            id="If-None-Match goes before If-Modified-Since",
        ),
        pytest.param(
            Preconditions(if_match='"v2"', if_unmodified_since=EARLIER),
            STRONG,
            PROCEED,
            id="conditions for origins alone",
        ),
        pytest.param(
            Preconditions(if_modified_since=MODIFIED), STRONG, NOT_MODIFIED, id="same second"
        ),
        pytest.param(Preconditions(if_modified_since=EARLIER), STRONG, PROCEED, id="newer here"),
        pytest.param(
            Preconditions(if_modified_since=LATER),
            Validators(date_s=784_111_778),
            NOT_MODIFIED,
            id="made by then",
        ),
        pytest.param(
            Preconditions(if_modified_since=MODIFIED),
            Validators(date_s=784_111_778),
            PROCEED,
            id="made since",
        ),
        pytest.param(
            Preconditions(if_modified_since=LATER), NONE, NOT_MODIFIED, id="received by then"
        ),
        pytest.param(Preconditions(if_modified_since=MODIFIED), NONE, PROCEED, id="received since"),
    ],
)
def test_conditions_at_a_cache(
    conditions: Preconditions, validators: Validators, expected: Verdict
):
    verdict = evaluate_at_cache(conditions, validators, now_s=NOW_S, received_s=784_111_777.5)
    assert verdict is expected


@pytest.mark.parametrize(
    ("if_range", "validators", "expected"),
    [
        pytest.param(None, NONE, True, id="absent"),
        pytest.param('"v1"', STRONG, True, id="same strong tag"),
        pytest.param('"v2"', STRONG, False, id="other tag"),
        pytest.param('W/"v1"', WEAK, False, id="weak tag"),
        pytest.param('"v1"', NONE, False, id="no tag here"),
        pytest.param(MODIFIED, STRONG, True, id="same strong date"),
        pytest.param(MODIFIED, WEAK, False, id="modified in the second it was sent"),
        pytest.param(LATER, STRONG, False, id="a later date is not the same"),
        pytest.param(MODIFIED, NONE, False, id="no date here"),
        pytest.param("nonsense", STRONG, False, id="neither tag nor date"),
    ],
)
def test_if_range(if_range: str | None, validators: Validators, *, expected: bool):
    assert does_range_apply(if_range, validators, now_s=NOW_S) is expected


def test_fields_are_read_by_name():
    fields = {"If-None-Match": '"a"', "If-Range": '"b"'}
    assert Preconditions.from_fields(fields.get) == Preconditions(
        if_none_match='"a"', if_range='"b"'
    )
    fields = {"ETag": '"v1"', "Last-Modified": MODIFIED, "Date": "nonsense"}
    assert Validators.from_fields(fields.get, now_s=NOW_S) == Validators(
        EntityTag("v1"), 784_111_777, None
    )
    assert Validators.from_fields(dict[str, str]().get, now_s=NOW_S) == NONE
