"""Requests as an edge of a music service gets them: a seeded model that streams them in order.

What it is made of, and where that is from:

* Skips: 24.14 % of plays end within 5 s, 35.05 % within 30 s, 48.6 % before the end (P. Lamere,
  "The Skip", 2014, on Spotify's data; Brost et al., WSDM Cup 2019, has 51.7 % skipped).
* Sessions of 10 to 20 tracks (WSDM Cup 2019): geometric with a mean of 13.
* 61 % of plays come in an order that can be told, 39 % by choice; players stay about 15 s ahead of
  what is heard; 88 % of accesses go to the top 12 % of tracks (G. Kreitz and F. Niemelä, "Spotify:
  Large Scale, Low Latency, P2P Music-on-Demand Streaming", 2010): Zipf's exponent is 1.0 to 1.05.
* Slices, renditions and their rates are ours. How renditions are shared out, how long tracks are
  (log-normal), albums of 12, churn, probes and the scan are assumptions.

An object is a slice of a rendition, and each request asks for one. A player that reads a file in
one request asks for each slice once; one that asks by segments (`segment_s`) comes back to a slice
as often as segments touch it, within seconds. Both exist, and to a policy they look unlike.
"""

import heapq
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate, chain
from math import log
from random import Random
from typing import Final, NamedTuple

SLICE_BYTES: Final = 256 << 10
AHEAD_S: Final = 15.0
ALBUM_TRACKS: Final = 12
PLAYLIST_TRACKS: Final = 40
HOUR_S: Final = 3600.0

# Kilobits per second of a rendition, and the share of sessions that listen to it.
RENDITIONS: Final = ((24, 0.05), (96, 0.17), (160, 0.43), (320, 0.25), (850, 0.10))

# Ids: slice in the low bits, then rendition, then track. Probes have a range of their own.
_SLICE_BITS: Final = 12
_RENDITION_BITS: Final = 3
PROBES_FROM: Final = 1 << 60


class Request(NamedTuple):
    """One request for one object.

    Attributes:
        time_s: since the start of the trace.
        object_id: of a slice of a rendition, or of a probe.
        size_bytes: of the object; always the same for an id.
    """

    time_s: float
    object_id: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Habits:
    """What is played, and how. The defaults are the trace that policies are chosen by.

    Attributes:
        seed: decides everything that is left to chance.
        tracks: in the catalogue.
        sessions: that begin within the trace.
        sessions_per_hour: how often they begin.
        alpha: Zipf's exponent of the popularity of tracks.
        segment_s: seconds of a segment of players that ask by segments; None if they read on.
        churned_per_hour: tracks that become popular while others cease to be.
        probe_share: of all requests, how many are for something small that nobody asks for again.
        probe_bytes: their size.
        scanned_tracks: how many of them a crawler reads, from one third of the trace on.
        scan_tracks_per_s: how fast.
    """

    seed: int = 1
    tracks: int = 40_000
    sessions: int = 9_000
    sessions_per_hour: float = 400.0
    alpha: float = 1.0
    segment_s: float | None = None
    churned_per_hour: int = 8
    probe_share: float = 0.0
    probe_bytes: int = 8 << 10
    scanned_tracks: int = 0
    scan_tracks_per_s: float = 0.5


@dataclass(slots=True)
class Trace:
    """A trace in memory, by columns."""

    object_ids: "array[int]" = field(default_factory=lambda: array("Q"))
    sizes: "array[int]" = field(default_factory=lambda: array("L"))

    @classmethod
    def of(cls, requests: Iterable[tuple[float, int, int]]) -> "Trace":
        """Read a stream to its end."""
        trace = cls()
        for _, object_id, size_bytes in requests:
            trace.object_ids.append(object_id)
            trace.sizes.append(size_bytes)
        return trace

    def __len__(self) -> int:
        return len(self.object_ids)

    @property
    def requested_bytes(self) -> int:
        """The sizes of all requests together."""
        return sum(self.sizes)

    @property
    def working_set_bytes(self) -> int:
        """The sizes of all objects together."""
        return sum(dict(zip(self.object_ids, self.sizes, strict=True)).values())


