"""Made-up tracks and facts for tests that need no real audio."""

import random
import uuid
from array import array
from dataclasses import replace

from hypothesis import strategies as st

from packager.common_encryption import CommonEncryption
from packager.content_key import ContentKey
from packager.encoded_track import EncodedTrack
from packager.renditions import Codec, Container, Protection
from packager.seek_index import RenditionFacts, SeekIndex, Segment

KEY = ContentKey(uuid.UUID("a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf"), bytes(range(16)))
IV = bytes(range(0xF0, 0x100))
CBCS = CommonEncryption(KEY, IV)
# So near the end that the IVs of samples wrap around.
CENC_IV = b"\xff" * 7 + b"\xf0"
CENC = CommonEncryption(KEY, CENC_IV, Protection.CENC)
SCHEMES = {"cbcs": CBCS, "cenc": CENC}

# AAC-LC, 44.1 kHz, stereo (ISO/IEC 14496-3 section 1.6.2.1).
AUDIO_SPECIFIC_CONFIG = bytes((0x12, 0x10))
STREAMINFO = bytes(range(34))

FLAC_TRACK = EncodedTrack(
    codec=Codec.FLAC,
    config=STREAMINFO,
    sample_rate_hz=44_100,
    channels=2,
    bits=16,
    bitrate_bps=700_000,
    frame_samples=4096,
    last_frame_samples=100,
    priming=0,
    samples=4096 * 29 + 100,
    packet_sizes=array("I", range(1, 31)),
)
AAC_TRACK = EncodedTrack(
    codec=Codec.AAC,
    config=AUDIO_SPECIFIC_CONFIG,
    sample_rate_hz=44_100,
    channels=2,
    bits=0,
    bitrate_bps=160_000,
    frame_samples=1024,
    last_frame_samples=1024,
    priming=1024,
    samples=1024 * 698 + 7,
    packet_sizes=array("I", range(100, 800)),
)
OPUS_HEAD = b"OpusHead\x01\x02\x38\x01\x44\xac\x00\x00\x00\x00\x00"
OPUS_TRACK = EncodedTrack(
    codec=Codec.OPUS,
    config=OPUS_HEAD,
    sample_rate_hz=48_000,
    channels=2,
    bits=0,
    bitrate_bps=24_000,
    frame_samples=960,
    last_frame_samples=960,
    priming=312 + 3840,
    samples=960 * 690 + 7,
    packet_sizes=array("I", range(100, 800)),
)


def packets_of(track: EncodedTrack) -> list[bytes]:
    """Packets of the sizes that `track` has, the same ones each time."""
    return [random.Random(size).randbytes(size) for size in track.packet_sizes]


@st.composite
def flac_tracks(draw: st.DrawFn) -> EncodedTrack:
    """Tracks whose last packet is of any length."""
    sizes = draw(st.lists(st.integers(1, 60), min_size=1, max_size=80))
    frame = draw(st.integers(1, 8192))
    last = draw(st.integers(1, frame))
    return replace(
        FLAC_TRACK,
        sample_rate_hz=draw(st.sampled_from((8000, 44_100, 48_000, 96_000, 192_000))),
        frame_samples=frame,
        last_frame_samples=last,
        samples=(len(sizes) - 1) * frame + last,
        packet_sizes=sizes,
    )


@st.composite
def lossy_tracks(draw: st.DrawFn) -> EncodedTrack:
    """Tracks with priming, at times longer than a first fragment is heard, and with padding."""
    track = draw(st.sampled_from((AAC_TRACK, OPUS_TRACK)))
    sizes = draw(st.lists(st.integers(1, 60), min_size=5, max_size=400))
    coded = len(sizes) * track.frame_samples
    priming = draw(st.integers(0, coded - 1))
    rates = (8000, 44_100, 48_000) if track.codec is Codec.AAC else (48_000,)
    return replace(
        track,
        sample_rate_hz=draw(st.sampled_from(rates)),
        priming=priming,
        samples=draw(st.integers(1, coded - priming)),
        packet_sizes=sizes,
    )


TRACKS = flac_tracks() | lossy_tracks()

FACTS = RenditionFacts(
    name="aac-160",
    codec=Codec.AAC,
    codec_string="mp4a.40.2",
    container=Container.MP4,
    mime="audio/mp4",
    bitrate_bps=160_500,
    bandwidth_bps=171_000,
    sample_rate_hz=44_100,
    channels=2,
    bits=0,
    samples=600_000,
    priming=1024,
    bytes=250_000,
    sha256="ab" * 32,
    clear_sha256="cd" * 32,
    kid=str(KEY.kid),
    protection=Protection.CBCS,
    iv=IV.hex(),
    seek=SeekIndex(
        init_offset=0,
        init_bytes=800,
        index_offset=800,
        index_bytes=80,
        segments=(
            Segment(880, 19_120, 0, 43_008),
            Segment(20_000, 120_000, 43_008, 264_192),
            Segment(140_000, 110_000, 307_200, 292_800),
        ),
    ),
)

OPUS_FACTS = replace(
    FACTS,
    name="opus-24",
    codec=Codec.OPUS,
    codec_string="opus",
    bitrate_bps=25_000,
    bandwidth_bps=28_000,
    sample_rate_hz=48_000,
    priming=312,
)

FLAC_FACTS = replace(
    FACTS,
    name="flac",
    codec=Codec.FLAC,
    codec_string="flac",
    bitrate_bps=900_000,
    bandwidth_bps=1_000_000,
    bits=16,
    priming=0,
    kid="00112233-4455-6677-8899-aabbccddeeff",
)
