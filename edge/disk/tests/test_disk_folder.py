"""A folder: locked, known again, and without a way out of it."""

import os
from pathlib import Path

import pytest

from edge.disk.disk_folder import FolderMark, is_full, make_shared_folder, open_folder
from edge.disk.entry_file import Kind, Place, encode_head
from edge.disk.errors import DiskFolderInUseError, FolderGoneError

ID = bytes(range(20))


def place_of(content: bytes, entry_id: bytes = ID) -> tuple[Place, bytes]:
    head = encode_head(entry_id, b"key", content, sequence=0, kind=Kind.SLICE)
    return Place(entry_id, len(head) + len(content), Kind.SLICE), head


def test_a_file_is_written_read_and_removed(tmp_path: Path):
    folder = open_folder(tmp_path / "a")
    place, head = place_of(b"content")
    for is_durable in (False, True):
        folder.write(place, head, b"content", is_durable=is_durable)
        for is_at_once in (False, True):
            assert b"".join(folder.read(place, 3, is_at_once=is_at_once)[:2]) == head + b"content"
    assert folder.names_in(place.sub_folder) == [place.name]
    folder.remove(place.path)
    folder.remove(place.path)
    with pytest.raises(FileNotFoundError):
        folder.read(place, 3, is_at_once=False)
    assert folder.free_bytes() > 0
    folder.close()


def test_a_file_of_another_size_is_told_apart(tmp_path: Path):
    folder = open_folder(tmp_path / "a")
    place, head = place_of(b"content")
    folder.write(place, head, b"content", is_durable=False)
    path = tmp_path / "a" / "v1" / place.path
    for changed in (b"", head[:5], head, head + b"cont", head + b"content and more"):
        path.write_bytes(changed)
        found = folder.read(place, 3, is_at_once=False)
        assert b"".join(found[:2]) == changed[: place.file_bytes + 1]
    folder.close()


def test_a_partial_file_does_not_stay(tmp_path: Path):
    folder = open_folder(tmp_path / "a")
    place, head = place_of(b"content")
    (tmp_path / "a" / "v1" / place.path).mkdir()
    with pytest.raises(OSError, match="directory"):
        folder.write(place, head, b"content", is_durable=False)
    assert folder.names_in(place.sub_folder) == [place.name]
    folder.close()


def test_partial_files_of_a_crash_go_when_it_is_listed(tmp_path: Path):
    folder = open_folder(tmp_path / "a")
    (tmp_path / "a" / "v1" / "00" / ".t17").write_bytes(b"half")
    folder.names_in(0)
    assert folder.names_in(0) == []
    folder.close()


def test_a_sub_folder_that_was_removed_is_made_again(tmp_path: Path):
    folder = open_folder(tmp_path / "a")
    place, head = place_of(b"content")
    (tmp_path / "a" / "v1" / f"{place.sub_folder:02x}").rmdir()
    folder.write(place, head, b"content", is_durable=False)
    assert bytes(folder.read(place, 3, is_at_once=False)[1]) == b"content"
    folder.close()


@pytest.mark.parametrize("is_at_once", [False, True])
def test_links_are_not_followed(tmp_path: Path, is_at_once: bool):
    folder = open_folder(tmp_path / "a")
    place, head = place_of(b"content")
    (tmp_path / "secret").write_bytes(head + b"content")
    link = tmp_path / "a" / "v1" / place.path
    link.symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="symbolic links"):
        folder.read(place, 3, is_at_once=is_at_once)
    folder.write(place, head, b"content", is_durable=False)
    assert not link.is_symlink()
    folder.close()


def test_a_folder_is_locked_while_it_is_open(tmp_path: Path):
    folder = open_folder(tmp_path / "a")
    with pytest.raises(DiskFolderInUseError, match=str(tmp_path / "a")):
        open_folder(tmp_path / "a")
    folder.close()
    open_folder(tmp_path / "a").close()


def test_a_folder_for_several_workers_is_made_if_only_itself_is_missing(tmp_path: Path):
    make_shared_folder(tmp_path / "tier")
    make_shared_folder(tmp_path / "tier")
    for number in range(2):
        open_folder(tmp_path / "tier" / f"worker-{number}").close()
    make_shared_folder(tmp_path / "absent" / "tier")
    assert not (tmp_path / "absent").exists()


def test_a_folder_is_known_again(tmp_path: Path):
    first = open_folder(tmp_path / "a")
    assert first.mark.is_new
    first.close()
    second = open_folder(tmp_path / "a", expected=first.mark)
    assert second.mark.folder_id == first.mark.folder_id
    assert not second.mark.is_new
    second.close()


def test_an_empty_folder_on_another_disk_is_not_taken_for_it(tmp_path: Path):
    mark = FolderMark("0" * 32, tmp_path.stat().st_dev + 1)
    with pytest.raises(FolderGoneError, match="not mounted"):
        open_folder(tmp_path / "a", expected=mark)
    assert not (tmp_path / "a").exists()


def test_it_is_noticed_that_a_folder_is_gone(tmp_path: Path):
    folder = open_folder(tmp_path / "a")
    folder.check()
    (tmp_path / "a").rename(tmp_path / "b")
    with pytest.raises(FolderGoneError):
        folder.check()
    open_folder(tmp_path / "a").close()
    with pytest.raises(FolderGoneError):
        folder.check()
    folder.close()
    with pytest.raises(FolderGoneError):
        folder.check()


def test_what_is_set_aside_is_out_of_the_way_at_once(tmp_path: Path):
    folder = open_folder(tmp_path / "a")
    place, head = place_of(b"content")
    folder.write(place, head, b"content", is_durable=False)
    folder.snapshot_path.write_bytes(b"order")
    folder.set_aside()
    assert not folder.snapshot_path.exists()
    assert folder.names_in(place.sub_folder) == []
    folder.write(place, head, b"content", is_durable=False)
    assert sum(1 for _ in folder.remove_old()) == 1
    assert not list((tmp_path / "a").glob("old-*"))
    assert folder.names_in(place.sub_folder) == [place.name]
    folder.close()


def test_a_descriptor_is_kept_for_who_goes_by_it(tmp_path: Path):
    folder = open_folder(tmp_path / "a")
    folder._begin_use()
    fd = folder._entries_fd
    folder.close()
    os.fstat(fd)
    folder._end_use()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_which_errors_say_that_there_is_no_room():
    assert is_full(OSError(28, "ENOSPC"))
    assert not is_full(OSError(5, "EIO"))
    assert not is_full(OSError("no number"))
