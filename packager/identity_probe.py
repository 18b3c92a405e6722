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

from packager.identity import CpuClass, EncoderIdentity

_WHEELS: Final = ("av", "soundfile", "soxr")


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
    )


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
