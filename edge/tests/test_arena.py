"""Memory for slices: what is lent to the kernel is never overwritten, and nothing is kept twice."""

import ctypes
import os
import socket
import sys
import threading
from collections.abc import Iterator

import pytest

from edge.arena import ARENA_CONTENT_BYTES_MIN, Arena, FileArena, open_arena
from edge.content import Content, SliceContent, Slot, content_of, holder_of
from edge.pins import Pins

SLOT = 256 << 10
MEMORY = 16 << 20

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="no files in memory")


@pytest.fixture
def arena() -> Iterator[FileArena]:
    made = FileArena(bytes_max=MEMORY, slot_bytes=SLOT)
    yield made
    made.close()


def taken(arena: Arena, length: int, letter: bytes = b"a") -> SliceContent:
    content = arena.take(length)
    arena.lay(content, 0, letter * length)
    return content


def slot_of(content: SliceContent) -> Slot:
    holder = holder_of(content)
    assert isinstance(holder, Slot)
    return holder


def resident_bytes(arena: Arena) -> int:
    return os.fstat(arena.fd).st_blocks * 512


def test_content_is_written_read_and_found_in_the_file(arena: FileArena):
    content = arena.take(SLOT)
    arena.lay(content, 0, bytes(SLOT))
    arena.lay(content, 1000, memoryview(b"hello"))
    assert bytes(content[998:1006]) == b"\0\0hello\0"
    offset = slot_of(content).offset
    assert os.pread(arena.fd, 5, offset + 1000) == b"hello"
    assert len(content) == SLOT
    assert content == content_of(slot_of(content))


@pytest.mark.parametrize("length", [0, 1, ARENA_CONTENT_BYTES_MIN - 1, SLOT + 1])
def test_short_and_overlong_content_comes_from_the_allocator(arena: FileArena, length: int):
    assert isinstance(taken(arena, length), Content)
    assert resident_bytes(arena) == 0


def test_content_stays_as_long_as_any_view_of_it(arena: FileArena):
    content = taken(arena, SLOT, b"a")
    view = memoryview(content)[100:200][10:20]
    del content
    others = [taken(arena, SLOT, b"b") for _ in range(8)]
    assert bytes(view) == b"a" * 10
    del view
    assert bytes(taken(arena, SLOT, b"c")[:1]) == b"c"
    assert all(bytes(one[-3:]) == b"bbb" for one in others)


def test_what_the_kernel_still_sends_is_not_overwritten(arena: FileArena):
    listener = socket.create_server(("127.0.0.1", 0))
    here = socket.create_connection(listener.getsockname())
    there = listener.accept()[0]
    with listener, here, there:
        here.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * SLOT)
        content = taken(arena, SLOT, b"a")
        slot_of(content).lend()
        offset = slot_of(content).offset
        sent = os.sendfile(here.fileno(), arena.fd, offset, SLOT)
        assert sent > 4 * os.sysconf("SC_PAGESIZE")
        del content
        again = taken(arena, SLOT, b"b")
        assert slot_of(again).offset == offset
        assert os.pread(arena.fd, 3, offset) == b"bbb"
        received = there.recv(SLOT, socket.MSG_WAITALL | socket.MSG_DONTWAIT)
        assert received == b"a" * len(received)
        assert received


