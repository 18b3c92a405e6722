import io
import itertools
import struct

import pytest

from packager.ogg import page_checksum
from packager.ogg_check import find_ogg_tear
from packager.tests.masters import music, sound_file

VORBIS = sound_file(music(60_000), form="OGG", subtype="VORBIS")
OPUS = sound_file(music(96_000), rate=48_000, form="OGG", subtype="OPUS")


def tear_of(data: bytes):
    return find_ogg_tear(io.BytesIO(data), len(data))


def pages_of(data: bytes) -> list[bytes]:
    starts = [0]
    while starts[-1] < len(data):
        start = starts[-1]
        count = data[start + 26]
        starts.append(start + 27 + count + sum(data[start + 27 : start + 27 + count]))
    return [data[first:last] for first, last in itertools.pairwise(starts)]


def with_fields(page: bytes, **fields: int) -> bytes:
    """The page with another serial or sequence number, and the checksum that goes with it."""
    changed = bytearray(page)
    for name, value in fields.items():
        struct.pack_into("<I", changed, {"serial": 14, "sequence": 18}[name], value)
    struct.pack_into("<I", changed, 22, 0)
    struct.pack_into("<I", changed, 22, page_checksum(bytes(changed)))
    return bytes(changed)


def granule(page: bytes) -> int:
    return int.from_bytes(page[6:14], "little", signed=True)


PAGES = pages_of(VORBIS)


@pytest.mark.parametrize("data", [VORBIS, OPUS], ids=["Vorbis", "Opus"])
def test_a_whole_file_has_no_tear(data: bytes):
    assert tear_of(data) is None


def test_a_tag_after_the_last_page_is_no_tear():
    assert tear_of(VORBIS + b"TAG" + bytes(125)) is None


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        pytest.param(b"".join(PAGES[:-1]), "last page", id="no last page"),
        pytest.param(VORBIS[:-1], "last page", id="last page cut"),
        pytest.param(b"".join(PAGES[:-2] + PAGES[-1:]), "is missing", id="a hole"),
        pytest.param(b"".join(PAGES[:-1]) + b"junk" + PAGES[-1], "last page", id="junk within"),
        pytest.param(
            b"".join(PAGES[:-1]) + PAGES[-1][:-1] + b"\0", "wrong checksum", id="a changed byte"
        ),
    ],
)
def test_a_tear_is_found_with_the_last_good_sample(data: bytes, detail: str):
    tear = tear_of(data)
    assert tear is not None
    assert detail in tear.detail
    before_last = PAGES[-3] if detail == "is missing" else PAGES[-2]
    assert tear.sample == granule(before_last)


def test_a_stream_that_begins_in_its_middle_is_torn():
    tear = tear_of(b"".join(PAGES[2:]))
    assert tear is not None
    assert tear.sample == 0


def test_a_second_stream_beside_the_first_is_followed_by_itself():
    other = [with_fields(page, serial=7) for page in PAGES]
    mixed = [page for pair in zip(PAGES, other, strict=True) for page in pair]
    assert tear_of(b"".join(mixed)) is None
    assert tear_of(b"".join(mixed[:-1])) is not None


def test_streams_without_end_are_refused():
    firsts = b"".join(with_fields(PAGES[0], serial=number) for number in range(65))
    tear = tear_of(firsts)
    assert tear is not None
    assert "streams" in tear.detail


def test_the_samples_of_opus_are_counted_after_the_pre_skip():
    pages = pages_of(OPUS)
    pre_skip = int.from_bytes(OPUS[28 + 10 : 28 + 12], "little")
    tear = tear_of(b"".join(pages[:-1]))
    assert tear is not None
    assert pre_skip > 0
    assert tear.sample == granule(pages[-2]) - pre_skip