class Catalogue:
    """Tracks by length and by popularity, which moves on."""

    def __init__(self, habits: Habits, chance: Random) -> None:
        self._chance = chance
        self._durations_s = array(
            "d", (_clipped(chance.lognormvariate(log(205), 0.35)) for _ in range(habits.tracks))
        )
        self._rates = array("d", (chance.uniform(0.85, 1.15) for _ in range(habits.tracks)))
        self._by_rank = array("L", chance.sample(range(habits.tracks), habits.tracks))
        weights = (1 / rank**habits.alpha for rank in range(1, habits.tracks + 1))
        self._weights = array("d", accumulate(weights))

    def __len__(self) -> int:
        return len(self._durations_s)

    def duration_s(self, track: int) -> float:
        """How long it lasts."""
        return self._durations_s[track]

    def bytes_per_s(self, track: int, rendition: int) -> float:
        """Of its file; variable bit rates spread around the nominal one."""
        return RENDITIONS[rendition][0] * 125 * self._rates[track]

    def popular(self) -> int:
        """A track by popularity."""
        return self._by_rank[bisect_right(self._weights, self._chance.random() * self._weights[-1])]

    def any(self) -> int:
        """A track, each as likely as any other."""
        return self._chance.randrange(len(self))

    def churn(self) -> None:
        """Let some track become one of the most popular hundredth."""
        upper = self._chance.randrange(max(1, len(self) // 100))
        lower = self._chance.randrange(len(self))
        ranks = self._by_rank
        ranks[upper], ranks[lower] = ranks[lower], ranks[upper]


class _Listeners:
    """Makes sessions out of habits."""

    def __init__(self, habits: Habits, catalogue: Catalogue, chance: Random) -> None:
        self._habits = habits
        self._catalogue = catalogue
        self._chance = chance
        self._playlists = [
            [catalogue.popular() for _ in range(PLAYLIST_TRACKS)]
            for _ in range(max(1, habits.tracks // 100))
        ]

    def session(self, begin_s: float) -> Iterator[Request]:
        rendition = self._rendition()
        now_s = begin_s
        for track in self._queue():
            heard_s = self._heard_s(self._catalogue.duration_s(track))
            yield from self._play(track, rendition, now_s, heard_s)
            now_s += heard_s + 1

    def _queue(self) -> Iterator[int]:
        """39 % by choice, of these a quarter deep in the catalogue; the others in order."""
        kind = self._chance.random()
        if kind < 0.29:
            order: Iterator[int] = iter(self._catalogue.popular, -1)
        elif kind < 0.39:
            order = iter(self._catalogue.any, -1)
        elif kind < 0.75:
            order = self._albums()
        else:
            order = self._playlist()
        for track in order:
            yield track
            if self._chance.random() < 1 / 13:
                return

    def _albums(self) -> Iterator[int]:
        while True:
            track = self._catalogue.popular()
            first = track - track % ALBUM_TRACKS
            yield from range(first, min(first + ALBUM_TRACKS, len(self._catalogue)))

    def _playlist(self) -> Iterator[int]:
        # The square prefers the first ones: few playlists are shared by many.
        number = int(self._chance.random() ** 2 * len(self._playlists))
        start = self._chance.randrange(PLAYLIST_TRACKS)
        while True:
            yield from self._playlists[number][start:]
            start = 0

    def _rendition(self) -> int:
        drawn = self._chance.random()
        for number, (_, share) in enumerate(RENDITIONS):
            drawn -= share
            if drawn < 0:
                return number
        return len(RENDITIONS) - 1

    def _heard_s(self, duration_s: float) -> float:
        drawn = self._chance.random()
        if drawn < 0.2414:
            return self._chance.uniform(0, 5)
        if drawn < 0.3505:
            return self._chance.uniform(5, 30)
        if drawn < 0.486:
            return self._chance.uniform(30, duration_s)
        return duration_s

    def _play(
        self, track: int, rendition: int, begin_s: float, heard_s: float
    ) -> Iterator[Request]:
        """The slices of what is heard, each when the player comes to it."""
        per_s = self._catalogue.bytes_per_s(track, rendition)
        length = int(self._catalogue.duration_s(track) * per_s)
        wanted = min(length, int((heard_s + AHEAD_S) * per_s))
        step = SLICE_BYTES
        if self._habits.segment_s is not None:
            step = max(1, int(self._habits.segment_s * per_s))
        for start in range(0, wanted, step):
            time_s = begin_s + max(0.0, start / per_s - AHEAD_S)
            last = min(start + step, length) - 1
            for number in range(start // SLICE_BYTES, last // SLICE_BYTES + 1):
                yield Request(time_s, *_slice_of(track, rendition, number, length))


def requests_of(habits: Habits) -> Iterator[Request]:
    """All requests in the order of their times. Memory is held for sessions under way only."""
    chance = Random(habits.seed)
    catalogue = Catalogue(habits, chance)
    listeners = _Listeners(habits, catalogue, chance)
    sources: list[Iterator[Request]] = []
    if habits.scanned_tracks:
        span_s = habits.sessions / habits.sessions_per_hour * HOUR_S
        sources.append(_scan(habits, catalogue, span_s / 3))
    merged = _merged(_begins(habits, catalogue, chance), listeners, sources)
    return _with_probes(merged, habits) if habits.probe_share else merged


def _begins(habits: Habits, catalogue: Catalogue, chance: Random) -> Iterator[float]:
    """When sessions begin. Popularity moves with the hours."""
    now_s, next_churn_s = 0.0, HOUR_S
    for _ in range(habits.sessions):
        now_s += chance.expovariate(habits.sessions_per_hour / HOUR_S)
        while now_s > next_churn_s:
            next_churn_s += HOUR_S
            for _ in range(habits.churned_per_hour):
                catalogue.churn()
        yield now_s


def _merged(
    begins: Iterator[float], listeners: _Listeners, sources: list[Iterator[Request]]
) -> Iterator[Request]:
    """Sessions side by side, each entered when it begins."""
    waiting = [
        (request, number, source)
        for number, source in enumerate(sources)
        for request in (next(source),)
    ]
    for number, begin_s in enumerate(chain(begins, (float("inf"),)), start=len(sources)):
        while waiting and waiting[0][0].time_s < begin_s:
            request, rank, source = waiting[0]
            yield request
            following = next(source, None)
            if following is None:
                heapq.heappop(waiting)
            else:
                heapq.heapreplace(waiting, (following, rank, source))
        if begin_s < float("inf"):
            session = listeners.session(begin_s)
            heapq.heappush(waiting, (next(session), number, session))


def _scan(habits: Habits, catalogue: Catalogue, begin_s: float) -> Iterator[Request]:
    """Somebody takes whole tracks, one after the other, without listening."""
    for track in range(min(habits.scanned_tracks, len(catalogue))):
        length = int(catalogue.duration_s(track) * catalogue.bytes_per_s(track, 2))
        for number in range(-(-length // SLICE_BYTES)):
            time_s = begin_s + track / habits.scan_tracks_per_s
            yield Request(time_s, *_slice_of(track, 2, number, length))


def _with_probes(requests: Iterator[Request], habits: Habits) -> Iterator[Request]:
    """Probes between the requests, which stay the same."""
    chance = Random(habits.seed)
    probe = PROBES_FROM
    for request in requests:
        while chance.random() < habits.probe_share:
            yield Request(request.time_s, probe, habits.probe_bytes)
            probe += 1
        yield request


def _slice_of(track: int, rendition: int, number: int, length: int) -> tuple[int, int]:
    """Id and size of a slice of a file of `length` bytes."""
    file = track << _RENDITION_BITS | rendition
    return file << _SLICE_BITS | number, min(SLICE_BYTES, length - number * SLICE_BYTES)


def _clipped(duration_s: float) -> float:
    return min(900.0, max(45.0, duration_s))
