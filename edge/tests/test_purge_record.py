"""The purge log's format: whole, torn, and damaged on the safe side."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from xxhash import xxh3_64_intdigest

from edge.purge_record import PurgeHistory, decode_log, encode_log, encode_record
from edge.purges import Purge

EPOCH = bytes(range(16))
TEXTS = st.lists(st.text(max_size=9), max_size=3).map(tuple)
PURGES = st.builds(Purge, TEXTS, TEXTS, TEXTS, st.booleans(), st.booleans())
LOGS = st.lists(PURGES, max_size=6).map(lambda purges: list(enumerate(purges, 1)))


@given(LOGS)
def test_what_was_written_is_read(purges: list[tuple[int, Purge]]):
    found = decode_log(encode_log(EPOCH, purges))
    assert found == PurgeHistory(EPOCH, purges)
    assert found.sequence == len(purges)


@given(LOGS, PURGES, st.data())
def test_a_record_that_was_cut_off_is_left_out(
    purges: list[tuple[int, Purge]], last: Purge, data: st.DataObject
):
    record = encode_record(len(purges) + 1, last)
    cut = data.draw(st.integers(1, len(record) - 1))
    zeros = data.draw(st.sampled_from([0, 1, 4096]))
    whole = encode_log(EPOCH, purges)
    assert decode_log(whole + record[:cut]) == PurgeHistory(EPOCH, purges, is_torn=True)
    assert decode_log(whole + bytes(zeros)) == PurgeHistory(EPOCH, purges, is_torn=zeros > 0)


@given(LOGS.filter(bool), st.data())
def test_no_purge_is_lost_unnoticed_by_a_flipped_bit(
    purges: list[tuple[int, Purge]], data: st.DataObject
):
    log = bytearray(encode_log(EPOCH, purges))
    bit = data.draw(st.integers(0, 8 * len(log) - 1))
    log[bit // 8] ^= 1 << bit % 8
    found = decode_log(bytes(log))
    if found is not None:
        assert found.epoch == EPOCH
        assert found.purges == purges[: found.sequence]
        assert found.sequence + found.lost_max >= len(purges)


@given(st.binary(max_size=300))
def test_anything_is_read_without_an_error(rest: bytes):
    assert decode_log(rest) is None
    found = decode_log(encode_log(EPOCH, []) + rest)
    assert found is not None
    assert found.is_torn or found.lost_max or not rest


@pytest.mark.parametrize(
    "text",
    [b"[]", b"{}", b'{"n":"1"}', b'{"n":-1}', b'{"n":1,"urls":3}', b"1", b'{"n":1'],
)
def test_a_sound_record_that_says_nothing_is_damage(text: bytes):
    record = encode_record(1, Purge())
    head = len(text).to_bytes(4, "little") + (len(text) ^ 0xFFFFFFFF).to_bytes(4, "little")
    forged = head + xxh3_64_intdigest(text).to_bytes(8, "little") + text
    found = decode_log(encode_log(EPOCH, []) + forged + record)
    assert found is not None
    assert found.purges == []
    assert found.lost_max >= 2


def test_numbers_do_not_go_back():
    log = encode_log(EPOCH, [(5, Purge()), (5, Purge(urls=("/a",))), (4, Purge())])
    found = decode_log(log)
    assert found is not None
    assert (found.sequence, len(found.purges)) == (5, 2)
    assert found.lost_max
