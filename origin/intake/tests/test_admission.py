import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from origin.intake.admission import Admission, AdmissionLimits
from origin.intake.errors import IntakeBusyError, UploadLockedError
from origin.intake.settings import UploadSettings


def test_one_request_appends_to_an_upload_at_a_time():
    counts: list[int] = []
    admission = Admission(AdmissionLimits(5, 2, 0), on_change=counts.append)
    with admission.appending("a", "1"):
        with pytest.raises(UploadLockedError), admission.appending("a", "1"):
            pass
        with admission.appending("a", "2"), pytest.raises(IntakeBusyError, match="of the label"):
            admission.appending("a", "3").__enter__()
    with admission.appending("a", "1"):
        pass
    assert counts == [1, 2, 1, 0, 1, 0]


def test_all_labels_share_the_process():
    admission = Admission(AdmissionLimits(1, 1, 0), on_change=lambda _: None)
    with admission.appending("a", "1"), pytest.raises(IntakeBusyError, match="1 requests are"):
        admission.appending("b", "2").__enter__()


class Greed:
    """Labels that take as many requests as they get, and end none."""

    def __init__(self, limits: AdmissionLimits) -> None:
        self.admission = Admission(limits, on_change=lambda _: None)
        self._held = contextlib.ExitStack()
        self._ids = iter(range(100_000))

    def take(self, label: str, *, count_max: int = 1000) -> int:
        for count in range(count_max):
            try:
                self._held.enter_context(self.admission.appending(label, str(next(self._ids))))
            except IntakeBusyError:
                return count
        return count_max


def default_limits() -> AdmissionLimits:
    settings = UploadSettings()
    return AdmissionLimits(
        settings.requests_max, settings.label_requests_max, settings.operator_requests_kept
    )


def test_few_slow_labels_keep_neither_others_nor_the_operator_out():
    greed = Greed(default_limits())
    assert [greed.take(label) for label in "abcdef"] == [4, 4, 3, 1, 1, 1]
    assert greed.take("g") == 0
    assert greed.take("") == 2


def test_what_the_operator_uses_is_not_kept_for_him_beside_it():
    greed = Greed(AdmissionLimits(8, 4, 2))
    assert greed.take("", count_max=2) == 2
    assert [greed.take(label) for label in "abcd"] == [3, 1, 1, 1]
    assert greed.take("") == 0


@given(
    st.integers(2, 40),
    st.integers(1, 40),
    st.integers(0, 10),
    st.lists(st.sampled_from(["", "a", "b", "c", "d"])),
)
def test_no_sequence_goes_beyond_the_limits(
    requests_max: int, label_max: int, kept: int, labels: list[str]
):
    kept = min(kept, requests_max - 1)
    greed = Greed(AdmissionLimits(requests_max, label_max, kept))
    taken = dict.fromkeys(["", "a", "b", "c", "d"], 0)
    for label in labels:
        taken[label] += greed.take(label, count_max=1)
    assert sum(taken.values()) <= requests_max
    assert max(taken.values()) <= label_max
    assert sum(taken.values()) - taken[""] <= requests_max - kept
