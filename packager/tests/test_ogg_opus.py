import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.ogg import OggPage, OggPageReader
from packager.ogg_opus import OggOpusError, encode_ogg_opus, packet_samples
from packager.tests.samples import OPUS_HEAD

TAGS = b"OpusTags" + bytes(8)
# Configuration 31, one frame: 20 ms of CELT.
FRAME = b"\xf8" + bytes(60)


def pages_of(
    packets: list[bytes], *, priming: int = 312, samples: int, tags: bytes = TAGS
) -> list[OggPage]:
    reader = OggPageReader()
    for page in encode_ogg_opus(
        OPUS_HEAD, tags, packets, priming=priming, samples=samples, serial=7
    ):
        reader.feed(page)
    pages = list(reader.pages())
    reader.close()
    return pages


def audio_packets(pages: list[OggPage]) -> list[bytes]:
    packets = []
    for page in pages:
        start = page.body_offset
        for end in page.packet_ends:
            packets.append(page.data[start:end])
            start = end
    return packets


def test_the_pre_skip_is_the_priming_and_the_last_page_tells_the_end():
    head, tags, *audio = pages_of([FRAME] * 120, priming=4152, samples=110_007)
    assert head.data[head.body_offset :][:12] == OPUS_HEAD[:10] + (4152).to_bytes(2, "little")
    assert tags.data.endswith(TAGS)
    assert [page.granule for page in audio] == [48_000, 96_000, 4152 + 110_007]
    assert [page.is_last for page in audio] == [False, False, True]
    assert audio_packets(audio) == [FRAME] * 119


def test_packets_behind_the_end_are_left_out():
    *_, last = pages_of([FRAME] * 10, samples=960)
    assert last.granule == 312 + 960
    assert len(last.packet_ends) == 2


def test_comments_with_a_picture_take_many_pages():
    pages = pages_of([FRAME] * 3, samples=1_000, tags=b"OpusTags" + bytes(400_000))
    assert len(pages) == 1 + 7 + 1
    assert pages[-1].packet_ends


@pytest.mark.parametrize(
    ("packet", "samples"),
    [
        pytest.param(b"\xf8", 960, id="CELT of 20 ms"),
        pytest.param(b"\xe0", 120, id="CELT of 2.5 ms"),
        pytest.param(b"\x18", 2880, id="SILK of 60 ms"),
        pytest.param(b"\x60", 480, id="hybrid of 10 ms"),
        pytest.param(b"\xf9", 1920, id="two frames of one size"),
        pytest.param(b"\xfa", 1920, id="two frames"),
        pytest.param(b"\xfb\x06", 5760, id="six frames"),
    ],
)
def test_a_packet_tells_its_duration(packet: bytes, samples: int):
    assert packet_samples(packet) == samples


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xfb", id="no number of frames"),
        pytest.param(b"\xfb\x00", id="no frames"),
        pytest.param(b"\xfb\x07", id="more than 120 ms"),
    ],
)
def test_what_is_no_packet_is_refused(packet: bytes):
    with pytest.raises(OggOpusError):
        packet_samples(packet)


@pytest.mark.parametrize(
    ("packets", "priming", "samples"),
    [
        pytest.param([FRAME] * 2, 312, 1920, id="too short"),
        pytest.param([], 312, 1, id="nothing"),
        pytest.param([FRAME], 1 << 16, 1, id="a pre-skip beyond its field"),
        pytest.param([FRAME, b"\xf8" + bytes(70_000)], 312, 1000, id="a packet beyond a page"),
    ],
)
def test_what_cannot_be_written_is_refused(packets: list[bytes], priming: int, samples: int):
    with pytest.raises(OggOpusError):
        pages_of(packets, priming=priming, samples=samples)


@given(
    st.lists(st.integers(0, 3_000), min_size=1, max_size=150),
    st.integers(0, 4152),
    st.data(),
)
def test_all_that_is_needed_comes_back(sizes: list[int], priming: int, data: st.DataObject):
    packets = [b"\xf8" + bytes(size) for size in sizes]
    coded = 960 * len(packets)
    priming = min(priming, coded - 1)
    samples = data.draw(st.integers(1, coded - priming))
    pages = pages_of(packets, priming=priming, samples=samples)
    needed = -(-(priming + samples) // 960)
    assert audio_packets(pages[2:]) == packets[:needed]
    assert pages[-1].granule == priming + samples
