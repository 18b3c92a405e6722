import io
import shutil
import struct
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from mutagen.oggvorbis import OggVorbis

from packager.comment_header import CommentHeaderError
from packager.ogg import OggError, OggPage, OggPageReader
from packager.tests.ogg_pages import PageFields, encode_page
from packager.tests.tones import make_tone
from packager.vorbis_file import HEADER_BYTES_MAX, VorbisFacts, VorbisRewriter

RATE = 1000

IDENTIFICATION = struct.pack("<B6sIBIiiiBB", 1, b"vorbis", 0, 2, RATE, 0, 160_000, 0, 0xB8, 1)
HEADER_PAGES = (
    PageFields(flags=0x02, granule=0, sequence=0, packets=(IDENTIFICATION,)),
    PageFields(granule=0, sequence=1, packets=(b"comment", b"setup" * 50)),
)
HEADER_BYTES = sum(len(encode_page(page)) for page in HEADER_PAGES)


def stream_of(pages: Iterable[PageFields]) -> bytes:
    return b"".join(map(encode_page, pages))


def audio_of(
    granules: Iterable[int], *, open_pages: frozenset[int] = frozenset()
) -> list[PageFields]:
    """Pages that end at `granules`; of some, the last packet goes on with the next page."""
    ends = list(granules)
    pages: list[PageFields] = []
    for index, granule in enumerate(ends):
        is_open = index in open_pages and index < len(ends) - 1
        flags = (1 if pages and pages[-1].is_open else 0) | (4 if index == len(ends) - 1 else 0)
        packets = (b"a" * (index % 40 + 1), b"b" * 255) if is_open else (b"a" * (index % 40 + 1),)
        pages.append(
            PageFields(
                flags=flags, granule=granule, sequence=2 + index, packets=packets, is_open=is_open
            )
        )
    return pages


def rewrite(
    data: bytes, *, step: int = 1 << 16, serial: int = 5, comments: tuple[str, ...] = ()
) -> tuple[bytes, VorbisFacts]:
    rewriter = VorbisRewriter(serial=serial, comments=comments)
    pages = [
        page
        for start in range(0, len(data), step)
        for page in rewriter.feed(data[start : start + step])
    ]
    return b"".join(pages), rewriter.close()


def encode_vorbis(samples: int) -> bytes:
    pcm = make_tone(samples=samples, sample_rate_hz=44_100, channels=2, bits=16).T / 32_768
    file = io.BytesIO()
    with soundfile.SoundFile(
        file, "w", 44_100, 2, format="OGG", subtype="VORBIS", compression_level=0.5
    ) as output:
        # One long write overflows libvorbis' stack.
        for start in range(0, samples, 4096):
            output.write(pcm[start : start + 4096])
    return file.getvalue()


def test_two_encodings_become_one_and_decode_to_the_same_samples():
    first, second = encode_vorbis(441_137), encode_vorbis(441_137)
    assert first != second
    rewritten, facts = rewrite(first)
    assert (rewritten, facts) == rewrite(second, step=777)
    assert (facts.samples, facts.sample_rate_hz, facts.channels) == (441_137, 44_100, 2)
    assert facts.size_bytes == len(rewritten) == len(first)
    decoded, _ = soundfile.read(io.BytesIO(rewritten))
    expected, _ = soundfile.read(io.BytesIO(first))
    assert len(decoded) == 441_137
    assert (decoded == expected).all()


COMMENTS = ("REPLAYGAIN_TRACK_GAIN=-3.25 dB", "REPLAYGAIN_TRACK_PEAK=0.912345")


def pages_of(data: bytes) -> list[OggPage]:
    reader = OggPageReader()
    reader.feed(data)
    pages = list(reader.pages())
    reader.close()
    return pages


@pytest.mark.parametrize("padding", [0, 200, 70_000])
def test_other_comments_move_the_audio_and_leave_it_as_it_is(padding: int):
    data = encode_vorbis(200_001)
    comments = (*COMMENTS, f"PADDING={'x' * padding}")
    plain, plain_facts = rewrite(data)
    rewritten, facts = rewrite(data, comments=comments, step=777)
    pages = pages_of(rewritten)  # Checks sequence and checksums.
    audio = [page.data[page.body_offset :] for page in pages if page.granule > 0]
    expected = [page.data[page.body_offset :] for page in pages_of(plain) if page.granule > 0]
    assert audio == expected
    shift = len(rewritten) - len(plain)
    assert shift == facts.seek.init_bytes - plain_facts.seek.init_bytes != 0
    assert [segment.offset for segment in facts.seek.segments] == [
        segment.offset + shift for segment in plain_facts.seek.segments
    ]
    assert (facts.samples, facts.size_bytes) == (200_001, len(rewritten))
    assert (soundfile.read(io.BytesIO(rewritten))[0] == soundfile.read(io.BytesIO(data))[0]).all()


def test_another_reader_finds_comments_and_vendor():
    data = encode_vorbis(5000)
    rewritten, _ = rewrite(data, comments=COMMENTS)
    found, before = (read_by_mutagen(one) for one in (rewritten, data))
    assert [f"{name.upper()}={value}" for name, value in found.tags] == list(COMMENTS)
    assert found.tags.vendor == before.tags.vendor
    assert found.info.length == before.info.length


def read_by_mutagen(data: bytes) -> Any:  # noqa: ANN401 - it has no types
    return OggVorbis(io.BytesIO(data))  # type: ignore[no-untyped-call]


