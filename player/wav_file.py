"""Writes WAV files: sample by sample into a partial file that takes its name when it is complete.

The length is known beforehand, so the header is written once. Files above 4 GiB are RF64
(EBU Tech 3306); 24 bits take three bytes; float is format 3.
"""

import os
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from player.decoder import Pcm, PcmFormat
from player.errors import OutputError

_BITS: Final = {PcmFormat.S16: 16, PcmFormat.S32: 24, PcmFormat.F32: 32}

_PCM: Final = 1
_FLOAT: Final = 3
_EXTENSIBLE: Final = 0xFFFE
# The rest of the GUID of a format in WAVE_FORMAT_EXTENSIBLE, after its two bytes.
_GUID_TAIL: Final = bytes.fromhex("000000001000800000aa00389b71")
# Speakers by number of channels, in the order of RFC 9639 section 9.1.3, which is that of WAVE.
_SPEAKERS: Final = {1: 0x4, 2: 0x3, 3: 0x7, 4: 0x33, 5: 0x37, 6: 0x3F, 7: 0x70F, 8: 0x63F}

_SIZE_MAX: Final = 0xFFFF_FFFF


class WavWriter:
    """Writes samples after the header. Made by `open_wav`."""

    def __init__(self, file: BinaryIO, pcm_format: PcmFormat) -> None:
        self._file = file
        self._format = pcm_format

    def write(self, samples: Pcm) -> None:
        """Append samples.

        Raises:
            OutputError: the file cannot be written.
        """
        data = samples.tobytes() if self._format is not PcmFormat.S32 else _packed24(samples)
        try:
            self._file.write(data)
        except OSError as error:
            raise OutputError(f"the WAV file cannot be written: {error}") from error


@contextmanager
def open_wav(
    path: Path, pcm_format: PcmFormat, *, sample_rate_hz: int, channels: int, samples: int
) -> Iterator[WavWriter]:
    """A WAV file of `samples` frames; what is at `path` is replaced when the block ends well.

    Raises:
        OutputError: the file cannot be written. Nothing is left of it.
    """
    header = encode_wav_header(
        pcm_format, sample_rate_hz=sample_rate_hz, channels=channels, samples=samples
    )
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".partial-", suffix=".wav")
    except OSError as error:
        raise OutputError(f"the WAV file cannot be made: {error}") from error
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(header)
            yield WavWriter(file, pcm_format)
            if file.tell() % 2:
                file.write(b"\0")  # Chunks have even sizes.
        partial.chmod(0o644)
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"the WAV file cannot be written: {error}") from error
    finally:
        partial.unlink(missing_ok=True)  # It has its name by now, or never gets it.


def encode_wav_header(
    pcm_format: PcmFormat, *, sample_rate_hz: int, channels: int, samples: int
) -> bytes:
    """Everything before the samples."""
    frame_bytes = channels * _BITS[pcm_format] // 8
    data_bytes = samples * frame_bytes
    chunks = _chunk(b"fmt ", _encode_fmt(pcm_format, sample_rate_hz, channels))
    if pcm_format is PcmFormat.F32:
        chunks += _chunk(b"fact", struct.pack("<I", min(samples, _SIZE_MAX)))
    # The whole after its first 8 bytes: "WAVE", chunks, the header of `data` and its padding.
    riff_bytes = 4 + len(chunks) + 8 + data_bytes + data_bytes % 2
    if riff_bytes <= _SIZE_MAX:
        head = b"RIFF" + struct.pack("<I", riff_bytes) + b"WAVE"
        return head + chunks + b"data" + struct.pack("<I", data_bytes)
    sizes = _chunk(b"ds64", struct.pack("<QQQI", riff_bytes + 36, data_bytes, samples, 0))
    head = b"RF64" + struct.pack("<I", _SIZE_MAX) + b"WAVE"
    return head + sizes + chunks + b"data" + struct.pack("<I", _SIZE_MAX)


def _encode_fmt(pcm_format: PcmFormat, sample_rate_hz: int, channels: int) -> bytes:
    bits = _BITS[pcm_format]
    code = _FLOAT if pcm_format is PcmFormat.F32 else _PCM
    frame_bytes = channels * bits // 8
    is_extensible = channels > 2 or bits == 24
    fields = struct.pack(
        "<HHIIHH",
        _EXTENSIBLE if is_extensible else code,
        channels,
        sample_rate_hz,
        sample_rate_hz * frame_bytes,
        frame_bytes,
        bits,
    )
    if is_extensible:
        guid = code.to_bytes(2, "little") + _GUID_TAIL
        return fields + struct.pack("<HHI", 22, bits, _SPEAKERS.get(channels, 0)) + guid
    # Formats other than PCM tell the size of their extension, even if there is none.
    return fields if code == _PCM else fields + struct.pack("<H", 0)


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content


def _packed24(samples: Pcm) -> bytes:
    """The three upper bytes of each sample; the low one is zero."""
    as_bytes = np.ascontiguousarray(samples).view(np.uint8).reshape(-1, 4)
    return as_bytes[:, 1:].tobytes()
