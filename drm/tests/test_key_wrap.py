import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drm.errors import KekError, VaultDamagedError
from drm.key_wrap import (
    NONCE_BYTES,
    KeyEncryptionKey,
    decode_kek,
    encode_kek,
    place_of_content_key,
    place_of_signing_key,
)
from packager.renditions import KeyClass

KEK = KeyEncryptionKey(b"\1" * 32)
OTHER_KEK = KeyEncryptionKey(b"\2" * 32)
NONCE = bytes(NONCE_BYTES)
SECRET = bytes(range(16))
WRAPPED = KEK.wrap(SECRET, nonce=NONCE, place=b"here")
KID = uuid.UUID(int=1)


@given(st.binary(max_size=40), st.binary(min_size=12, max_size=12), st.binary(max_size=20))
def test_wrapping_and_unwrapping_undo_each_other(secret: bytes, nonce: bytes, place: bytes):
    assert KEK.unwrap(KEK.wrap(secret, nonce=nonce, place=place), place=place) == secret


@given(st.integers(0, len(WRAPPED) * 8 - 1))
def test_every_flipped_bit_is_found(bit: int):
    altered = bytearray(WRAPPED)
    altered[bit // 8] ^= 1 << bit % 8
    with pytest.raises(VaultDamagedError):
        KEK.unwrap(bytes(altered), place=b"here")


@pytest.mark.parametrize(
    ("kek", "wrapped", "place"),
    [
        pytest.param(KEK, WRAPPED, b"there", id="moved"),
        pytest.param(OTHER_KEK, WRAPPED, b"here", id="another key"),
        pytest.param(KEK, WRAPPED[:-1], b"here", id="cut"),
        pytest.param(KEK, WRAPPED[:20], b"here", id="too short for a tag"),
        pytest.param(KEK, b"", b"here", id="empty"),
    ],
)
def test_what_was_not_wrapped_here_is_refused(kek: KeyEncryptionKey, wrapped: bytes, place: bytes):
    with pytest.raises(VaultDamagedError):
        kek.unwrap(wrapped, place=place)


def test_a_key_knows_its_own_check():
    check = KEK.encode_check(nonce=NONCE)
    assert KEK.fits(check)
    assert not OTHER_KEK.fits(check)
    assert not KEK.fits(WRAPPED)
    assert not KEK.fits(b"")


def test_a_key_travels_as_base64():
    assert decode_kek(f" {encode_kek(KEK)}\n") == KEK


@pytest.mark.parametrize(
    "text",
    ["", "AAAA", "A" * 44 + "!", "é" * 44, "A" * 43, encode_kek(KEK).replace("=", "")],
)
def test_another_text_is_no_key_and_is_not_repeated(text: str):
    with pytest.raises(KekError) as raised:
        decode_kek(text)
    assert not text or text not in str(raised.value)


def test_a_key_is_not_shown():
    assert repr(KEK) == "KeyEncryptionKey()"


def test_places_differ_in_every_part():
    places = {
        place_of_content_key(KID, track_id="a", key_class=KeyClass.LOSSY, key_version=1),
        place_of_content_key(KID, track_id="b", key_class=KeyClass.LOSSY, key_version=1),
        place_of_content_key(KID, track_id="a", key_class=KeyClass.SEALED, key_version=1),
        place_of_content_key(KID, track_id="a", key_class=KeyClass.LOSSY, key_version=2),
        place_of_content_key(
            uuid.UUID(int=2), track_id="a", key_class=KeyClass.LOSSY, key_version=1
        ),
        place_of_signing_key("a"),
        place_of_signing_key("b"),
    }
    assert len(places) == 7