def test_pages_are_given_up_unless_the_next_content_has_use_for_them(arena: FileArena):
    lent = taken(arena, SLOT)
    slot_of(lent).lend()
    del lent
    assert resident_bytes(arena) == 0
    del (short := [taken(arena, SLOT - 5000)])[:]
    assert not short
    assert resident_bytes(arena) == 0
    many = [taken(arena, SLOT) for _ in range(MEMORY // SLOT)]
    assert resident_bytes(arena) == MEMORY
    many.clear()
    assert 0 < resident_bytes(arena) <= MEMORY // 32
    kept = resident_bytes(arena)
    assert slot_of(taken(arena, SLOT)).length == SLOT
    assert resident_bytes(arena) == kept


def test_a_slot_costs_what_is_in_it(arena: FileArena):
    content = taken(arena, ARENA_CONTENT_BYTES_MIN + 1)
    assert resident_bytes(arena) == ARENA_CONTENT_BYTES_MIN + os.sysconf("SC_PAGESIZE")
    del content
    assert resident_bytes(arena) == 0


def test_without_slots_left_there_is_the_allocator(arena: FileArena):
    held = [arena.take(SLOT) for _ in range(8 * MEMORY // SLOT)]
    offsets = {slot_of(one).offset for one in held}
    assert len(offsets) == len(held)
    assert isinstance(arena.take(SLOT), Content)
    held.pop()
    assert slot_of(arena.take(SLOT)).offset in offsets


def test_content_that_turns_out_shorter_is_cut(arena: FileArena):
    content = taken(arena, SLOT)
    cut = arena.cut(content, 40_000)
    assert slot_of(cut) is slot_of(content)
    assert bytes(cut) == b"a" * 40_000
    assert isinstance(arena.cut(content, 100), Content)
    assert bytes(Arena().cut(bytearray(b"abc"), 2)) == b"ab"


def test_a_copy_has_memory_of_its_own(arena: FileArena):
    content = taken(arena, SLOT)
    copied = arena.copy(content)
    arena.lay(content, 0, b"xyz")
    assert bytes(copied[:3]) == b"aaa"
    assert slot_of(copied) is not slot_of(content)


def test_evicted_content_counts_until_the_last_view_goes(arena: FileArena):
    pins, content = Pins(), taken(arena, 40_000)
    pins.note(holder_of(content))
    view = memoryview(content)[1:2]
    del content
    assert pins.bytes == 40_000
    del view
    assert pins.bytes == 0


def test_slots_are_taken_and_let_go_of_in_any_thread(arena: FileArena):
    wrong: list[int] = []

    def use(letter: bytes) -> None:
        held: list[SliceContent] = []
        for number in range(200):
            held.append(taken(arena, SLOT if number % 3 else 50_000, letter))
            if number % 7 == 0:
                slot_of(held[-1]).lend()
            if len(held) > 5:
                wrong.extend(1 for one in held if bytes(one[:2]) + bytes(one[-2:]) != letter * 4)
                held.pop(number % 5)

    threads = [threading.Thread(target=use, args=(letter,)) for letter in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_closed_arena_keeps_what_is_held_and_hands_out_no_more(arena: FileArena):
    made = FileArena(bytes_max=MEMORY, slot_bytes=SLOT)
    content = taken(made, SLOT)
    made.close()
    assert bytes(content[:2]) == b"aa"
    assert isinstance(made.take(SLOT), Content)
    with pytest.raises(OSError, match="Bad file descriptor"):
        made.lay(content, 0, b"b")


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_process_lets_go_of_nothing(arena: FileArena):
    held = [taken(arena, SLOT)]
    child = os.fork()
    if child == 0:
        held.clear()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert bytes(held[0][:2]) == b"aa"
    assert os.pread(arena.fd, 2, slot_of(held[0]).offset) == b"aa"


def test_where_no_such_file_can_be_made_the_allocator_serves():
    assert open_arena(bytes_max=MEMORY, slot_bytes=4096).fd == -1
    assert open_arena(bytes_max=1 << 60, slot_bytes=SLOT).fd == -1
    opened = open_arena(bytes_max=MEMORY, slot_bytes=SLOT)
    assert opened.fd >= 0
    opened.close()


def huge_page_file() -> int:
    """A file in memory with pages of 2 MiB, on a file system that nobody else sees."""
    call = ctypes.CDLL(None, use_errno=True).syscall
    # fsopen(2), fsconfig(2), fsmount(2): the same numbers on all architectures.
    making = call(430, b"tmpfs", 1)
    if making < 0:
        pytest.skip("file systems are for root to make")
    call(431, making, 1, b"huge", b"always", 0)
    call(431, making, 6, None, None, 0)
    mounted = call(432, making, 1, 0)
    try:
        return os.open(".", os.O_TMPFILE | os.O_RDWR, dir_fd=mounted)
    finally:
        os.close(mounted)
        os.close(making)


def test_where_pages_are_larger_than_slots_there_is_no_arena(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    fd = huge_page_file()
    os.ftruncate(fd, MEMORY)
    os.pwrite(fd, b"a", 0)
    if os.fstat(fd).st_blocks * 512 <= SLOT:
        os.close(fd)
        pytest.skip("this kernel has no huge pages for files")
    os.ftruncate(fd, 0)
    monkeypatch.setattr(os, "memfd_create", lambda *_: fd)
    assert open_arena(bytes_max=MEMORY, slot_bytes=SLOT).fd == -1
    assert "slices are kept without a file" in caplog.text
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(fd)
