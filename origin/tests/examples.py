"""Records for tests, complete and consistent."""

from dataclasses import replace

from origin.covers import CoverRecord
from origin.records import (
    AlbumEntry,
    AlbumRecord,
    TrackRecord,
    VersionRecord,
    entry_of,
)
from origin.tags import Tags
from packager.cover_facts import CoverExtension, CoverSize
from packager.identity import CpuClass, EncoderIdentity
from packager.inspection_result import Edge
from packager.jobs import MasterFacts
from packager.loudness import Loudness
from packager.renditions import CODEC_STRINGS, MIME_TYPES, PROFILES, Codec, KeyClass, Protection
from packager.seek_index import RenditionFacts, SeekIndex, Segment

TRACK_ID = "0" * 21 + "1"
ALBUM_ID = "0" * 21 + "A"
VERSION = "0123456789abcdef"

IDENTITY = EncoderIdentity(
    libraries={"av": "18"},
    wheels={"av": "x"},
    architecture="x86_64",
    libc="glibc 2.36",
    cpu_class=next(iter(CpuClass)),
)

MASTER = MasterFacts(
    codec="flac",
    container="flac",
    sample_rate_hz=44_100,
    channels=2,
    bits=16,
    is_lossless_of_master=True,
    samples=441_000,
    pcm_sha256="ab" * 32,
    sha256="cd" * 32,
    bytes=1_000_000,
)

LOUDNESS = Loudness(
    integrated_lufs=-14.5, range_lu=6.25, true_peak_dbtp=-0.5, blocks=((-200, 10), (-145, 90))
)
HEAD = Edge(frames=4410, sha256="1a" * 32, is_silent=False)
TAIL = Edge(frames=4410, sha256="2b" * 32, is_silent=False)
COVER = CoverRecord("3c" * 16, (CoverSize(480, 480, 320, 9_000, "4d" * 32, CoverExtension.JPG),))

KIDS = {
    KeyClass.LOSSLESS: "01234567-89ab-cdef-0123-456789abcde0",
    KeyClass.LOSSY: "01234567-89ab-cdef-0123-456789abcdef",
    KeyClass.SEALED: "01234567-89ab-cdef-0123-456789abcde1",
}


def rendition(name: str) -> RenditionFacts:
    profile = PROFILES[name]
    is_lossless = profile.codec is Codec.FLAC
    return RenditionFacts(
        name=name,
        codec=profile.codec,
        codec_string=CODEC_STRINGS[profile.codec],
        container=profile.container,
        mime=MIME_TYPES[profile.container],
        bitrate_bps=160_000,
        bandwidth_bps=180_000,
        sample_rate_hz=44_100,
        channels=2,
        bits=16 if is_lossless else 0,
        samples=441_000,
        priming=0 if is_lossless else 1024,
        bytes=1_100,
        sha256="ef" * 32,
        clear_sha256="01" * 32,
        kid="01234567-89ab-cdef-0123-456789abcdef",
        protection=profile.protection,
        iv="23" * 16,
        seek=SeekIndex(
            0, 80, 80, 20, (Segment(100, 400, 0, 264_600), Segment(500, 600, 264_600, 176_400))
        ),
    )


TRACK = TrackRecord(
    track_id=TRACK_ID,
    master=MASTER,
    loudness=LOUDNESS,
    stereo_loudness=None,
    head=HEAD,
    tail=TAIL,
    file_name="01 - Titel.flac",
    tags=Tags("Titel", ("A", "B"), "Album", "Various", 1, 3, "2001", "USRC17607839"),
    cover=COVER,
    label="",
    album_id=ALBUM_ID,
    created_s=1_700_000_000,
    current_version=VERSION,
    versions=(
        VersionRecord(
            version=VERSION,
            identity=IDENTITY,
            key_version=1,
            scheme=Protection.CBCS,
            kids=KIDS,
            metadata_sha256="",
            context_before="",
            context_after="5e" * 32,
            ladder=tuple(PROFILES),
            revision=0,
            created_s=1_700_000_000,
            superseded_s=None,
            renditions=tuple(rendition(name) for name in PROFILES),
        ),
    ),
    takedown=None,
)

ALBUM = AlbumRecord(ALBUM_ID, "Album", "Various", (entry_of(TRACK),))


def packaged_names(record: TrackRecord) -> tuple[str, ...]:
    """The renditions of the current version that are packaged."""
    return tuple(facts.name for facts in record.current.renditions)


def entry(track_id: str, **changes: object) -> AlbumEntry:
    return replace(entry_of(TRACK), track_id=track_id, **changes)  # type: ignore[arg-type]
