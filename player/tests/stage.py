"""A small origin and licence server on loopback, serving renditions that were really packaged."""

import hashlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import soundfile
from aiohttp import web

from drm.clear_key import decode_license_request, encode_license
from http_semantics.byte_range import ByteSlice, parse_range, resolve
from http_semantics.problem import CONTENT_TYPE, Problem
from packager.content_key import ContentKey
from packager.inspection import inspect_master
from packager.jobs import MasterFacts, PackagingOrder
from packager.packaging import package_rendition
from packager.renditions import PROFILES, Protection
from packager.seek_index import RenditionFacts, encode_seek_index

TRACK = "0123456789abcdefABCDEF"
VERSION = "00112233445566aa"
TOKEN = "playback-token"
RATE = 44_100
# Not a multiple of any frame size, and more than two segments.
SAMPLES = 8 * RATE + 137


@dataclass(frozen=True, slots=True)
class Packaged:
    """One rendition with its file and key."""

    facts: RenditionFacts
    path: Path
    key: ContentKey

    @property
    def data(self) -> bytes:
        return self.path.read_bytes()


@dataclass(frozen=True, slots=True)
class Tone:
    """A master with its renditions."""

    path: Path
    facts: MasterFacts
    renditions: dict[str, Packaged]


def make_tone(
    folder: Path,
    *,
    subtype: str,
    rate: int,
    samples: int,
    names: list[str],
    scheme: Protection | None = None,
) -> Tone:
    """A chord with some noise, packaged by the real encoders.

    Args:
        folder: an empty one.
        subtype: of the WAV file.
        rate: sample rate.
        samples: length.
        names: of renditions.
        scheme: of Common Encryption, and then the chord follows and precedes itself without a gap.
    """
    time = np.arange(samples)[:, None] / rate
    chord = sum(np.sin(2 * np.pi * pitch * time) for pitch in (220.0, 277.2, 329.6))
    noise = np.random.default_rng(3).normal(0, 0.02, (samples, 2))
    path = folder / "master.wav"
    soundfile.write(path, 0.2 * np.asarray(chord) + noise, rate, subtype=subtype)
    facts = inspect_master(path, edges=folder, on_progress=lambda _: None).facts
    renditions = {name: _package(path, facts, name, scheme) for name in names}
    return Tone(path, facts, renditions)


def _package(path: Path, facts: MasterFacts, name: str, scheme: Protection | None) -> Packaged:
    key = ContentKey(
        uuid.uuid5(uuid.NAMESPACE_URL, name), hashlib.sha256(name.encode()).digest()[:16]
    )
    output = path.parent / f"{name}.{PROFILES[name].container}"
    order = PackagingOrder(path, facts, name, VERSION, key, output)
    if scheme is not None:
        before, after = path.parent / "tail.f32", path.parent / "head.f32"
        order = replace(order, scheme=scheme, before=before, after=after)
    return Packaged(package_rendition(order, on_progress=lambda _: None), output, key)


@dataclass(slots=True)
class Faults:
    """What goes wrong on this stage; nothing by default.

    Attributes:
        truncated: how many range answers are cut short from now on.
        altered_at: position in the file of a byte that is changed on the way.
        license_key: given out instead of the right one.
        not_ready: how many requests for ranges are answered 503 from now on.
        problems: answers by the beginning of the path.
        shifted: ranges are answered with other bytes.
        record: members of the track's record that are replaced.
    """

    truncated: int = 0
    altered_at: int | None = None
    license_key: bytes | None = None
    not_ready: int = 0
    problems: dict[str, Problem] = field(default_factory=dict)
    is_range_ignored: bool = False
    is_range_shifted: bool = False
    is_license_empty: bool = False
    record: dict[str, object] = field(default_factory=dict)
    entry: dict[str, object] = field(default_factory=dict)


