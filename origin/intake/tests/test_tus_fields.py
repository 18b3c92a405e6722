import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from origin.intake.errors import UploadFieldError
from origin.intake.tus_fields import parse_checksum, parse_idempotency_key, parse_number


@pytest.mark.parametrize("value", [None, "", "-1", "1.5", "1e3", "٣", " 1", "1" * 19])
def test_what_is_no_number_is_refused(value: str | None):
    with pytest.raises(UploadFieldError, match="Upload-Offset"):
        parse_number("Upload-Offset", value)


def test_a_number_is_read():
    assert parse_number("Upload-Offset", "007") == 7


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_checksum_names_its_algorithm(algorithm: str):
    digest = hashlib.new(algorithm, b"content").digest()
    checksum = parse_checksum(f"{algorithm} {base64.b64encode(digest).decode()}")
    assert checksum is not None
    hasher = checksum.start()
    hasher.update(b"content")
    assert hasher.digest() == checksum.digest


@pytest.mark.parametrize("value", ["", "sha256", "md5 YQ==", "sha256 YQ==", "sha1 a", "sha1 a=b"])
def test_what_is_no_checksum_is_refused(value: str):
    with pytest.raises(UploadFieldError):
        parse_checksum(value)


def test_a_checksum_may_be_missing():
    assert parse_checksum(None) is None


@pytest.mark.parametrize(
    ("value", "key"),
    [(None, None), ("abc", "abc"), ('"a b"', "a b"), (" a.b ", "a.b")],
)
def test_a_key_may_stand_in_quotes(value: str | None, key: str | None):
    assert parse_idempotency_key(value) == key


@pytest.mark.parametrize("value", ["", '""', '"', "a b", "ä", "a" * 256, "a\0"])
def test_what_is_no_key_is_refused(value: str):
    with pytest.raises(UploadFieldError):
        parse_idempotency_key(value)


@given(st.text(max_size=40))
def test_anything_is_parsed_or_refused(value: str):
    for parse in (parse_checksum, parse_idempotency_key):
        try:
            parse(value)
        except UploadFieldError as error:
            assert error.field
