"""Making a rendition: from a master that was inspected to a protected file.

    decode -> encode -> spool on disk -> digest of the clear file -> IV -> protected file

The IV depends on the clear file, so the file is laid out twice from one spool; memory stays bounded
whatever the length. The spool is a file without a name: nothing is left of it after a crash.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final, cast

import soundfile

from packager.bit_rates import average_bps, peak_bps
from packager.comment_header import gain_comments
from packager.common_encryption import IV_SIZES, CommonEncryption
from packager.content_key import derive_iv
from packager.errors import MasterChangedError, MasterError, ScratchError
from packager.fmp4 import plan_file, render_stream
from packager.jobs import OnProgress, PackagingOrder
from packager.master_file import hash_file, open_regular_file
from packager.packet_spool import PacketSpool
from packager.renditions import CODEC_STRINGS, MIME_TYPES, Codec, Container
from packager.sealing import seal
from packager.seek_index import RenditionFacts, SeekIndex
from packager.transcoding import encode_mp4_track, encode_ogg
from packager.vorbis_file import VorbisFacts, VorbisRewriter

_BUFFER_BYTES: Final = 1 << 18

# Of the whole job; the rest is writing the file.
_ENCODING_SHARE: Final = 0.9

# Keeps these numbers apart from anything else that may be derived from a version.
_SERIAL_PURPOSE: Final = b"attacca ogg serial 1"


@dataclass(frozen=True, slots=True)
class _Layout:
    """What a file is, but for its protection."""

    sample_rate_hz: int
    channels: int
    bits: int
    samples: int
    priming: int
    seek: SeekIndex
    clear_sha256: bytes


def package_rendition(order: PackagingOrder, *, on_progress: OnProgress) -> RenditionFacts:
    """Carry out `order`.

    Raises:
        MasterError: the master is not the one that was inspected.
        ScratchError: the folder of the output cannot be written. No output is left.
    """
    try:
        with (
            open_regular_file(order.master) as (master, size),
            _unchanged(order, master, size),
            tempfile.TemporaryFile(dir=order.output.parent, buffering=_BUFFER_BYTES) as spool,
        ):
            if order.profile.container is Container.OGG:
                return _package_ogg(order, master, cast("BinaryIO", spool), on_progress)
            return _package_mp4(order, master, cast("BinaryIO", spool), on_progress)
    except (OSError, soundfile.LibsndfileError) as error:
        order.output.unlink(missing_ok=True)
        raise ScratchError(f"writing to {order.output.parent} failed: {error}") from error


def serial_of_version(version: str) -> int:
    """The serial number of the Ogg stream of a track's version."""
    return int.from_bytes(hashlib.sha256(_SERIAL_PURPOSE + version.encode()).digest()[:4], "big")


@contextmanager
def _unchanged(order: PackagingOrder, master: BinaryIO, size: int) -> Iterator[None]:
    """Refuse a master that is not the one that was inspected, before the block or at its end."""
    if size != order.facts.bytes:
        raise MasterChangedError
    if order.profile.codec is not Codec.FLAC:
        _check_digest(order, master)
        yield
        return
    try:
        # Not a digest more: that of its samples is compared, and they are all that matters.
        yield
    except MasterError:
        _check_digest(order, master)
        raise


def _check_digest(order: PackagingOrder, master: BinaryIO) -> None:
    if hash_file(master, lambda _: None).hex() != order.facts.sha256:
        raise MasterChangedError


def _package_mp4(
    order: PackagingOrder, master: BinaryIO, file: BinaryIO, on_progress: OnProgress
) -> RenditionFacts:
    spool = PacketSpool(file)
    track = encode_mp4_track(order, master, spool, _encoding(on_progress))
    clear = plan_file(track, None)
    layout = _Layout(
        sample_rate_hz=track.sample_rate_hz,
        channels=track.channels,
        bits=track.bits,
        samples=track.samples,
        priming=track.priming,
        seek=clear.seek,
        clear_sha256=_digest_of(render_stream(clear, spool.reading())),
    )
    iv = _iv_of(order, layout)[: IV_SIZES[order.profile.protection]]
    plan = plan_file(track, CommonEncryption(order.key, iv, order.profile.protection))
    layout = replace(layout, seek=plan.seek)  # The boxes of the protection take room.
    size, digest = _write(order.output, render_stream(plan, spool.reading()))
    on_progress(1.0)
    return _facts_of(order, layout, iv, size, digest)


