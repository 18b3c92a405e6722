"""Finding out what a folder holds, in a thread, while look-ups go on.

The names of all files are listed, a sub-folder at a time; one that is asked for before its turn is
listed at once, so nothing that is on the disk is ever unknown. Then the index is built: what the
snapshot of the last run knows in its order, what is newer after it.
"""

import logging
import threading
import time
from collections.abc import Iterator
from typing import Final

from edge.disk.disk_folder import DiskFolder
from edge.disk.disk_index import FILE_BYTES_MAX, DiskIndex, place_of
from edge.disk.entry_file import ID_BYTES, SUB_FOLDERS, EntryId, Place, parse_name, sub_folder_of
from edge.disk.index_snapshot import decode_snapshot

logger = logging.getLogger(__name__)

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
                facts_of_name = parse_name(name)
                if facts_of_name is not None:
                    entry_id, file_bytes, kind = facts_of_name
                    facts = file_bytes << 1 | kind
                    is_in_place = sub_folder_of(entry_id) == number
                    if not is_in_place or file_bytes > FILE_BYTES_MAX:
                        self.given_up.append(f"{number:02x}/{name}")
                    elif found.setdefault(entry_id, facts) != facts:
                        # Two files of one entry. Which one is newer cannot be told.
                        other = place_of(entry_id, found.pop(entry_id))
                        self.given_up += [f"{number:02x}/{name}", other.path]
            self._found[number] = found

    def _fill(self) -> None:
        """Put all that was found into the index: first what the snapshot knows, in its order."""
        put, found_by_number = self._index.put_packed, self._found
        for turn, record in enumerate(self._snapshot()):
            if turn % _ENTRIES_PER_TURN == 0 and not self._goes_on():
                return
            entry_id = record[:ID_BYTES]
            number = sub_folder_of(entry_id)
            found = found_by_number[number]
            facts = None if found is None else found.get(entry_id)
            if facts is not None and (victims := put(entry_id, facts, number)):
                self._give_up(victims)
        for number, found in enumerate(found_by_number):
            for turn, (entry_id, facts) in enumerate(list((found or {}).items())):
                if turn % _ENTRIES_PER_TURN == 0 and not self._goes_on():
                    return
                if self._index.has_in(number, entry_id):
                    continue
                if victims := put(entry_id, facts, number):
                    self._give_up(victims)

    def _goes_on(self) -> bool:
        """Let others run; tell whether to go on."""
        time.sleep(0)
        return not self._is_stopped

    def _give_up(self, victims: list[Place]) -> None:
        for victim in victims:
            self.given_up.append(victim.path)
            found = self._found[victim.sub_folder]
            assert found is not None
            del found[victim.entry_id]

    def _snapshot(self) -> Iterator[bytes]:
        path, data = self._folder.snapshot_path, b""
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            pass
        except OSError as error:
            extra = {"file": str(path), "error": str(error)}
            logger.warning("the order of last use cannot be read", extra=extra)
        return decode_snapshot(data) or iter(())
