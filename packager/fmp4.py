"""Fragmented MP4 files over encoded packets: planned from the packets' sizes, then streamed.

    plan = plan_file(track, protection)     # header, index and size, before a packet is read
    for part in render_file(plan, packets): ...

One file holds `ftyp`, `moov`, `sidx` and then fragments of about six seconds, each of which can be
fetched as a byte range. The first lasts at most a second, so that sound starts early.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as with_changes
from itertools import islice, pairwise
from typing import Final

from packager.boxes import encode_box_header
from packager.common_encryption import CommonEncryption, encrypt_samples
from packager.encoded_track import STREAMINFO_SIZE, EncodedTrack
from packager.format_error import FormatError
from packager.movie_fragment import (
    REFERENCE_SIZE_MAX,
    REFERENCES_MAX,
    Fragment,
    encode_moof,
    encode_sidx,
    fragment_size,
    sidx_size,
)
from packager.movie_header import encode_movie_header
from packager.opus_head import OPUS_RATE_HZ, is_opus_head
from packager.renditions import Codec
from packager.segments import SeekIndex, Segment

FRAGMENT_S: Final = 6
FIRST_FRAGMENT_S: Final = 1

# Eight channels of 24 bits in FLAC's longest block come to 1.6 MB when nothing can be compressed.
PACKET_BYTES_MAX: Final = 16 << 20
# 12 hours at 192 kHz are 8.3 G samples.
_SAMPLES_MAX: Final = 1 << 36
_CONFIG_BYTES_MAX: Final = 1024


@dataclass(frozen=True, slots=True)
class FilePlan:
    """A file whose every byte but those of the packets is known.

    Attributes:
        track: what it holds; the sizes of the packets are an array.
        header: its bytes before the first fragment: `ftyp`, `moov` and `sidx`.
        fragments: in order.
        seek: where its parts are.
        size_bytes: of the whole file.
    """

    track: EncodedTrack = field(repr=False)
    protection: CommonEncryption | None
    header: bytes = field(repr=False)
    fragments: tuple[Fragment, ...] = field(repr=False)
    seek: SeekIndex = field(repr=False)
    size_bytes: int


def plan_file(track: EncodedTrack, protection: CommonEncryption | None) -> FilePlan:
    """Lay out the file of `track`, encrypted if `protection` is given.

    Raises:
        FormatError: the facts of the track contradict each other or exceed what a file can hold.
    """
    _check_track(track)
    track = with_changes(track, packet_sizes=array("I", track.packet_sizes))
    fragments = _cut_fragments(track)
    movie_header = encode_movie_header(track, protection)
    seek = _lay_out(track, fragments, protection, len(movie_header))
    header = movie_header + encode_sidx(seek.segments, track.sample_rate_hz)
    last = seek.segments[-1]
    assert len(header) == seek.segments[0].offset
    return FilePlan(track, protection, header, fragments, seek, last.end)


def render_file(plan: FilePlan, packets: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the file in parts, holding one fragment at a time.

    Raises:
        FormatError: the packets are not those whose sizes were planned with.
    """
    yield plan.header
    remaining = iter(packets)
    for fragment in plan.fragments:
        run = list(islice(remaining, fragment.packet_count))
        if array("I", map(len, run)) != _sizes_in(plan, fragment):
            first = fragment.first_packet
            raise FormatError(f"packets from {first} on are not of the sizes planned with")
        yield from _render_fragment(plan, fragment, b"".join(run))
    if next(remaining, None) is not None:
        raise FormatError("there are more packets than planned with")


def render_stream(plan: FilePlan, read: Callable[[int], bytes]) -> Iterator[bytes]:
    """As `render_file`, of packets that lie one after another in a stream.

    Args:
        plan: the file.
        read: takes a number of bytes and returns the next so many, or fewer at the end.

    Raises:
        FormatError: the stream ends too early.
    """
    yield plan.header
    for fragment in plan.fragments:
        payload = read(fragment.payload_bytes)
        if len(payload) != fragment.payload_bytes:
            raise FormatError(f"the packets end within fragment {fragment.sequence_number}")
        yield from _render_fragment(plan, fragment, payload)


def _sizes_in(plan: FilePlan, fragment: Fragment) -> Sequence[int]:
    first = fragment.first_packet
    return plan.track.packet_sizes[first : first + fragment.packet_count]


