import pytest

from origin.errors import ObjectKeyError
from origin.object_key import (
    album_key,
    check_prefix,
    claim_key,
    context_key,
    cover_key,
    cover_track_key,
    fingerprint_key,
    master_key,
    parse_claim_key,
    rendition_key,
    track_key,
)


def test_the_layout_of_the_store():
    assert master_key("T", sha256="ab", extension="flac") == "masters/T/ab.flac"
    assert track_key("T") == "tracks/T.json"
    assert album_key("A") == "albums/A.json"
    assert (
        rendition_key("T", version="v", rendition="aac-160", extension="mp4")
        == "renditions/T/v/aac-160.mp4"
    )
    assert context_key("ab") == "contexts/ab.f32"
    assert cover_key("ab", size=480, extension="jpg") == "covers/ab-480.jpg"
    assert cover_track_key("ab", "T") == "cover-tracks/ab/T.json"
    assert fingerprint_key("T") == "fingerprints/T.bin"
    assert claim_key("package/T/v/flac") == "claims/package/T/v/flac.json"


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("claims/package/T/v/flac.json", "package/T/v/flac"),
        ("claims/package/T/v/flac", None),
        ("tracks/T.json", None),
    ],
)
def test_a_key_of_a_claim_tells_its_name(key: str, name: str | None):
    assert parse_claim_key(key) == name


@pytest.mark.parametrize("track_id", ["", "../x", "a/../b", "a\n", "."])
def test_no_key_leaves_its_folder(track_id: str):
    with pytest.raises(ObjectKeyError):
        master_key(track_id, sha256="..", extension="flac")
    with pytest.raises(ObjectKeyError):
        rendition_key("T", version="v", rendition=track_id, extension="/mp4")


@pytest.mark.parametrize("prefix", ["a", "/", "../", "a//", "a/b", ".a/", "a/" * 300])
def test_no_such_prefix(prefix: str):
    with pytest.raises(ObjectKeyError):
        check_prefix(prefix)
