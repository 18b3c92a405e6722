"""Proof: tools and parsers that nobody here made accept every file and every manifest.

Packages a small album, two tracks of one recording and one at 96 kHz and 24 bits, under `cbcs` and
under `cenc`, and lays it out as it is served. Every file goes through ffprobe and MediaInfo; every
fMP4 through mp4box.js, FFmpeg and Shaka Packager, which must find our packets with the key and
others without; FLAC through `flac -t`; Ogg through ogginfo. Every manifest of the tracks and of the
album goes through mpegdash, m3u8, mpd-parser and m3u8-parser: what they refer to must be there,
and last as long as the music does.
"""

import argparse
import hashlib
import shutil
import sys
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile
from rich.console import Console
from rich.table import Table

from loadtest.decryption import decrypt_by_shaka, ffmpegs, packets_by_ffmpeg, packets_by_us
from loadtest.format_tools import (
    PARSERS,
    fault_by_exit,
    fault_by_ffprobe,
    fault_by_mediainfo,
    fault_by_mp4box,
    parse_by_node,
    path_of,
    references_of_mpd,
    references_of_playlist,
)
from loadtest.masters import write_tone
from packager import dash, hls
from packager.album_presentation import AlbumPart, AlbumPresentation
from packager.content_key import ContentKey
from packager.fmp4_reader import FragmentReader
from packager.hls import HlsFlavor
from packager.inspection import inspect_master
from packager.jobs import MasterFacts, PackagingOrder
from packager.packaging import package_rendition
from packager.presentation import Presentation, duration_of, file_name
from packager.renditions import PROFILES, Codec, Container, Protection
from packager.sealing import unseal
from packager.seek_index import RenditionFacts

VERSION: Final = "0123456789abcdef"
HOST: Final = "https://edge"
ALBUM_PATH: Final = "v1/albums/album/"
# Each part has some of the last fragment and none has a whole number of frames.
SECONDS: Final = 17
CUT: Final = 441_137
HI_RES_HZ: Final = 96_000

_TOOLS: Final = ("flac", "ogginfo", "ffprobe", "node")
_WIDTH: Final = 150
# What is told of a fault in the table.
_FAULT_TEXT: Final = 300
# HLS tells microseconds, DASH nanoseconds.
_DURATION_S_TOLERANCE: Final = Fraction(1, 10**6)


@dataclass(frozen=True, slots=True)
class Check:
    """What a tool found wrong with a file; nothing if `fault` is empty."""

    subject: str
    tool: str
    fault: str


@dataclass(frozen=True, slots=True)
class Source:
    """A master that was inspected."""

    name: str
    path: Path
    edges: Path
    facts: MasterFacts


@dataclass(frozen=True, slots=True)
class Packaged:
    """A rendition of a track, as it is served."""

    source: Source
    facts: RenditionFacts
    path: Path
    key: ContentKey = field(repr=False)

    @property
    def subject(self) -> str:
        """What it is called in the table."""
        return f"{self.facts.protection} {self.source.name} {file_name(self.facts)}"


def main() -> int:
    """Run the proof; 0 when everything holds, 2 when it cannot be run."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing or not (PARSERS.parent / "node_modules" / "mp4box").is_dir():
        print(f"install {missing or f'npm ci --ignore-scripts --prefix {PARSERS.parent}'}")
        return 2
    checks: list[Check] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = write_album(folder)
        for scheme in (Protection.CBCS, Protection.CENC):
            root = folder / scheme
            files = package_album(sources, root, scheme)
            checks += check_files(files, folder)
            checks += check_manifests(files, sources, root, scheme)
    return 1 if tell(checks) else 0


def write_album(folder: Path) -> list[Source]:
    """One recording cut in two at an odd sample, and one of more rate and depth."""
    whole, rate_hz = soundfile.read(write_tone(folder / "whole.wav", seconds=SECONDS))
    soundfile.write(folder / "first.wav", whole[:CUT], rate_hz, subtype="PCM_16")
    soundfile.write(folder / "second.wav", whole[CUT:], rate_hz, subtype="PCM_16")
    noise = np.random.default_rng(1).normal(0, 0.05, (HI_RES_HZ * 7 + 5, 2))
    soundfile.write(folder / "third.wav", noise, HI_RES_HZ, subtype="PCM_24")
    return [inspected(folder / f"{name}.wav") for name in ("first", "second", "third")]


def inspected(path: Path) -> Source:
    """A master, and its edges beside it."""
    edges = path.with_suffix(".edges")
    edges.mkdir()
    inspection = inspect_master(path, edges=edges, on_progress=_ignore)
    return Source(path.stem, path, edges, inspection.facts)


def package_album(sources: Sequence[Source], root: Path, scheme: Protection) -> list[Packaged]:
    """Every rendition of every track; the two of one recording know each other."""
    first, second, third = sources
    packaged = []
    for source in sources:
        for rendition in PROFILES:
            output = root / "v1/audio" / source.name / VERSION
            output.mkdir(parents=True, exist_ok=True)
            order = PackagingOrder(
                master=source.path,
                facts=source.facts,
                rendition=rendition,
                version=VERSION,
                key=key_of(source.name, rendition),
                output=output / f"{rendition}.{PROFILES[rendition].container}",
                scheme=scheme,
                before=first.edges / "tail.f32" if source is second else None,
                after=second.edges / "head.f32" if source is first else None,
            )
            facts = package_rendition(order, on_progress=_ignore)
            packaged.append(Packaged(source, facts, order.output, order.key))
    assert third.facts.sample_rate_hz == HI_RES_HZ
    return packaged


def key_of(track: str, rendition: str) -> ContentKey:
    """A key for each file, so that none can take another's."""
    name = f"{track}/{rendition}"
    return ContentKey(
        uuid.uuid5(uuid.NAMESPACE_URL, name), hashlib.sha256(name.encode()).digest()[:16]
    )