@pytest.mark.skipif(shutil.which("ogginfo") is None, reason="vorbis-tools are not installed")
def test_ogginfo_has_no_complaint(tmp_path: Path):
    path = tmp_path / "rewritten.ogg"
    path.write_bytes(rewrite(encode_vorbis(100_000), comments=COMMENTS)[0])
    done = subprocess.run(["ogginfo", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert all(comment in done.stdout for comment in COMMENTS)
    assert "arning" not in done.stdout


def test_what_has_no_comment_header_takes_no_comments():
    with pytest.raises(CommentHeaderError):
        rewrite(stream_of([*HEADER_PAGES, *audio_of([100])]), comments=COMMENTS)


def test_header_pages_and_a_later_segment_decode_without_what_is_between():
    data, facts = rewrite(encode_vorbis(441_137))
    segment = facts.seek.segments[1]
    piece = data[: facts.seek.init_bytes] + data[segment.offset : segment.offset + segment.bytes]
    decoded, _ = soundfile.read(io.BytesIO(piece))
    # All but the overlap with the packet before it.
    assert segment.duration_samples - 2048 <= len(decoded) <= segment.duration_samples


@given(
    st.lists(st.integers(0, 3000), min_size=1, max_size=60),
    st.frozensets(st.integers(0, 60)),
)
def test_segments_are_whole_pages_and_add_up(steps: list[int], open_pages: frozenset[int]):
    granules = [sum(steps[: index + 1]) for index in range(len(steps))]
    if granules[-1] == 0:
        granules[-1] = 1
    pages = audio_of(granules, open_pages=open_pages)
    data = stream_of([*HEADER_PAGES, *pages])
    _, facts = rewrite(data)
    segments = facts.seek.segments
    assert facts.seek.init_bytes == HEADER_BYTES == segments[0].offset
    assert [segment.offset for segment in segments[1:]] == [
        segment.offset + segment.bytes for segment in segments[:-1]
    ]
    assert facts.size_bytes == len(data) == segments[-1].offset + segments[-1].bytes
    time = 0
    for segment in segments:
        assert segment.start_samples == time
        assert segment.duration_samples > 0
        assert data[segment.offset : segment.offset + 4] == b"OggS"
        assert not data[segment.offset + 5] & 1, "a segment starts with a packet of its own"
        time += segment.duration_samples
    assert time == facts.samples == granules[-1]


def test_segments_last_up_to_six_seconds_and_the_first_up_to_one():
    pages = audio_of(range(400, 20_001, 400))
    _, facts = rewrite(stream_of([*HEADER_PAGES, *pages]))
    durations = [segment.duration_samples for segment in facts.seek.segments]
    assert durations == [800, 6000, 6000, 6000, 1200]


def test_a_page_longer_than_a_segment_is_one():
    _, facts = rewrite(stream_of([*HEADER_PAGES, *audio_of([9000, 9000, 9500, 30_000, 30_100])]))
    durations = [segment.duration_samples for segment in facts.seek.segments]
    assert durations == [9000, 500, 20_500, 100]


def comment_of(size: int) -> PageFields:
    return PageFields(granule=0, sequence=1, packets=(b"c" * size, b"s"))


@pytest.mark.parametrize(
    ("pages", "message"),
    [
        pytest.param([replace(HEADER_PAGES[0], flags=6)], "within its headers", id="no more"),
        pytest.param(
            [HEADER_PAGES[0], replace(HEADER_PAGES[1], flags=4)], "no audio", id="no audio"
        ),
        pytest.param([*HEADER_PAGES, *audio_of([0])], "no audio", id="audio without samples"),
        pytest.param(
            [replace(HEADER_PAGES[0], packets=(b"OpusHead" + bytes(22),))], "not Vorbis", id="Opus"
        ),
        pytest.param([replace(HEADER_PAGES[0], packets=(b"x",))], "identification", id="short"),
        pytest.param(
            [replace(HEADER_PAGES[0], packets=(IDENTIFICATION[:-1], b"x"))],
            "identification",
            id="two packets",
        ),
        pytest.param(
            [replace(HEADER_PAGES[0], packets=(IDENTIFICATION[:12] + bytes(17) + b"\1",))],
            "not Vorbis",
            id="sample rate of 0",
        ),
        pytest.param(
            [HEADER_PAGES[0], replace(HEADER_PAGES[1], packets=(b"c", b"s", b"audio"))],
            "share a page",
            id="audio on the page of the headers",
        ),
        pytest.param(
            [
                HEADER_PAGES[0],
                replace(HEADER_PAGES[1], packets=(b"c", b"s", b"a" * 255), is_open=True),
            ],
            "share a page",
            id="audio begins on the page of the headers",
        ),
    ],
)
def test_what_is_not_a_vorbis_file_is_refused(pages: list[PageFields], message: str):
    with pytest.raises(OggError, match=message):
        rewrite(stream_of(pages))


def test_headers_without_end_are_refused():
    page = PageFields(granule=0, sequence=1, packets=(b"c" * 255 * 255,), is_open=True)
    pages = [
        replace(page, sequence=1 + index, flags=1 if index else 0)
        for index in range(HEADER_BYTES_MAX // 65_000 + 1)
    ]
    with pytest.raises(OggError, match="larger than"):
        rewrite(stream_of([HEADER_PAGES[0], *pages]))
