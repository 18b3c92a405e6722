import pytest
from hypothesis import given
from hypothesis import strategies as st

from origin.errors import RecordError
from origin.intake.errors import QuotaExceededError, UploadTooLargeError
from origin.intake.labels import Quota
from origin.intake.ledger import Ledger, decode_ledger, encode_ledger

QUOTA = Quota(upload_bytes_max=100, day_bytes_max=150, open_uploads_max=2)
NOON_S = 19_675 * 86_400 + 43_200


def test_an_upload_may_have_so_many_bytes():
    with pytest.raises(UploadTooLargeError):
        Ledger().opened("a", 101, QUOTA, now_s=NOON_S)


def test_so_many_uploads_may_be_open():
    ledger = Ledger().opened("a", 1, QUOTA, now_s=NOON_S).opened("b", 1, QUOTA, now_s=NOON_S)
    with pytest.raises(QuotaExceededError, match="2 uploads"):
        ledger.opened("c", 1, QUOTA, now_s=NOON_S)
    assert ledger.opened("b", 1, QUOTA, now_s=NOON_S) == ledger
    ledger.closed("a").opened("c", 1, QUOTA, now_s=NOON_S)


def test_a_day_may_have_so_many_bytes():
    ledger = Ledger().opened("a", 100, QUOTA, now_s=NOON_S).closed("a")
    with pytest.raises(QuotaExceededError, match="200 bytes") as raised:
        ledger.opened("b", 100, QUOTA, now_s=NOON_S)
    assert raised.value.headers["Retry-After"] == str(43_200)
    assert ledger.opened("b", 100, QUOTA, now_s=NOON_S + 43_200).day_bytes == 100


def test_a_clock_that_is_behind_does_not_begin_the_day_anew():
    ledger = Ledger().opened("a", 100, QUOTA, now_s=NOON_S + 43_200)
    with pytest.raises(QuotaExceededError, match="200 bytes"):
        ledger.opened("b", 100, QUOTA, now_s=NOON_S + 43_199)


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 120), st.booleans()), max_size=30)
)
def test_no_sequence_goes_beyond_the_quota(steps: list[tuple[str, int, bool]]):
    ledger = Ledger()
    for upload_id, length, is_closed in steps:
        try:
            ledger = ledger.opened(upload_id, length, QUOTA, now_s=NOON_S)
        except (QuotaExceededError, UploadTooLargeError):
            continue
        if is_closed:
            ledger = ledger.closed(upload_id)
        assert ledger.day_bytes <= 150
        assert len(ledger.open_since_s) <= 2
    assert decode_ledger(encode_ledger(ledger)) == ledger


@pytest.mark.parametrize(
    "data", [b"{", b"[]", b'{"day":1}', b'{"day":1,"day_bytes":1,"open_since_s":[]}']
)
def test_what_is_no_account_is_refused(data: bytes):
    with pytest.raises(RecordError):
        decode_ledger(data)
