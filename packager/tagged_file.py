"""A clear, tagged file for download, in its codec's own container, from a packaged rendition.

The packets are those that are streamed, so nothing is encoded again: FLAC as `.flac`, Vorbis and
Opus in Ogg, AAC as `.m4a`. This blocks: it belongs into a thread or a worker.
"""

import shutil
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

from packager.encoded_track import STREAMINFO_SIZE, EncodedTrack
from packager.format_error import FormatError
from packager.itunes_gapless import ITUNSMPB, itunes_gapless_text
from packager.ogg_opus import encode_ogg_opus
from packager.progressive_mp4 import encode_progressive_header
from packager.renditions import FRAME_SAMPLES, Codec
from packager.seek_index import RenditionFacts
from packager.tag_writer import FileMetadata, opus_tags, tag_flac, tag_mp4, vorbis_comments
from packager.vorbis_file import VorbisRewriter

SUFFIXES: Final = {
    Codec.FLAC: ".flac",
    Codec.VORBIS: ".ogg",
    Codec.OPUS: ".opus",
    Codec.AAC: ".m4a",
}
"""How the name of a tagged file ends."""

_FLAC_HEAD: Final = b"fLaC\x80" + STREAMINFO_SIZE.to_bytes(3, "big")


class TaggedFileError(FormatError):
    """What a rendition holds is not what its facts say."""

    reason = "tagged_file"


@dataclass(frozen=True, slots=True)
class ClearRendition:
    """A rendition in the clear.

    Attributes:
        facts: of the packaged file.
        config: what its header configures a decoder with, see
            `packager.encoded_track.EncodedTrack.config`; empty for Vorbis.
        packets: in order; of Vorbis the unsealed file, in chunks of any size.
    """

    facts: RenditionFacts
    config: bytes = field(repr=False)
    packets: Iterable[bytes] = field(repr=False)


def write_tagged_file(path: Path, source: ClearRendition, metadata: FileMetadata) -> None:
    """Write a file; what is there already is replaced. If this fails, nothing is left.

    The same arguments give the same bytes.

    Raises:
        FormatError: the packets are not those of the rendition.
        OSError: the file cannot be written.
    """
    write = {
        Codec.FLAC: _write_flac,
        Codec.VORBIS: _write_vorbis,
        Codec.OPUS: _write_opus,
        Codec.AAC: _write_aac,
    }[source.facts.codec]
    try:
        with path.open("wb") as file:
            write(file, source, metadata)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _write_flac(file: BinaryIO, source: ClearRendition, metadata: FileMetadata) -> None:
    """A native file (RFC 9639 section 7): metadata blocks, then the very frames."""
    if len(source.config) != STREAMINFO_SIZE:
        raise TaggedFileError(f"STREAMINFO of {len(source.config)} bytes cannot be")
    header = BytesIO(_FLAC_HEAD + source.config)
    tag_flac(header, metadata)
    file.write(header.getvalue())
    file.writelines(source.packets)


def _write_vorbis(file: BinaryIO, source: ClearRendition, metadata: FileMetadata) -> None:
    rewriter = VorbisRewriter(serial=_serial_of(source.facts), comments=vorbis_comments(metadata))
    for chunk in source.packets:
        file.writelines(rewriter.feed(chunk))
    found = rewriter.close()
    _check_samples(found.samples, source.facts)


def _write_opus(file: BinaryIO, source: ClearRendition, metadata: FileMetadata) -> None:
    facts = source.facts
    file.writelines(
        encode_ogg_opus(
            source.config,
            opus_tags(metadata),
            source.packets,
            priming=facts.priming,
            samples=facts.samples,
            serial=_serial_of(facts),
        )
    )


def _write_aac(file: BinaryIO, source: ClearRendition, metadata: FileMetadata) -> None:
    """A progressive file: the tables before the packets take the sizes of all of them."""
    facts = source.facts
    with tempfile.TemporaryFile(dir=Path(file.name).parent) as spool:
        sizes = array("I", _spooled(source.packets, spool))
        track = EncodedTrack(
            codec=facts.codec,
            config=source.config,
            sample_rate_hz=facts.sample_rate_hz,
            channels=facts.channels,
            bits=facts.bits,
            bitrate_bps=facts.bitrate_bps,
            frame_samples=FRAME_SAMPLES[facts.codec],
            last_frame_samples=FRAME_SAMPLES[facts.codec],
            priming=facts.priming,
            samples=facts.samples,
            packet_sizes=sizes,
        )
        padding = track.coded_samples - track.priming - track.samples
        if not sizes or padding < 0:
            raise TaggedFileError(f"{len(sizes)} packets are less than {facts.samples} samples")
        note = itunes_gapless_text(priming=track.priming, padding=padding, samples=track.samples)
        header = BytesIO(encode_progressive_header(track))
        tag_mp4(header, metadata, {ITUNSMPB: note})
        file.write(header.getvalue())
        spool.seek(0)
        shutil.copyfileobj(spool, file)


def _spooled(packets: Iterable[bytes], spool: BinaryIO) -> Iterator[int]:
    """Write packets onto the spool and yield their sizes."""
    for packet in packets:
        spool.write(packet)
        yield len(packet)


def _serial_of(facts: RenditionFacts) -> int:
    """A serial number of the stream that follows from its content."""
    return int(facts.clear_sha256[:8], 16)


def _check_samples(found: int, facts: RenditionFacts) -> None:
    if found != facts.samples:
        raise TaggedFileError(f"the file holds {found} samples, not {facts.samples}")
