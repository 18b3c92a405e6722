import logging
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from drm.errors import KekError
from drm.kek_file import read_kek, read_or_create_kek
from drm.key_wrap import KeyEncryptionKey, encode_kek

KEK = KeyEncryptionKey(bytes(range(32)))


def test_a_key_is_made_once_for_the_owner_alone(tmp_path: Path):
    path = tmp_path / "drm" / "kek"
    kek = read_or_create_kek(path, database=tmp_path / "none")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_or_create_kek(path, database=tmp_path / "none") == read_kek(path) == kek
    assert [one.name for one in path.parent.iterdir()] == ["kek"]


@pytest.mark.parametrize("is_linked", [True, False], ids=["linked", "not yet linked"])
def test_a_killed_maker_leaves_no_second_copy_of_the_key(tmp_path: Path, *, is_linked: bool):
    partial = tmp_path / ".kek-abcd_123"
    partial.write_text(encode_kek(KEK))
    others = [tmp_path / ".kek-backup.gpg", tmp_path / ".other-abcd_123"]
    for other in others:
        other.touch()
    if is_linked:
        (tmp_path / "kek").hardlink_to(partial)
    made = read_or_create_kek(tmp_path / "kek", database=tmp_path / "none")
    assert (made == KEK) == is_linked
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "kek", *others])


def test_many_who_make_it_at_once_get_the_same(tmp_path: Path):
    with ThreadPoolExecutor(8) as pool:
        made = pool.map(
            lambda _: read_or_create_kek(tmp_path / "kek", database=tmp_path / "none"), range(16)
        )
        assert len({kek.key for kek in made}) == 1


def test_no_key_is_made_beside_a_vault_that_needs_its_own(tmp_path: Path):
    (tmp_path / "keys.sqlite").touch()
    with pytest.raises(KekError, match="put it back"):
        read_or_create_kek(tmp_path / "kek", database=tmp_path / "keys.sqlite")
    assert not (tmp_path / "kek").exists()


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(KekError, match="put it back") as raised:
        read_kek(tmp_path / "kek")
    assert str(tmp_path / "kek") in str(raised.value)


@pytest.mark.parametrize(
    "content", [b"", b"short", b"\xff" * 44, b"A" * 2000], ids=["empty", "short", "binary", "long"]
)
def test_another_file_is_refused_and_named(tmp_path: Path, content: bytes):
    path = tmp_path / "kek"
    path.write_bytes(content)
    with pytest.raises(KekError) as raised:
        read_kek(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("name", ["folder", "file/kek"])
def test_what_cannot_be_read_or_made_is_an_error_of_the_key(tmp_path: Path, name: str):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(KekError):
        read_or_create_kek(tmp_path / name, database=tmp_path / "none")


def test_a_place_that_cannot_be_written_is_an_error_of_the_key(tmp_path: Path):
    (tmp_path / "kek").symlink_to(tmp_path / "gone" / "kek")
    with pytest.raises(KekError):
        read_or_create_kek(tmp_path / "kek" / "kek", database=tmp_path / "none")


def test_a_file_that_others_can_read_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = tmp_path / "kek"
    path.write_text(encode_kek(KEK))
    path.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        assert read_kek(path) == KEK
    assert "others can read" in caplog.text
    assert encode_kek(KEK) not in caplog.text
