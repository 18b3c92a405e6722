"""Tools that nobody here made, each as a function: a file, and what is wrong with it, or nothing.

What they are compared with are the facts that listeners get; see `loadtest.verify_formats`.
"""

import json
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import m3u8
from mpegdash.parser import MPEGDASHParser
from pymediainfo import MediaInfo

from packager.renditions import Codec
from packager.seek_index import RenditionFacts

PARSERS: Final = Path(__file__).parent / "players" / "formats.mjs"

# As MediaInfo names them.
_FORMATS: Final = {Codec.AAC: "AAC", Codec.FLAC: "FLAC", Codec.OPUS: "Opus", Codec.VORBIS: "Vorbis"}
# MediaInfo rounds to milliseconds, and may count priming and padding of lossy codecs.
_DURATION_S_TOLERANCE: Final = Fraction(1, 5)
_TOOL_S_MAX: Final = 120


def run(*command: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a tool and wait for it."""
    return subprocess.run(
        command, input=given, capture_output=True, text=True, timeout=_TOOL_S_MAX, check=False
    )


def fault_by_exit(*command: str) -> str:
    """What a tool says that fails."""
    done = run(*command)
    return f"{command[0]}: {done.stderr or done.stdout}" if done.returncode else ""


def fault_by_ffprobe(path: Path, facts: RenditionFacts, key: bytes | None) -> str:
    """Whether ffprobe sees what it is, without a complaint."""
    decryption = [] if key is None else ["-decryption_key", key.hex()]
    entries = "stream=codec_name,sample_rate,channels"
    done = run(
        "ffprobe", "-v", "warning", *decryption, "-show_entries", entries, "-of", "json", str(path)
    )
    if done.returncode or done.stderr:
        return done.stderr
    expected = {
        "codec_name": facts.codec.value,
        "sample_rate": str(facts.sample_rate_hz),
        "channels": facts.channels,
    }
    found = [
        {name: stream.get(name) for name in expected}
        for stream in json.loads(done.stdout)["streams"]
    ]
    return "" if found == [expected] else f"sees {found}"


def fault_by_mediainfo(path: Path, facts: RenditionFacts) -> str:
    """Whether MediaInfo sees what it is, in the clear."""
    tracks = MediaInfo.parse(path).audio_tracks
    if len(tracks) != 1:
        return f"sees {len(tracks)} audio tracks"
    (track,) = tracks
    found = (track.format, track.channel_s, track.sampling_rate)
    # Of Opus in MP4, whoever wrote it, MediaInfo does not tell the channels.
    channels = None if facts.codec is Codec.OPUS else facts.channels
    expected = (_FORMATS[facts.codec], channels, facts.sample_rate_hz)
    if found != expected:
        return f"sees {found}, not {expected}"
    difference_s = Fraction(str(track.duration)) / 1000 - Fraction(
        facts.samples, facts.sample_rate_hz
    )
    return "" if abs(difference_s) <= _DURATION_S_TOLERANCE else f"is {difference_s} s longer"


def parse_by_node(jobs: Sequence[dict[str, str]]) -> list[dict[str, Any]]:
    """What mp4box.js, mpd-parser and m3u8-parser find in each; see `players/formats.mjs`.

    Raises:
        RuntimeError: they cannot be run.
    """
    done = run("node", str(PARSERS), given=json.dumps(jobs))
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def fault_by_mp4box(found: dict[str, Any], facts: RenditionFacts, packets: int) -> str:
    """Whether mp4box.js finds the boxes and samples that there are."""
    if found["faults"]:
        return str(found["faults"])
    fragments = len(facts.seek.segments)
    expected = {
        "boxes": ["ftyp", "moov", "sidx", *(["moof", "mdat"] * fragments)],
        "entry": "enca",
        "scheme": facts.protection.value,
        "timescale": facts.sample_rate_hz,
        "samples": packets,
        "references": fragments,
    }
    different = {name: found[name] for name, value in expected.items() if found[name] != value}
    return f"sees {different}" if different else ""


def references_of_mpd(data: str, url: str) -> tuple[set[str], int]:
    """All files that mpegdash finds in an MPD, and how many Periods."""
    mpd = MPEGDASHParser.parse(data)
    found: set[str] = set()
    for period in mpd.periods:
        folder = urljoin(url, period.base_urls[0].base_url_value) if period.base_urls else url
        found |= {
            urljoin(folder, one.base_urls[0].base_url_value)
            for adaptation_set in period.adaptation_sets
            for one in adaptation_set.representations
        }
    return found, len(mpd.periods)


def references_of_playlist(data: str, url: str) -> tuple[set[str], Fraction]:
    """All files that m3u8 finds in a playlist, and how long it lasts."""
    playlist = m3u8.loads(data)
    found = {urljoin(url, one.uri) for one in (*playlist.playlists, *playlist.segments)}
    found |= {urljoin(url, one.uri) for one in playlist.segment_map}
    return found, sum((Fraction(str(one.duration)) for one in playlist.segments), Fraction(0))


def path_of(url: str, root: Path) -> Path:
    """The file that is served under a URL."""
    return root / urlsplit(url).path.lstrip("/")
