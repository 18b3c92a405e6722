"""The snapshot of the order: whole, or not used."""

from hypothesis import given
from hypothesis import strategies as st

from edge.disk.disk_index import RECORD_BYTES
from edge.disk.index_snapshot import decode_snapshot, encode_snapshot

RECORDS = st.lists(st.binary(min_size=RECORD_BYTES, max_size=RECORD_BYTES), max_size=20)


@given(RECORDS)
def test_what_was_written_is_read(records: list[bytes]):
    found = decode_snapshot(b"".join(encode_snapshot(records)))
    assert found is not None
    assert list(found) == records


def test_many_records_come_in_pieces():
    records = [number.to_bytes(RECORD_BYTES, "big") for number in range(3000)]
    pieces = list(encode_snapshot(records))
    assert len(pieces) == 5
    found = decode_snapshot(b"".join(pieces))
    assert found is not None
    assert list(found) == records


@given(RECORDS, st.data())
def test_a_flipped_bit_is_found(records: list[bytes], data: st.DataObject):
    file = bytearray(b"".join(encode_snapshot(records)))
    bit = data.draw(st.integers(0, 8 * len(file) - 1))
    file[bit // 8] ^= 1 << bit % 8
    assert decode_snapshot(bytes(file)) is None


@given(RECORDS, st.data())
def test_a_file_that_was_cut_is_not_used(records: list[bytes], data: st.DataObject):
    file = b"".join(encode_snapshot(records))
    assert decode_snapshot(file[: data.draw(st.integers(0, len(file) - 1))]) is None
    assert decode_snapshot(file + b"x") is None