def check_files(files: Sequence[Packaged], folder: Path) -> Iterator[Check]:
    """Every tool over every file that it can read."""
    fragmented = [one for one in files if one.facts.container is Container.MP4]
    found = parse_by_node([{"kind": "mp4", "path": str(one.path), "url": ""} for one in fragmented])
    for one, boxes in zip(fragmented, found, strict=True):
        packets = packets_by_us(one.path.read_bytes(), one.facts, one.key.key)
        fault = fault_by_mp4box(boxes, one.facts, len(packets))
        yield Check(one.subject, "mp4box.js", fault)
        yield from check_decryption(one, packets, folder)
        if one.facts.codec is Codec.FLAC:
            native = write_native_flac(one, folder / "native.flac")
            yield Check(one.subject, "flac -t", fault_by_exit("flac", "-t", "-s", str(native)))
    for one in files:
        if one.facts.container is Container.OGG:
            yield from check_ogg(one, folder / "clear.ogg")


def check_decryption(one: Packaged, packets: list[str], folder: Path) -> Iterator[Check]:
    """FFmpeg and Shaka Packager find our packets with the key, and others with another."""
    for program in ffmpegs():
        found = packets_by_ffmpeg(one.path, one.key.key, program=program)
        yield Check(one.subject, "FFmpeg", "" if found == packets else "finds other packets")
    wrong = packets_by_ffmpeg(one.path, bytes(16))
    yield Check(one.subject, "wrong key", "finds the packets" if wrong == packets else "")
    clear = decrypt_by_shaka(one.path, folder / "clear.mp4", one.key)
    found = packets_by_ffmpeg(clear, None)
    yield Check(one.subject, "Shaka", "" if found == packets else "finds other packets")
    yield Check(one.subject, "MediaInfo", fault_by_mediainfo(clear, one.facts))
    yield Check(one.subject, "ffprobe", fault_by_ffprobe(one.path, one.facts, one.key.key))


def check_ogg(one: Packaged, clear: Path) -> Iterator[Check]:
    """The tools of Ogg over what was sealed."""
    iv = bytes.fromhex(one.facts.iv)
    clear.write_bytes(unseal(one.key.key, iv, 0, one.path.read_bytes()))
    yield Check(one.subject, "ogginfo", fault_by_exit("ogginfo", str(clear)))
    yield Check(one.subject, "MediaInfo", fault_by_mediainfo(clear, one.facts))
    yield Check(one.subject, "ffprobe", fault_by_ffprobe(clear, one.facts, None))


def write_native_flac(one: Packaged, path: Path) -> Path:
    """The same frames as a FLAC file (RFC 9639 section 6): STREAMINFO, which is the last block."""
    data, seek = one.path.read_bytes(), one.facts.seek
    reader = FragmentReader(data[: seek.init_bytes], one.key.key)
    config = reader.header.config
    with path.open("wb") as file:
        file.write(b"fLaC" + bytes((0x80,)) + len(config).to_bytes(3, "big") + config)
        for segment in seek.segments:
            samples = reader.samples(data[segment.offset : segment.end])
            file.writelines(sample.data for sample in samples)
    return path


def check_manifests(
    files: Sequence[Packaged], sources: Sequence[Source], root: Path, scheme: Protection
) -> Iterator[Check]:
    """Every manifest of every track and of the album."""
    parts = []
    for source in sources:
        facts = tuple(
            one.facts
            for one in files
            if one.source is source and one.facts.container is Container.MP4
        )
        parts.append(AlbumPart(source.name, VERSION, facts))
        folder = f"v1/audio/{source.name}/{VERSION}/"
        contents = manifests_of_track(Presentation(facts))
        yield from check_folder(contents, folder, root, [facts], f"{scheme} {source.name}")
    album = AlbumPresentation(parts)
    contents = manifests_of_album(album)
    tracks = [part.renditions for part in parts]
    yield from check_folder(contents, ALBUM_PATH, root, tracks, f"{scheme} album")


