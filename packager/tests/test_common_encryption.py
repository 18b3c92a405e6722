import uuid

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from packager.common_encryption import (
    CommonEncryption,
    decrypt_cbcs,
    decrypt_cenc,
    encode_pssh,
    encode_sinf,
    encrypt_samples,
)
from packager.renditions import Protection
from packager.tests.samples import CBCS, CENC, CENC_IV, IV, KEY

SAMPLES = st.lists(st.binary(max_size=100), max_size=12)
FIRSTS = st.integers(0, 1 << 40)


def encrypt_by_cbcs(sample: bytes) -> bytes:
    """One sample as ISO/IEC 23001-7 section 10.4 says it, with a cipher of its own."""
    whole = len(sample) - len(sample) % 16
    encryptor = Cipher(algorithms.AES(KEY.key), modes.CBC(IV)).encryptor()
    return encryptor.update(sample[:whole]) + sample[whole:]


def iv_of_sample(index: int) -> bytes:
    return ((int.from_bytes(CENC_IV, "big") + index) % 2**64).to_bytes(8, "big")


def encrypt_by_cenc(sample: bytes, index: int) -> bytes:
    """One sample as ISO/IEC 23001-7 section 10.1 says it, with a cipher of its own."""
    counter = iv_of_sample(index) + bytes(8)
    return Cipher(algorithms.AES(KEY.key), modes.CTR(counter)).encryptor().update(sample)


@given(SAMPLES)
def test_every_sample_is_encrypted_from_the_constant_iv(samples: list[bytes]):
    encrypted = encrypt_samples(CBCS, b"".join(samples), map(len, samples))
    assert encrypted == b"".join(map(encrypt_by_cbcs, samples))


@given(SAMPLES, FIRSTS)
def test_every_sample_is_encrypted_from_an_iv_of_its_own(samples: list[bytes], first: int):
    encrypted = encrypt_samples(CENC, b"".join(samples), map(len, samples), first=first)
    expected = [encrypt_by_cenc(sample, first + index) for index, sample in enumerate(samples)]
    assert encrypted == b"".join(expected)


@given(FIRSTS, st.integers(0, 30))
def test_the_ivs_of_samples_follow_one_another(first: int, count: int):
    expected = b"".join(iv_of_sample(first + index) for index in range(count))
    assert CENC.sample_ivs(first, count) == expected


@given(SAMPLES)
def test_decryption_undoes_encryption(samples: list[bytes]):
    assert decrypt_cbcs(KEY.key, IV, list(map(encrypt_by_cbcs, samples))) == samples
    ivs = list(map(iv_of_sample, range(len(samples))))
    stored = [encrypt_by_cenc(sample, index) for index, sample in enumerate(samples)]
    assert decrypt_cenc(KEY.key, ivs, stored) == samples


def test_another_key_yields_other_bytes():
    assert decrypt_cbcs(bytes(16), IV, [encrypt_by_cbcs(bytes(64))]) != [bytes(64)]
    assert decrypt_cenc(bytes(16), [iv_of_sample(0)], [encrypt_by_cenc(bytes(64), 0)]) != [
        bytes(64)
    ]


def test_the_sample_entry_of_cbcs_names_scheme_kid_and_iv():
    sinf = encode_sinf(CBCS, b"mp4a")
    assert b"frmamp4a" in sinf
    assert b"schm\x00\x00\x00\x00cbcs\x00\x01\x00\x00" in sinf
    tenc = b"tenc\x01\x00\x00\x00" + b"\x00\x00\x01\x00" + KEY.kid.bytes + b"\x10" + IV
    assert sinf.endswith(tenc)
    assert KEY.key not in sinf


def test_the_sample_entry_of_cenc_names_scheme_kid_and_size_of_the_ivs():
    sinf = encode_sinf(CENC, b"Opus")
    assert b"schm\x00\x00\x00\x00cenc\x00\x01\x00\x00" in sinf
    assert sinf.endswith(b"tenc\x00\x00\x00\x00" + b"\x00\x00\x01\x08" + KEY.kid.bytes)
    assert KEY.key not in sinf
    assert CENC_IV not in sinf


def test_pssh_is_the_common_one_of_the_w3c():
    kids = [uuid.UUID(int=1), uuid.UUID(int=2)]
    assert encode_pssh(kids).hex() == (
        "00000044" + b"pssh".hex() + "01000000"
        "1077efecc0b24d02ace33c1e52e2fb4b"
        "00000002" + kids[0].hex + kids[1].hex + "00000000"
    )


@pytest.mark.parametrize(
    ("iv", "scheme"),
    [
        pytest.param(bytes(8), Protection.CBCS, id="IV of 8 bytes"),
        pytest.param(bytes(16), Protection.CENC, id="IV of 16 bytes"),
        pytest.param(bytes(16), Protection.SEALED, id="protection of whole files"),
    ],
)
def test_what_the_scheme_cannot_be_is_refused(iv: bytes, scheme: Protection):
    with pytest.raises(ValueError, match=r"IV has|not a scheme"):
        CommonEncryption(KEY, iv, scheme)


def test_key_and_iv_stay_out_of_the_representation():
    assert repr(KEY.key) not in repr(CBCS)
    assert repr(IV) not in repr(CBCS)
    assert repr(CENC_IV) not in repr(CENC)
