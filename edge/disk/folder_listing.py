"""Finding out what a folder holds, in a thread, while look-ups go on.

The names of all files are listed, a sub-folder at a time; one that is asked for before its turn is
listed at once, so nothing that is on the disk is ever unknown. Then the index is built: what the
snapshot of the last run knows in its order, what is newer after it.
"""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Final

from edge.disk.disk_folder import DiskFolder
from edge.disk.disk_index import FILE_BYTES_MAX, DiskIndex, pack_facts, place_of, split_record
from edge.disk.entry_file import SUB_FOLDERS, EntryId, Place, parse_name, sub_folder_of
from edge.disk.index_snapshot import decode_snapshot

# After so many entries the thread lets others run: well below a millisecond.
_ENTRIES_PER_TURN: Final = 500


class FolderListing:
    """What is found in a folder; given up once the index has been built.

    Args:
        folder: that is listed. Nobody writes to it meanwhile.
        index: an empty one, which is filled. Nobody else touches it until `build` has ended.

    Attributes:
        given_up: paths of files that are not to be kept.
    """

    def __init__(self, folder: DiskFolder, index: DiskIndex) -> None:
        self._folder = folder
        self._index = index
        self._found: list[dict[EntryId, int] | None] = [None] * SUB_FOLDERS
        self._listing = threading.Lock()
        self._is_stopped = False
        self.given_up: list[str] = []

    def knows(self, entry_id: EntryId) -> bool:
        """Whether it can be told already if an entry is there."""
        return self._found[sub_folder_of(entry_id)] is not None

    def find(self, entry_id: EntryId) -> Place | None:
        """Where an entry is, as far as is known."""
        found = self._found[sub_folder_of(entry_id)]
        facts = None if found is None else found.get(entry_id)
        return None if facts is None else place_of(entry_id, facts)

    def find_now(self, entry_id: EntryId) -> Place | None:
        """Where an entry is; lists its sub-folder if need be. Blocks.

        Raises:
            OSError: the folder cannot be listed.
        """
        self._list(sub_folder_of(entry_id))
        return self.find(entry_id)

    def stop(self) -> None:
        """End `build` early."""
        self._is_stopped = True

    def build(self) -> DiskIndex:
        """List everything and fill the index. Blocks.

        Raises:
            OSError: the folder cannot be listed.
        """
        for number in range(SUB_FOLDERS):
            if self._is_stopped:
                break
            self._list(number)
            time.sleep(0)  # Others may run.
        self._fill()
        return self._index

    def _list(self, number: int) -> None:
        with self._listing:
            if self._found[number] is not None:
                return
            found: dict[EntryId, int] = {}
            for turn, name in enumerate(self._folder.names_in(number)):
                if turn % _ENTRIES_PER_TURN == 0:
                    time.sleep(0)
                place = parse_name(name)
                if place is not None:
                    self._take(place, number, found)
            self._found[number] = found

    def _take(self, place: Place, number: int, found: dict[EntryId, int]) -> None:
        if place.file_bytes > FILE_BYTES_MAX or sub_folder_of(place.entry_id) != number:
            self.given_up.append(f"{number:02x}/{place.name}")
            return
        facts = pack_facts(place.file_bytes, place.kind)
        other = found.setdefault(place.entry_id, facts)
        if other != facts:
            # Two files of one entry. Which one is newer cannot be told.
            self.given_up += [place.path, place_of(place.entry_id, other).path]
            del found[place.entry_id]

    def _fill(self) -> None:
        for turn, (entry_id, facts) in enumerate(self._in_order()):
            if self._is_stopped:
                return
            if turn % _ENTRIES_PER_TURN == 0:
                time.sleep(0)
            for victim in self._index.put_packed(entry_id, facts):
                self.given_up.append(victim.path)
                found = self._found[victim.sub_folder]
                assert found is not None
                del found[victim.entry_id]

    def _in_order(self) -> Iterator[tuple[EntryId, int]]:
        for record in self._snapshot():
            entry_id, _ = split_record(record)
            found = self._found[sub_folder_of(entry_id)]
            facts = None if found is None else found.get(entry_id)
            if facts is not None:
                yield entry_id, facts
        for found in self._found:
            for entry_id, facts in list((found or {}).items()):
                if entry_id not in self._index:
                    yield entry_id, facts

    def _snapshot(self) -> Iterator[bytes]:
        data = b""
        with contextlib.suppress(OSError):
            data = self._folder.snapshot_path.read_bytes()
        return decode_snapshot(data) or iter(())