class Stage:
    """Answers as an edge does. Everything it was asked for is in `requests`."""

    def __init__(self, tone: Tone) -> None:
        self.tone = tone
        self.faults = Faults()
        self.requests: list[str] = []
        self.connections: set[object] = set()
        self._seen: set[str] = set()
        self.app = web.Application()
        self.app.router.add_get("/v1/tracks/{track}", self._track)
        self.app.router.add_get("/v1/audio/{track}/{version}/{name}.json", self._index)
        self.app.router.add_get("/v1/audio/{track}/{version}/{name}.{ext}", self._media)
        self.app.router.add_post("/v1/licenses/clearkey", self._license)

    def _refusal(self, request: web.Request) -> web.Response | None:
        self.requests.append(f"{request.method} {request.path} {request.headers.get('Range', '')}")
        self.connections.add(request.transport)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _answer(
                Problem("token-missing", "No playback token", 401, "Send\x1b[31m a token.")
            )
        for start, problem in self.faults.problems.items():
            if request.path.startswith(start):
                return _answer(problem)
        return None

    async def _track(self, request: web.Request) -> web.StreamResponse:
        if refusal := self._refusal(request):
            return refusal
        if request.match_info["track"] != TRACK:
            return _answer(Problem("track-unknown", "No such track", 404, "Nothing has this id."))
        entries = [
            {
                "name": name,
                "url": f"../audio/{TRACK}/{VERSION}/{one.path.name}",
                "samples": one.facts.samples,
                "bytes": one.facts.bytes,
                "sha256": one.facts.sha256,
                **self.faults.entry,
            }
            for name, one in self.tone.renditions.items()
        ]
        document = {"title": "A tone", "renditions": entries, **self.faults.record}
        return web.Response(body=json.dumps(document), content_type="application/json")

    async def _index(self, request: web.Request) -> web.StreamResponse:
        if refusal := self._refusal(request):
            return refusal
        facts = self.tone.renditions[request.match_info["name"]].facts
        return web.Response(body=encode_seek_index(facts), content_type="application/json")

    async def _license(self, request: web.Request) -> web.StreamResponse:
        if refusal := self._refusal(request):
            return refusal
        kids = decode_license_request(await request.read(), kids_max=8)
        keys = [one.key for one in self.tone.renditions.values() if one.key.kid in kids]
        if self.faults.license_key is not None:
            keys = [ContentKey(key.kid, self.faults.license_key) for key in keys]
        if self.faults.is_license_empty:
            keys = []
        return web.Response(body=encode_license(keys), content_type="application/json")

    async def _media(self, request: web.Request) -> web.StreamResponse:
        if refusal := self._refusal(request):
            return refusal
        if self.faults.not_ready:
            self.faults.not_ready -= 1
            problem = Problem("packaging", "Being packaged", 503, headers={"Retry-After": "7"})
            return _answer(problem)
        data = bytearray(self.tone.renditions[request.match_info["name"]].data)
        if self.faults.altered_at is not None:
            data[self.faults.altered_at] ^= 0x40
        if self.faults.is_range_ignored:
            return web.Response(body=bytes(data))
        (part,) = resolve(parse_range(request.headers["Range"]) or (), len(data))
        content = bytes(data[part.start : part.stop])
        if self.faults.is_range_shifted:
            part = ByteSlice(part.start + 1, part.stop + 1)
        fields = {
            "Content-Range": part.content_range(len(data)),
            "Cache-Status": self._cache_status(f"{request.path} {part}"),
        }
        if not self.faults.truncated:
            return web.Response(status=206, body=content, headers=fields)
        self.faults.truncated -= 1
        return await _send_half(request, content, fields)

    def _cache_status(self, what: str) -> str:
        if what in self._seen:
            return "edge; hit; ttl=30"
        self._seen.add(what)
        return 'origin; hit, edge; fwd=uri-miss; key="a, b; hit"; stored'


def _answer(problem: Problem) -> web.Response:
    return web.Response(
        status=problem.status,
        body=problem.body(),
        content_type=CONTENT_TYPE,
        headers=dict(problem.headers),
    )


async def _send_half(
    request: web.Request, content: bytes, fields: dict[str, str]
) -> web.StreamResponse:
    response = web.StreamResponse(
        status=206, headers={**fields, "Content-Length": str(len(content))}
    )
    await response.prepare(request)
    await response.write(content[: len(content) // 2])
    assert request.transport is not None
    request.transport.close()
    return response


def ticking() -> Iterator[float]:
    """Instants 10 ms apart."""
    now = 100.0
    while True:
        yield now
        now += 0.01