def _render_fragment(plan: FilePlan, fragment: Fragment, payload: bytes) -> Iterator[bytes]:
    if plan.protection is not None:
        sizes = _sizes_in(plan, fragment)
        payload = encrypt_samples(plan.protection, payload, sizes, first=fragment.first_packet)
    moof = encode_moof(fragment, plan.track, plan.protection)
    yield moof + encode_box_header(b"mdat", len(payload))
    yield payload


def _check_track(track: EncodedTrack) -> None:
    """Refuse what could only become a file that lies."""
    sizes = track.packet_sizes
    rules = {
        "a codec that MP4 carries": track.codec is not Codec.VORBIS,
        "a packet": len(sizes) > 0,
        "packets of a possible size": min(sizes, default=0) > 0
        and max(sizes, default=0) <= PACKET_BYTES_MAX,
        "a possible decoder configuration": _has_possible_config(track),
        "a possible sample rate": 0 < track.sample_rate_hz < 1 << 32
        and (track.codec is not Codec.OPUS or track.sample_rate_hz == OPUS_RATE_HZ),
        "a possible number of channels": 0 < track.channels < 1 << 16,
        "a possible bit rate": 0 <= track.bitrate_bps < 1 << 32,
        "a possible frame duration": 0 < track.last_frame_samples <= track.frame_samples < 1 << 31,
        "a full last frame": track.codec is Codec.FLAC
        or track.last_frame_samples == track.frame_samples,
        "something to hear": track.priming >= 0 and track.samples > 0,
        "packets for all of its length": track.priming + track.samples <= track.coded_samples,
        "a length of up to 2^36 samples": track.coded_samples <= _SAMPLES_MAX,
    }
    for need, is_met in rules.items():
        if not is_met:
            raise FormatError(f"a track to be packaged needs {need}")


def _has_possible_config(track: EncodedTrack) -> bool:
    match track.codec:
        case Codec.FLAC:
            return len(track.config) == STREAMINFO_SIZE
        case Codec.OPUS:
            return is_opus_head(track.config, channels=track.channels)
        case _:
            return 0 < len(track.config) <= _CONFIG_BYTES_MAX


def _cut_fragments(track: EncodedTrack) -> tuple[Fragment, ...]:
    """Runs of packets of about six seconds each, the first of at most one."""
    count = len(track.packet_sizes)
    starts = [0, *_later_starts(track), count]
    has_odd_end = track.last_frame_samples != track.frame_samples
    return tuple(
        Fragment(
            sequence_number=number,
            first_packet=first,
            packet_count=end - first,
            decode_time=first * track.frame_samples,
            payload_bytes=sum(track.packet_sizes[first:end]),
            has_durations=has_odd_end and end == count,
        )
        for number, (first, end) in enumerate(pairwise(starts), start=1)
    )


def _later_starts(track: EncodedTrack) -> range:
    """Indices of the packets that begin the second and later fragments.

    Something of each fragment is heard: the first one reaches beyond the priming, and the last one
    begins before the padding.
    """
    frame, rate = track.frame_samples, track.sample_rate_hz
    first_count = max(FIRST_FRAGMENT_S * rate // frame, track.priming // frame + 1)
    audible_end = track.priming + track.samples
    audible_count = min(-(-audible_end // frame), len(track.packet_sizes))
    return range(first_count, audible_count, max(FRAGMENT_S * rate // frame, 1))


def _lay_out(
    track: EncodedTrack,
    fragments: tuple[Fragment, ...],
    protection: CommonEncryption | None,
    init_bytes: int,
) -> SeekIndex:
    """Offsets of all fragments, and when each is heard."""
    if len(fragments) > REFERENCES_MAX:
        raise FormatError(f"{len(fragments)} fragments are above the {REFERENCES_MAX} of a `sidx`")
    index_bytes = sidx_size(len(fragments))
    times = [
        0,
        *(fragment.decode_time - track.priming for fragment in fragments[1:]),
        track.samples,
    ]
    offset = init_bytes + index_bytes
    segments = []
    for fragment, (start, end) in zip(fragments, pairwise(times), strict=True):
        size = fragment_size(fragment, track, protection)
        if size > REFERENCE_SIZE_MAX:
            raise FormatError(f"a fragment of {size} bytes is above what a `sidx` can refer to")
        segments.append(Segment(offset, size, start, end - start))
        offset += size
    return SeekIndex(0, init_bytes, init_bytes, index_bytes, tuple(segments))
