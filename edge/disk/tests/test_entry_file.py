"""Files of the disk tier: what was written is read, and nothing else passes for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.disk.entry_file import (
    HEADER_BYTES,
    Flaw,
    Kind,
    Place,
    check_file,
    encode_head,
    file_bytes_of,
    parse_name,
    sub_folder_of,
)

ID = bytes(range(20))
IDS = st.binary(min_size=20, max_size=20)
KINDS = st.sampled_from(Kind)


def file_of(identity: bytes, content: bytes, *, entry_id: bytes = ID, sequence: int = 7) -> bytes:
    head = encode_head(entry_id, identity, content, sequence=sequence, kind=Kind.SLICE)
    return head + content


def check(data: bytes, identity: bytes, *, entry_id: bytes = ID) -> int | Flaw:
    cut = HEADER_BYTES + len(identity)
    return check_file(entry_id, identity, bytearray(data[:cut]), bytearray(data[cut:]))


@given(IDS, st.binary(max_size=40), st.binary(max_size=99), st.integers(0, 2**63), KINDS)
def test_what_was_written_is_read(
    entry_id: bytes, identity: bytes, content: bytes, sequence: int, kind: Kind
):
    head = encode_head(entry_id, identity, content, sequence=sequence, kind=kind)
    assert len(head) + len(content) == file_bytes_of(identity, len(content))
    assert check(head + content, identity, entry_id=entry_id) == sequence


@given(st.binary(max_size=40), st.binary(max_size=99), st.data())
def test_a_flipped_bit_anywhere_is_found(identity: bytes, content: bytes, data: st.DataObject):
    file = bytearray(file_of(identity, content))
    bit = data.draw(st.integers(0, 8 * len(file) - 1))
    file[bit // 8] ^= 1 << bit % 8
    assert check(bytes(file), identity) is Flaw.DAMAGED


@given(st.binary(max_size=40), st.binary(min_size=1, max_size=99), st.data())
def test_a_file_of_another_length_is_damaged(identity: bytes, content: bytes, data: st.DataObject):
    file = file_of(identity, content)
    cut = data.draw(st.integers(0, len(file) - 1))
    assert check(file[:cut], identity) is Flaw.DAMAGED
    assert check(file + b"x", identity) is Flaw.DAMAGED


@given(st.binary(max_size=200), st.binary(max_size=40))
def test_anything_is_checked_without_an_error(data: bytes, identity: bytes):
    assert check(data, identity) is Flaw.DAMAGED


@pytest.mark.parametrize("other", [b"key B", b"a longer key", b"", b"k" * 3000])
def test_a_sound_file_of_another_identity_is_no_damage(other: bytes):
    assert check(file_of(b"key A", b"content"), other) is Flaw.OTHER


def test_a_file_under_another_id_is_damaged():
    assert check(file_of(b"key", b"content"), b"key", entry_id=bytes(20)) is Flaw.DAMAGED


@given(IDS, st.integers(0, 2**40), KINDS)
def test_a_name_tells_id_size_and_kind(entry_id: bytes, file_bytes: int, kind: Kind):
    place = Place(entry_id, file_bytes, kind)
    folder, _, name = place.path.partition("/")
    assert folder == f"{sub_folder_of(entry_id):02x}"
    assert parse_name(name) == place


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="nothing"),
        pytest.param(".t1", id="a partial file"),
        pytest.param("00" * 20 + ".1", id="no kind"),
        pytest.param("00" * 20 + ".1.x", id="an unknown kind"),
        pytest.param("00" * 20 + "..s", id="no size"),
        pytest.param("00" * 20 + ".1s.", id="the kind before the dot"),
        pytest.param("00" * 20 + ".1_0.s", id="an underscore"),
        pytest.param("00" * 20 + ".-1.s", id="a sign"),
        pytest.param("00" * 20 + ".01.s", id="a leading zero"),
        pytest.param("0A" * 20 + ".1.s", id="capitals"),
        pytest.param("zz" * 20 + ".1.s", id="no hexadecimal"),
        pytest.param("00 " * 13 + "0.1.s", id="spaces"),
        pytest.param("00" * 20 + "." + "z" * 40 + ".s", id="too long"),
    ],
)
def test_other_names_are_none_of_ours(name: str):
    assert parse_name(name) is None


@given(st.text(max_size=60))
def test_any_name_is_parsed_or_refused(name: str):
    assert parse_name(name) is None


def test_ids_that_look_alike_are_spread_over_the_folders():
    counts = [0] * 256
    for number in range(25_600):
        counts[sub_folder_of(bytes(16) + number.to_bytes(4, "big"))] += 1
    assert min(counts) > 50
    assert max(counts) < 200
