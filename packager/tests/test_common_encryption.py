import uuid

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from packager.common_encryption import (
    CommonEncryption,
    decrypt_samples,
    encode_pssh,
    encode_sinf,
    encrypt_samples,
)
from packager.content_key import ContentKey
from packager.renditions import Protection
from packager.tests.samples import CBCS, IV, KEY

SAMPLES = st.lists(st.binary(max_size=100), max_size=12)


def encrypt_slowly(sample: bytes) -> bytes:
    """One sample as ISO/IEC 23001-7 section 10.4 says it, with a cipher of its own."""
    whole = len(sample) - len(sample) % 16
    encryptor = Cipher(algorithms.AES(KEY.key), modes.CBC(IV)).encryptor()
    return encryptor.update(sample[:whole]) + sample[whole:]


@given(SAMPLES)
def test_every_sample_is_encrypted_from_the_constant_iv(samples: list[bytes]):
    encrypted = encrypt_samples(CBCS, b"".join(samples), map(len, samples))
    assert encrypted == b"".join(map(encrypt_slowly, samples))


@given(SAMPLES)
def test_decryption_undoes_encryption(samples: list[bytes]):
    assert decrypt_samples(CBCS, list(map(encrypt_slowly, samples))) == samples


def test_another_key_yields_other_bytes():
    other = CommonEncryption(ContentKey(KEY.kid, bytes(16)), IV)
    assert decrypt_samples(other, [encrypt_slowly(bytes(64))]) != [bytes(64)]


def test_the_sample_entry_names_scheme_kid_and_iv():
    sinf = encode_sinf(CBCS, b"mp4a")
    assert b"frmamp4a" in sinf
    assert b"schm\x00\x00\x00\x00cbcs\x00\x01\x00\x00" in sinf
    tenc = b"tenc\x01\x00\x00\x00" + b"\x00\x00\x01\x00" + KEY.kid.bytes + b"\x10" + IV
    assert sinf.endswith(tenc)
    assert KEY.key not in sinf


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
        pytest.param(bytes(16), Protection.SEALED, id="protection of whole files"),
    ],
)
def test_what_the_scheme_cannot_be_is_refused(iv: bytes, scheme: Protection):
    with pytest.raises(ValueError, match=r"IV has|not a scheme"):
        CommonEncryption(KEY, iv, scheme)


def test_key_and_iv_stay_out_of_the_representation():
    assert repr(KEY.key) not in repr(CBCS)
    assert repr(IV) not in repr(CBCS)
