import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from origin.intake.errors import UploadFieldError
from origin.intake.upload_metadata import (
    METADATA_BYTES_MAX,
    encode_metadata,
    file_name_of,
    parse_metadata,
    tag_values,
    unknown_fields,
)


def encoded(**fields: str) -> str:
    return encode_metadata(fields)


def test_values_are_utf_8_in_base64():
    value = f"title {base64.b64encode('Ü'.encode()).decode()}, is_flagged ,x "
    assert parse_metadata(value) == {"title": "Ü", "is_flagged": "", "x": ""}


@given(
    st.dictionaries(
        st.text("abcdefghij_", min_size=1, max_size=10), st.text(max_size=20), max_size=8
    )
)
def test_what_is_encoded_is_parsed_again(fields: dict[str, str]):
    told = {f"x_{name}": text for name, text in fields.items()}
    assert parse_metadata(encode_metadata(told)) == told


@given(st.text(max_size=60))
def test_anything_is_parsed_or_refused(value: str):
    try:
        parse_metadata(value)
    except UploadFieldError as error:
        assert error.field


@pytest.mark.parametrize(
    ("value", "field"),
    [
        pytest.param("title %%%", "title", id="no Base64"),
        pytest.param("title /w==", "title", id="no UTF-8"),
        pytest.param("a YQ==,a YQ==", "a", id="twice"),
        pytest.param(",", "Upload-Metadata", id="no name"),
        pytest.param("ä YQ==", "Upload-Metadata", id="a name that is not ASCII"),
        pytest.param("a" * (METADATA_BYTES_MAX + 1), "Upload-Metadata", id="too long"),
        pytest.param(",".join(f"a{n}" for n in range(65)), "Upload-Metadata", id="too many"),
        pytest.param(encoded(isrc="DE-XXX"), "isrc", id="no ISRC"),
        pytest.param(encoded(upc="036000291453"), "upc", id="a wrong check digit"),
        pytest.param(encoded(sha256="ABC"), "sha256", id="no SHA-256"),
        pytest.param(encoded(disc="two"), "disc", id="no number"),
        pytest.param(encoded(date="yesterday"), "date", id="no date"),
        pytest.param(encoded(title="x" * 501), "title", id="a title that is too long"),
    ],
)
def test_a_wrong_field_is_named(value: str, field: str):
    with pytest.raises(UploadFieldError) as raised:
        parse_metadata(value)
    assert raised.value.members == {"field": field}


def test_known_fields_become_tags():
    metadata = parse_metadata(
        encoded(
            title="Ton", album_artist="A", upc="036000291452", isrc="DE-A12-34-56789", track="3/12",
            artist=" ", colour="blue",
        )
    )  # fmt: skip
    assert tag_values(metadata) == {
        "title": ("Ton",),
        "albumartist": ("A",),
        "barcode": ("036000291452",),
        "isrc": ("DE-A12-34-56789",),
        "tracknumber": ("3/12",),
    }
    assert unknown_fields(metadata) == ("colour",)


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("01 - Ton.flac", "01 - Ton.flac"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Music\\Ton.wav", "Ton.wav"),
        ("..", ""),
        (".hidden", "hidden"),
        ("a\0b\nc.wav", "a b c.wav"),
        ("ü" * 300 + ".wav", "ü" * 98 + ".wav"),
    ],
)
def test_a_file_name_is_one_component(told: str, name: str):
    assert file_name_of({"filename": told}) == name
    assert file_name_of({"name": told}) == name
    assert len(file_name_of({"filename": told}).encode()) <= 200
