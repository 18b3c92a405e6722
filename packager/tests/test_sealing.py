import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from packager.sealing import seal, unseal

KEY = bytes(range(16))
CLEAR = bytes(range(256)) * 3

IVS = st.binary(min_size=16, max_size=16) | st.just(b"\xff" * 16) | st.just(b"\xf0" + b"\xff" * 15)


@given(IVS, st.integers(0, len(CLEAR)), st.integers(0, len(CLEAR)))
def test_any_range_is_unsealed_alone(iv: bytes, first: int, second: int):
    start, end = sorted((first, second))
    sealed = b"".join(seal(KEY, iv, [CLEAR]))
    assert unseal(KEY, iv, start, sealed[start:end]) == CLEAR[start:end]


@given(IVS, st.integers(0, len(CLEAR)))
def test_a_sealed_file_does_not_depend_on_how_it_arrives(iv: bytes, cut: int):
    whole = b"".join(seal(KEY, iv, [CLEAR]))
    assert b"".join(seal(KEY, iv, [CLEAR[:cut], CLEAR[cut:]])) == whole


def test_the_counter_carries_through_all_its_bytes():
    iv = b"\xff" * 16
    cipher = Cipher(algorithms.AES(KEY), modes.CBC(bytes(16)))
    block_after_the_carry = cipher.encryptor().update(bytes(16))
    assert unseal(KEY, iv, 16, bytes(16)) == block_after_the_carry


@pytest.mark.parametrize(
    ("key", "iv"),
    [
        pytest.param(bytes(16), bytes(16), id="wrong key"),
        pytest.param(KEY, bytes(15) + b"\x01", id="wrong IV"),
    ],
)
def test_a_wrong_key_yields_other_bytes(key: bytes, iv: bytes):
    sealed = b"".join(seal(KEY, bytes(16), [CLEAR]))
    assert sealed != CLEAR
    assert unseal(key, iv, 0, sealed) != CLEAR


def test_offsets_beyond_four_gigabytes_are_reached_at_once():
    offset = (5 << 30) + 3
    assert unseal(KEY, bytes(16), offset, unseal(KEY, bytes(16), offset, CLEAR)) == CLEAR
