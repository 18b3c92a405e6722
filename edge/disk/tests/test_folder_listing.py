"""Finding out what is there: all of it, in its order, while look-ups go on."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.disk.disk_folder import DiskFolder, open_folder
from edge.disk.disk_index import BLOCK_BYTES, DiskIndex, split_record
from edge.disk.entry_file import Kind, Place
from edge.disk.folder_listing import FolderListing
from edge.disk.index_snapshot import encode_snapshot


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[DiskFolder]:
    opened = open_folder(tmp_path / "a")
    yield opened
    opened.close()


def listing_of(folder: DiskFolder, *, blocks: int = 1000) -> FolderListing:
    return FolderListing(folder, DiskIndex(bytes_max=blocks * BLOCK_BYTES))


def make(folder: DiskFolder, *, file_bytes: int = 100, entry_id: bytes | None = None) -> Place:
    """An empty file with the name of an entry: a listing reads none."""
    place = Place(entry_id or secrets.token_bytes(20), file_bytes, Kind.SLICE)
    (folder.path / "v1" / place.path).touch()
    return place


def test_everything_is_found_in_the_order_of_the_snapshot(folder: DiskFolder):
    places = [make(folder) for _ in range(50)]
    index = DiskIndex(bytes_max=1000 * BLOCK_BYTES)
    for place in [*places[::-1], Place(bytes(20), 100, Kind.SLICE)]:
        index.put(place)
    snapshot = b"".join(encode_snapshot(index.records_by_use()))
    folder.snapshot_path.write_bytes(snapshot)
    newer = make(folder)
    found = listing_of(folder).build()
    ids = [split_record(record)[0] for record in found.records_by_use()]
    assert ids == [place.entry_id for place in [*places[::-1], newer]]


def test_a_snapshot_that_cannot_be_read_is_told_and_all_is_found(
    folder: DiskFolder, caplog: pytest.LogCaptureFixture
):
    place = make(folder)
    assert listing_of(folder).build().find(place.entry_id) == place
    assert not caplog.messages
    folder.snapshot_path.mkdir()
    assert listing_of(folder).build().find(place.entry_id) == place
    assert caplog.messages == ["the order of last use cannot be read"]


def test_what_is_asked_for_before_its_turn_is_found_at_once(folder: DiskFolder):
    place = make(folder)
    listing = listing_of(folder)
    assert not listing.knows(place.entry_id)
    assert listing.find(place.entry_id) is None
    assert listing.find_now(place.entry_id) == place
    assert listing.knows(place.entry_id)
    assert listing.find(place.entry_id) == place
    assert listing.find_now(bytes(20)) is None


def test_other_files_are_left_alone_and_misplaced_ones_given_up(folder: DiskFolder):
    place = Place(secrets.token_bytes(20), 100, Kind.SLICE)
    elsewhere = f"{place.sub_folder ^ 1:02x}/{place.name}"
    (folder.path / "v1" / elsewhere).touch()
    huge = make(folder, file_bytes=1 << 40)
    (folder.path / "v1" / "00" / "README").touch()
    listing = listing_of(folder)
    assert len(listing.build()) == 0
    assert sorted(listing.given_up) == sorted([elsewhere, huge.path])
    assert (folder.path / "v1" / "00" / "README").exists()


def test_of_two_files_of_one_entry_neither_is_trusted(folder: DiskFolder):
    one = make(folder)
    other = make(folder, file_bytes=200, entry_id=one.entry_id)
    listing = listing_of(folder)
    assert one.entry_id not in listing.build()
    assert sorted(listing.given_up) == sorted([one.path, other.path])


def test_what_is_above_the_quota_is_given_up(folder: DiskFolder):
    places = [make(folder) for _ in range(50)]
    listing = listing_of(folder, blocks=30)
    index = listing.build()
    assert len(index) == 30
    assert len(listing.given_up) == 20
    assert sum(listing.find(place.entry_id) is not None for place in places) == 30


def test_it_can_be_stopped(folder: DiskFolder):
    make(folder)
    listing = listing_of(folder)
    listing.stop()
    assert len(listing.build()) == 0
