"""Plays the bytes of one rendition: decrypts, decodes, cuts, counts and checks them.

Blocking and without a network, so that a thread can run it. Damage is told apart from a wrong
key: after a failure the rest is still taken in for the digest of the file, which tells the two
from each other.
"""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from packager.content_key import ContentKey
from packager.format_error import FormatError
from packager.seek_index import RenditionFacts
from player.decoder import DecodingError, PacketDecoder, Pcm, pcm_format_of
from player.errors import DigestMismatchError, UndecodableError
from player.exact_samples import ExactSamples
from player.packets import open_packets
from player.playback_gain import PlaybackGain
from player.wav_file import WavWriter, open_wav


class RenditionPlayback:
    """One pass over a file, from its first byte on. Made by `open`."""

    def __init__(
        self,
        facts: RenditionFacts,
        key: ContentKey | None,
        wav: WavWriter | None,
        *,
        gain_db: float = 0.0,
    ) -> None:
        self._facts = facts
        self._wav = wav
        self._gain = PlaybackGain(gain_db, pcm_format_of(facts))
        self._packets = open_packets(facts, key)
        self._decoder: PacketDecoder | None = None
        self._samples = ExactSamples(facts)
        self._digest = hashlib.sha256()
        self._bytes = 0
        self._failure: FormatError | DecodingError | None = None

    @classmethod
    @contextmanager
    def open(
        cls,
        facts: RenditionFacts,
        key: ContentKey | None,
        out: Path | None,
        *,
        gain_db: float = 0.0,
    ) -> Iterator[Self]:
        """Play into the WAV file `out`, if there is one: it appears when the block ends well.

        Args:
            facts: of the rendition.
            key: its content key; None for a clear file.
            out: where to.
            gain_db: applied to what is written there, and to nothing else.

        Raises:
            OutputError: the WAV file cannot be written.
        """
        with ExitStack() as stack:
            wav = None
            if out is not None:
                wav = stack.enter_context(
                    open_wav(
                        out,
                        pcm_format_of(facts),
                        sample_rate_hz=facts.sample_rate_hz,
                        channels=facts.channels,
                        samples=facts.samples,
                    )
                )
            yield cls(facts, key, wav, gain_db=gain_db)

    def feed(self, data: bytes) -> int:
        """Take the next range, the first one with the header; returns how many samples it made.

        Raises:
            OutputError: the WAV file cannot be written.
        """
        self._digest.update(data)
        self._bytes += len(data)
        before = self._samples.count
        if self._failure is None:
            try:
                self._decode(data)
            except (FormatError, DecodingError) as error:
                self._failure = error
        return self._samples.count - before

    def finish(self) -> str:
        """Check everything at the end; returns the SHA-256 of the samples.

        Raises:
            DigestMismatchError: the file is not the one on record.
            UndecodableError: it is, but cannot be decrypted or decoded.
            WrongLengthError: it decodes to another number of samples.
        """
        if self._failure is None:
            try:
                self._end()
            except (FormatError, DecodingError) as error:
                self._failure = error
        if (self._bytes, self._digest.hexdigest()) != (self._facts.bytes, self._facts.sha256):
            raise DigestMismatchError(
                f"the file that arrived is not the one on record: {self._bytes} bytes with SHA-256 "
                f"{self._digest.hexdigest()} instead of {self._facts.bytes} with "
                f"{self._facts.sha256}"
            ) from self._failure
        if self._failure is not None:
            raise UndecodableError(
                f"the file arrived unharmed, but {self._failure}"
            ) from self._failure
        return self._samples.close()

    def _decode(self, data: bytes) -> None:
        if self._decoder is None:
            header_bytes = self._facts.seek.segments[0].offset
            config = self._packets.read_header(data[:header_bytes])
            self._decoder = PacketDecoder(self._facts, config)
            data = data[header_bytes:]
        for packet in self._packets.read_segment(data):
            self._take(self._decoder.decode(packet))

    def _end(self) -> None:
        self._packets.close()
        if self._decoder is not None:
            self._take(self._decoder.flush())

    def _take(self, decoded: Iterator[Pcm]) -> None:
        for samples in decoded:
            kept = self._samples.cut(samples)
            if self._wav is not None:
                self._wav.write(self._gain.apply(kept))