def _package_ogg(
    order: PackagingOrder, master: BinaryIO, spool: BinaryIO, on_progress: OnProgress
) -> RenditionFacts:
    samples = encode_ogg(order, master, spool, _encoding(on_progress))
    rewriter = _Rewriting(spool, order)
    clear_sha256 = _digest_of(rewriter.pages())
    ogg = rewriter.facts
    assert ogg.samples == samples
    layout = _Layout(
        sample_rate_hz=ogg.sample_rate_hz,
        channels=ogg.channels,
        bits=0,
        samples=ogg.samples,
        priming=0,
        seek=ogg.seek,
        clear_sha256=clear_sha256,
    )
    iv = _iv_of(order, layout)
    size, digest = _write(order.output, seal(order.key.key, iv, rewriter.pages()))
    on_progress(1.0)
    return _facts_of(order, layout, iv, size, digest)


class _Rewriting:
    """A spooled Ogg file with the serial number and comments of an order, as often as wanted."""

    def __init__(self, spool: BinaryIO, order: PackagingOrder) -> None:
        self._spool = spool
        self._serial = serial_of_version(order.version)
        self._comments = gain_comments(order.gain)
        self._facts: VorbisFacts | None = None

    @property
    def facts(self) -> VorbisFacts:
        """Of the file; known once `pages` has been read to the end."""
        assert self._facts is not None
        return self._facts

    def pages(self) -> Iterator[bytes]:
        """Its pages."""
        rewriter = VorbisRewriter(serial=self._serial, comments=self._comments)
        self._spool.seek(0)
        while chunk := self._spool.read(_BUFFER_BYTES):
            yield from rewriter.feed(chunk)
        self._facts = rewriter.close()


def _encoding(on_progress: OnProgress) -> OnProgress:
    return lambda fraction: on_progress(_ENCODING_SHARE * fraction)


def _iv_of(order: PackagingOrder, layout: _Layout) -> bytes:
    return derive_iv(
        order.key,
        version=order.version,
        rendition=order.rendition,
        clear_sha256=layout.clear_sha256,
    )


def _digest_of(parts: Iterable[bytes]) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()


def _write(path: Path, parts: Iterable[bytes]) -> tuple[int, str]:
    """Write a file durably; returns its size and its SHA-256."""
    digest, size = hashlib.sha256(), 0
    with path.open("wb", buffering=_BUFFER_BYTES) as file:
        for part in parts:
            file.write(part)
            digest.update(part)
            size += len(part)
        file.flush()
        os.fsync(file.fileno())
    return size, digest.hexdigest()


def _facts_of(
    order: PackagingOrder, layout: _Layout, iv: bytes, size: int, sha256: str
) -> RenditionFacts:
    profile = order.profile
    return RenditionFacts(
        name=profile.name,
        codec=profile.codec,
        codec_string=CODEC_STRINGS[profile.codec],
        container=profile.container,
        mime=MIME_TYPES[profile.container],
        bitrate_bps=average_bps(size, layout.samples, layout.sample_rate_hz),
        bandwidth_bps=peak_bps(layout.seek.segments, layout.sample_rate_hz),
        sample_rate_hz=layout.sample_rate_hz,
        channels=layout.channels,
        bits=layout.bits,
        samples=layout.samples,
        priming=layout.priming,
        bytes=size,
        sha256=sha256,
        clear_sha256=layout.clear_sha256.hex(),
        kid=str(order.key.kid),
        protection=profile.protection,
        iv=iv.hex(),
        seek=layout.seek,
    )
