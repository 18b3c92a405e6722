"""What the encoder identity of this process is."""

import hashlib
import importlib.metadata
import io
import platform
from typing import Final

import av
import numpy as np
import soundfile
import soxr

from packager.encode_opus import encode_opus
from packager.identity import CpuClass, EncoderIdentity
from packager.lossy_feed import LossyFeed, Source
from packager.opus_head import OPUS_RATE_HZ
from packager.packet_spool import PacketSpool
from packager.pcm import Block, SampleKind
from packager.renditions import PROFILES

_WHEELS: Final = ("av", "soundfile", "soxr")

_PROBE_S: Final = 2
# Steps of three triangular waves per sample, of which 2**20 make a period: 440, 660 and 1100 Hz.
_PROBE_STEPS: Final = (9_611, 14_417, 24_029)
_PROBE_BPS: Final = PROFILES["opus-24"].bitrate_bps


def identity_of_this_process(cpu_class: CpuClass) -> EncoderIdentity:
    """The identity of this process, in which `cpu_class` has been forced."""
    return EncoderIdentity(
        libraries={
            "av": av.__version__,
            **{name: ".".join(map(str, parts)) for name, parts in av.library_versions.items()},
            "soundfile": soundfile.__version__,
            "libsndfile": soundfile.__libsndfile_version__,
            "libvorbis": _libvorbis_vendor(),
            "soxr": soxr.__version__,
            "libsoxr": soxr.__libsoxr_version__,
        },
        wheels={name: _wheel_identity(name) for name in _WHEELS},
        architecture=platform.machine(),
        libc=" ".join(platform.libc_ver()),
        cpu_class=cpu_class,
        opus_probe=_opus_probe(),
    )


def _opus_probe() -> str:
    """Digest of a short encoding: other approximations end up in other bytes of it."""
    assert _PROBE_BPS is not None
    feed = LossyFeed(
        [probe_samples()],
        source=Source(SampleKind.S16, "stereo", OPUS_RATE_HZ),
        to_hz=OPUS_RATE_HZ,
    )
    file = io.BytesIO()
    encode_opus(feed, bitrate_bps=_PROBE_BPS, spool=PacketSpool(file))
    return hashlib.sha256(file.getvalue()).hexdigest()[:16]


def probe_samples() -> Block:
    """Tones and noise in stereo, by arithmetic of integers alone: they are the same everywhere."""
    count = _PROBE_S * OPUS_RATE_HZ
    at = np.arange(count, dtype=np.int64)
    tones = sum(np.abs(at * step % (1 << 20) - (1 << 19)) - (1 << 18) for step in _PROBE_STEPS)
    noise = np.arange(1, 2 * count + 1, dtype=np.uint32) * np.uint32(2_654_435_761)
    noise ^= noise >> np.uint32(15)
    noise *= np.uint32(2_246_822_519)
    noise ^= noise >> np.uint32(13)
    parts = (noise >> np.uint32(20)).astype(np.int64).reshape(-1, 2) - (1 << 11)
    return ((np.asarray(tones)[:, np.newaxis] >> 6) + parts).astype("<i2")


def _libvorbis_vendor() -> str:
    """What libvorbis calls itself; it has no other way to say so than in a stream's comments."""
    file = io.BytesIO()
    soundfile.write(file, np.zeros((1, 1), np.float32), 44_100, format="OGG", subtype="VORBIS")
    _, _, comments = file.getvalue().partition(b"\x03vorbis")  # Vorbis I, section 5.2.1.
    length = int.from_bytes(comments[:4], "little")
    return comments[4 : 4 + length].decode("utf-8", "replace")


def _wheel_identity(name: str) -> str:
    """Tag, build and a digest over the digests of the binaries, from the wheel's own records."""
    distribution = importlib.metadata.distribution(name)
    fields = (distribution.read_text("WHEEL") or "").splitlines()
    tags = sorted(field for field in fields if field.startswith(("Tag:", "Build:")))
    records = (distribution.read_text("RECORD") or "").splitlines()
    binaries = sorted(record for record in records if ".so" in record.partition(",")[0])
    digest = hashlib.sha256("\n".join(binaries).encode()).hexdigest()
    return f"{' '.join(tags)} binaries {digest[:16]}"
