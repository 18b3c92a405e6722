import uuid

import pytest

from packager.content_key import ContentKey, derive_iv

KEY = ContentKey(uuid.UUID(int=1), b"0123456789abcdef")
DIGEST = bytes(range(32))


def iv_of(key: ContentKey = KEY, version: str = "v", rendition: str = "r", digest: bytes = DIGEST):
    return derive_iv(key, version=version, rendition=rendition, clear_sha256=digest)


def test_the_same_file_gets_the_same_iv():
    assert iv_of() == iv_of()
    assert len(iv_of()) == 16


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(iv_of(key=ContentKey(KEY.kid, bytes(16))), id="other key"),
        pytest.param(iv_of(version="w"), id="other version"),
        pytest.param(iv_of(rendition="s"), id="other rendition"),
        pytest.param(iv_of(digest=bytes(32)), id="other plaintext"),
        pytest.param(iv_of(version="", rendition="vr"), id="same text, cut elsewhere"),
    ],
)
def test_any_other_file_gets_another_iv(other: bytes):
    assert other != iv_of()


def test_a_key_stays_out_of_its_representation():
    assert "0123456789abcdef" not in repr(KEY)
    assert str(KEY.kid) in repr(KEY)


def test_a_key_of_another_size_is_refused_without_showing_it():
    with pytest.raises(ValueError, match="16 bytes, not 5") as raised:
        ContentKey(uuid.UUID(int=1), b"short")
    assert "short" not in str(raised.value)


def test_a_digest_in_hexadecimal_is_refused():
    with pytest.raises(ValueError, match="32 bytes, not 64"):
        iv_of(digest=DIGEST.hex().encode())
