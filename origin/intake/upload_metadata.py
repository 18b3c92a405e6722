"""What the sender of an upload says about it: the field `Upload-Metadata` of tus 1.0. No I/O.

Fields that are known are checked at once, so that a typing error in a code is told before
gigabytes are sent. Fields that are not known are kept and shown, and mean nothing here: clients
add some of their own (`relativePath`, `filetype`) and could not upload if these were refused.
"""

import base64
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from origin.intake.errors import UploadFieldError
from origin.tags import TEXT_LENGTH_MAX, clean_text
from origin.trade_codes import parse_barcode, parse_isrc

METADATA_BYTES_MAX: Final = 8 << 10
METADATA_FIELDS_MAX: Final = 64

FILE_NAME_FIELDS: Final = ("filename", "name")
SHA256_FIELD: Final = "sha256"

# Names of this API, and what they are called among the raw tags of a file.
TAG_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "title": "title",
        "artist": "artist",
        "album": "album",
        "album_artist": "albumartist",
        "disc": "discnumber",
        "track": "tracknumber",
        "date": "date",
        "isrc": "isrc",
        "upc": "barcode",
        "composer": "composer",
        "genre": "genre",
        "copyright": "copyright",
        "publisher": "label",
    }
)

_NAME: Final = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,64}", re.ASCII)
_POSITION: Final = re.compile(r"[1-9][0-9]{0,3}(?:/[1-9][0-9]{0,3})?", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?", re.ASCII)
_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)

# A path component has 255 bytes; the rest is left to what is added to it.
_FILE_NAME_BYTES_MAX: Final = 200


def parse_metadata(value: str | None) -> Mapping[str, str]:
    """The fields of `Upload-Metadata`, by name.

    Raises:
        UploadFieldError: the field is malformed or too long, or a known one has a wrong value.
    """
    if value is None or not value.strip():
        return {}
    if len(value) > METADATA_BYTES_MAX:
        raise UploadFieldError("Upload-Metadata", f"it has over {METADATA_BYTES_MAX} bytes")
    pairs = value.split(",")
    if len(pairs) > METADATA_FIELDS_MAX:
        raise UploadFieldError("Upload-Metadata", f"it has over {METADATA_FIELDS_MAX} fields")
    found: dict[str, str] = {}
    for pair in pairs:
        name, _, encoded = pair.strip().partition(" ")
        if _NAME.fullmatch(name) is None:
            raise UploadFieldError("Upload-Metadata", f"{name[:40]!r} is no name of a field")
        if name in found:
            raise UploadFieldError(name, "it is there twice")
        found[name] = _decode(name, encoded)
    for name, text in found.items():
        _check(name, text)
    return found


def encode_metadata(metadata: Mapping[str, str]) -> str:
    """Undo `parse_metadata`."""
    return ",".join(
        f"{name} {base64.b64encode(text.encode()).decode()}".rstrip()
        for name, text in metadata.items()
    )


def tag_values(metadata: Mapping[str, str]) -> Mapping[str, tuple[str, ...]]:
    """The tags among metadata, as raw tags of a file are named."""
    return {
        raw: (metadata[name],) for name, raw in TAG_NAMES.items() if metadata.get(name, "").strip()
    }


def unknown_fields(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the fields that mean nothing here."""
    known = {*TAG_NAMES, *FILE_NAME_FIELDS, SHA256_FIELD}
    return tuple(name for name in metadata if name not in known)


def file_name_of(metadata: Mapping[str, str]) -> str:
    """The last component of the file's name, safe as one; empty if none was told."""
    told = next((metadata[name] for name in FILE_NAME_FIELDS if metadata.get(name)), "")
    last = clean_text(re.split(r"[/\\]", told)[-1]).lstrip(".")
    cut = last.encode()[-_FILE_NAME_BYTES_MAX:]
    return cut.decode(errors="ignore")


def _decode(name: str, encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except ValueError:
        raise UploadFieldError(name, "its value is not UTF-8 in Base64") from None


def _check(name: str, text: str) -> None:
    """Refuse a known field that the record could not keep as it is."""
    if not text.strip():
        return
    if name in TAG_NAMES and len(text) > TEXT_LENGTH_MAX:
        raise UploadFieldError(name, f"it has over {TEXT_LENGTH_MAX} characters")
    if name in {"disc", "track"} and _POSITION.fullmatch(text) is None:
        raise UploadFieldError(name, "it is neither a number such as 3 nor 3/12")
    if name == "date" and _DATE.fullmatch(text) is None:
        raise UploadFieldError(name, "it is no date such as 2001, 2001-02 or 2001-02-03")
    if name == "isrc" and parse_isrc(text) is None:
        raise UploadFieldError(name, "it is no ISRC (ISO 3901)")
    if name == "upc" and parse_barcode(text) is None:
        raise UploadFieldError(name, "it is no UPC, EAN or GTIN with a right check digit")
    if name == SHA256_FIELD and _SHA256.fullmatch(text) is None:
        raise UploadFieldError(name, "it is no SHA-256 of 64 lower-case hexadecimal digits")