def manifests_of_track(presentation: Presentation) -> dict[str, bytes]:
    """By file name."""
    contents = {dash.FILE_NAME: dash.encode_mpd(presentation)}
    for flavor in HlsFlavor:
        contents[flavor] = hls.encode_multivariant(presentation, flavor)
        for facts in presentation.renditions:
            name = hls.media_playlist_name(facts.name, flavor)
            contents[name] = hls.encode_media_playlist(facts, flavor)
    return contents


def manifests_of_album(album: AlbumPresentation) -> dict[str, bytes]:
    """By file name."""
    contents = {dash.FILE_NAME: dash.encode_album_mpd(album)}
    for flavor in HlsFlavor:
        contents[flavor] = hls.encode_album_multivariant(album, flavor)
        for name in album.rendition_names:
            playlist = hls.encode_album_media_playlist(album, name, flavor)
            contents[hls.media_playlist_name(name, flavor)] = playlist
    return contents


def check_folder(
    contents: dict[str, bytes],
    folder: str,
    root: Path,
    tracks: Sequence[tuple[RenditionFacts, ...]],
    subject: str,
) -> Iterator[Check]:
    """Lay the manifests out as they are served, and have all parsers read them."""
    where = root / folder
    where.mkdir(parents=True, exist_ok=True)
    jobs = []
    for name, content in contents.items():
        (where / name).write_bytes(content)
        kind = "dash" if name == dash.FILE_NAME else "hls"
        jobs.append({"kind": kind, "path": str(where / name), "url": f"{HOST}/{folder}{name}"})
    for (name, content), job, found in zip(
        contents.items(), jobs, parse_by_node(jobs), strict=True
    ):
        manifest = Manifest(f"{subject} {name}", content.decode(), job["url"], root, tracks)
        yield from check_manifest(manifest, name, found)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as it is served, and the renditions of each track that it is made from."""

    subject: str
    text: str
    url: str
    root: Path
    tracks: Sequence[tuple[RenditionFacts, ...]]

    def fault_of(self, urls: set[str], count: int, duration_s: Fraction, told_s: Fraction) -> str:
        """What is wrong with references and duration."""
        missing = sorted(url for url in urls if not path_of(url, self.root).is_file())
        if missing or len(urls) != count:
            return f"refers to {len(urls)} files, of which are missing: {missing}"
        if abs(duration_s - told_s) > _DURATION_S_TOLERANCE:
            return f"lasts {float(told_s)} s, not {float(duration_s)}"
        return ""


def check_manifest(manifest: Manifest, name: str, found: dict[str, Any]) -> Iterator[Check]:
    """One manifest, by a parser in Python and one in JavaScript."""
    tracks = manifest.tracks
    count, duration_s = len(tracks) * len(tracks[0]), Fraction(0)
    if name == dash.FILE_NAME:
        duration_s = sum((max(map(duration_of, facts)) for facts in tracks), Fraction(0))
        urls, periods = references_of_mpd(manifest.text, manifest.url)
        fault = manifest.fault_of(urls, count, duration_s, duration_s)
        told = fault or ("" if periods == len(tracks) else f"has {periods} periods")
        yield Check(manifest.subject, "mpegdash", told)
        told_s = Fraction(str(found.get("duration_s", 0)))
        fault = manifest.fault_of(set(found.get("urls", ())), count, duration_s, told_s)
        yield Check(manifest.subject, "mpd-parser", ", ".join(found["faults"]) or fault)
        return
    rendition = name.partition(".")[0]
    if name in hls.MULTIVARIANT_NAMES:
        # That for hls.js leaves Opus out.
        count = len(tracks[0]) - (name == HlsFlavor.HLS_JS)
    else:
        count = len(tracks)
        duration_s = sum(
            (duration_of(one) for facts in tracks for one in facts if one.name == rendition),
            Fraction(0),
        )
    urls, told_s = references_of_playlist(manifest.text, manifest.url)
    yield Check(manifest.subject, "m3u8", manifest.fault_of(urls, count, duration_s, told_s))
    urls = {*found.get("variants", ()), *found.get("urls", ())}
    told_s = Fraction(str(found.get("duration_s", 0)))
    fault = ", ".join(found["faults"]) or manifest.fault_of(urls, count, duration_s, told_s)
    yield Check(manifest.subject, "m3u8-parser", fault)


def tell(checks: Sequence[Check]) -> int:
    """Print a table, a line for each file; returns how many checks failed."""
    table = Table("file", "accepted by", "refused by", box=None, pad_edge=False)
    for subject in dict.fromkeys(check.subject for check in checks):
        own = [check for check in checks if check.subject == subject]
        accepted = dict.fromkeys(check.tool for check in own if not check.fault)
        refused = [f"{one.tool}: {one.fault[:_FAULT_TEXT]}" for one in own if one.fault]
        table.add_row(subject, ", ".join(accepted), "; ".join(refused))
    Console(width=None if sys.stdout.isatty() else _WIDTH).print(table)
    failures = sum(bool(check.fault) for check in checks)
    print(f"{len(checks)} checks, {failures} failures")
    return failures


def _ignore(_: float) -> None:
    """Nobody watches."""


if __name__ == "__main__":
    sys.exit(main())
