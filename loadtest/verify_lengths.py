"""Proof: music of several kinds keeps its exact length in every rendition, whatever its rate.

Ingests lossy game music, renderings of MIDI at 96 kHz and 24 bits, and speech; plays every
rendition of every track through the edge and compares the length with the exact one. Beside it
stands what PyAV, ffmpeg and Chromium return by themselves, who know only what the file says.

Needs apt, fluidsynth with timgm6mb-soundfont, espeak-ng, ffmpeg and Chromium.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from loadtest.calls import call, content_key
from loadtest.exact_length import exact_length
from loadtest.masters import fetch_package, render_midi, speak
from loadtest.node import Node, running_node
from loadtest.players.chromium import Chromium, open_chromium
from loadtest.raw_decoders import (
    RawLengths,
    by_chromium,
    by_ffmpeg,
    by_pyav,
    open_decoding_stage,
    write_clear,
)
from packager.renditions import PROFILES
from packager.seek_index import decode_seek_index

_COLUMNS: Final = ("master", "rendition", "exact", "attacca play", "PyAV", "ffmpeg", "Chromium")
_WIDTH: Final = 120
_TRACKS_OF_A_KIND: Final = 2
# Whole songs take a quarter of an hour.
_RENDERED_S: Final = 60.0

_TEXTS: Final = (
    "Attacca means that the next movement begins at once, without a pause.",
    "The exact length is what remains after the priming was dropped and the padding cut off.",
)


def main() -> int:
    """Run the proof; 0 when everything holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "music")
    parser.add_argument("--tracks", type=int, default=_TRACKS_OF_A_KIND, help="of each kind")
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    browser = shutil.which("chromium")
    if browser is None:
        print("Chromium is not installed")
        return 1
    masters = list(masters_of_all_kinds(arguments.cache, arguments.tracks))
    with tempfile.TemporaryDirectory() as data, running_node(Path(data)) as node:
        failures = asyncio.run(check_all(node, masters, browser))
    print(f"{len(masters)} masters, {failures} failures")
    return 1 if failures else 0


def masters_of_all_kinds(cache: Path, count: int) -> Iterator[Path]:
    """Game music, rendered MIDI and speech, `count` of each; kept in `cache`."""
    games = fetch_package(cache, "singularity-music")
    yield from sorted(games.rglob("*.ogg"), key=lambda path: path.stat().st_size)[:count]
    songs = fetch_package(cache, "planetblupi-music-midi")
    for song in sorted(songs.rglob("*.mid"), key=lambda path: path.stat().st_size)[:count]:
        rendered = cache / f"{song.stem}.96k24.wav"
        if not rendered.exists():
            render_midi(rendered, song, seconds_max=_RENDERED_S)
        yield rendered
    for number, text in enumerate(_TEXTS[:count]):
        yield speak(cache / f"speech-{number}.wav", text)


async def check_all(node: Node, masters: list[Path], program: str) -> int:
    """Check every rendition of every master; tell how many are wrong."""
    table = Table(*_COLUMNS)
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        async with (
            open_chromium(program) as browser,
            open_decoding_stage(Path(folder)) as stage,
        ):
            for master in masters:
                (track,) = node.json_lines("ingest", str(master))
                for rendition in PROFILES:
                    lengths = await raw_lengths(
                        node, track, rendition, Path(folder), browser, stage
                    )
                    failures += not is_exact(node, track, rendition, lengths, master, table)
    Console(width=_WIDTH).print(table)
    return failures


def is_exact(
    node: Node,
    track: dict[str, Any],
    rendition: str,
    lengths: RawLengths,
    master: Path,
    table: Table,
) -> bool:
    """Play a rendition; tell whether it has the exact length and, for FLAC, the very samples."""
    (report,) = node.json_lines("play", track["track_id"], "--rendition", rendition)
    expected = exact_length(
        rendition, samples=track["samples"], sample_rate_hz=track["sample_rate_hz"]
    )
    is_right = (report["samples"], report["sample_rate_hz"]) == expected
    if rendition == "flac":
        is_right = is_right and report["pcm_sha256"] == track["pcm_sha256"]
    raw = (lengths.pyav, lengths.ffmpeg, lengths.chromium)
    verdict = str(report["samples"]) if is_right else f"{report['samples']} WRONG"
    table.add_row(
        master.name,
        rendition,
        f"{expected[0]} @ {expected[1]}",
        verdict,
        *("refused" if one is None else f"{one} ({one - expected[0]:+d})" for one in raw),
    )
    return is_right


async def raw_lengths(
    node: Node,
    track: dict[str, Any],
    rendition: str,
    folder: Path,
    browser: Chromium,
    stage: str,
) -> RawLengths:
    """What decoders return for a rendition by themselves."""
    bearer = {"Authorization": f"Bearer {node.output('token').strip()}"}
    base = f"{node.edge}/v1/audio/{track['track_id']}/{track['version']}/{rendition}"
    facts = decode_seek_index(call(f"{base}.json", bearer).body)
    key = content_key(node.edge, bearer, uuid.UUID(facts.kid))
    file = call(f"{base}.{facts.container}", bearer).body
    clear = write_clear(folder / f"{rendition}.{facts.container}", file, facts, key)
    rate_hz = facts.sample_rate_hz
    found = RawLengths(
        by_pyav(clear), by_ffmpeg(clear, rate_hz), await by_chromium(browser, stage, clear, rate_hz)
    )
    clear.unlink()
    return found


if __name__ == "__main__":
    sys.exit(main())
