"""The fast lane: hits in memory and in files, answered before there is a request object or a task.

It answers exactly as the ordinary road would, only earlier. Whatever it cannot answer so is left to
that road: other methods, conditions, several ranges, what is stale, what is not here whole, tokens
whose signature has to be verified. Nothing is noted of a request that is left.

Each step of it is counted in tenths of a microsecond: tuples rather than objects, bytes that are
searched rather than parsed, and nothing made that could be kept.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from drm.tokens import TokenPath, TokenVerifier
from edge.access_log import AccessLog
from edge.answers import representation_fields
from edge.disk.verified_files import VerifiedFile
from edge.fields import BITRATE_FIELD
from edge.hit_head import Head, HitHead, HitTimes, timing_of
from edge.hit_line import hit_line, moment_of_hit_lines
from edge.metrics import HitCounts
from edge.origin_budget import OriginBudget
from edge.plain_requests import Bounds, PlainRequests
from edge.representation import Representation
from edge.slices import SliceStore
from edge.stored_slice import Piece, StoredSlice
from edge.target import TOKEN_PREFIX
from edge.upstream_answers import LengthLimits

# What is sent in one go, in slices: a listener who takes it slowly pins it meanwhile.
_SLICES_MAX: Final = 5


Hit = tuple[
    Representation, HitHead, tuple[int, int], float, list[Piece], Bounds | None, bool, str, bool
]
"""What is to be sent, and what is noted of it: the stored response, its head, the bytes
`[start, stop)` of it, its age in seconds, these bytes, the range as it was asked for, whether it is
a HEAD, the session, and whether the token came in the path.
"""


@dataclass(frozen=True, slots=True)
class LaneParts:
    """What the lane stands on.

    Attributes:
        store: the memory tier.
        verifier: remembers tokens; None where tokens are not checked.
        lengths: longer representations are sent in parts only.
        budget: of what clients make the edge fetch.
        counts: of this worker.
        log: of requests.
        is_paced: long answers are sent no quicker than they are listened to.
        clock: seconds since the epoch.
    """

    store: SliceStore
    verifier: TokenVerifier | None
    lengths: LengthLimits
    budget: OriginBudget
    counts: HitCounts
    log: AccessLog
    is_paced: bool
    clock: Callable[[], float]


class Lane:
    """Answers hits in memory and in files.

    Args:
        parts: what it stands on.
    """

    __slots__ = (
        "_budget",
        "_clock",
        "_counts",
        "_is_paced",
        "_is_token_checked",
        "_lengths",
        "_log",
        "_requests",
        "_store",
        "_verifier",
    )

    def __init__(self, parts: LaneParts) -> None:
        self._store = parts.store
        self._verifier = parts.verifier
        self._is_token_checked = parts.verifier is not None
        self._requests = PlainRequests(is_token_checked=self._is_token_checked)
        self._lengths = parts.lengths
        self._budget = parts.budget
        self._counts = parts.counts
        self._log = parts.log
        self._is_paced = parts.is_paced
        self._clock = parts.clock

    @property
    def arena_fd(self) -> int:
        """Of the file that content may stand in; see `edge.slices`."""
        return self._store.arena_fd

    def now_s(self) -> float:
        """Seconds since the epoch."""
        return self._clock()

    def find(self, data: bytes, client: str, now_s: float) -> Hit | None:
        """What answers what has arrived, if that is one plain request for what is here.

        Args:
            data: what has arrived since the last request.
            client: address of the client.
            now_s: seconds since the epoch.

        Returns:
            None if it takes the ordinary road. Nothing is noted yet in either case.
        """
        request = self._requests.read(data)
        if request is None:
            return None
        is_head, target, token, bounds = request
        is_token_in_path = self._is_token_checked and target.startswith(TOKEN_PREFIX)
        if is_token_in_path:
            end = target.find("/", len(TOKEN_PREFIX))
            if end < 0 or token:
                return None
            token, target = target[len(TOKEN_PREFIX) : end], target[end:]
        # What is stored has been asked for in this way before, so the target is acceptable, and
        # not one that goes to drm.
        found = self._store.only_current(target)
        head = None if found is None else found.hit_head or self._make_head(found)
        if found is None or head is None or found.is_purged_softly:
            return None
        session = self._session(token, head.path, client, now_s, is_token_in_path)
        age_s = head.fresh_age_s(now_s)
        place = head.place_of(bounds, is_head=is_head)
        if session is None or age_s is None or place is None:
            return None
        pieces = [] if is_head else self._pieces(found, head, place)
        if pieces is None:
            return None
        return found, head, place, age_s, pieces, bounds, is_head, session, is_token_in_path

    def heads(self, hits: Iterable[Hit], edge_s: float) -> list[Head]:
        """The heads of answers that are sent now, `edge_s` seconds after their requests came."""
        timing = timing_of(edge_s)
        return [
            head.whole(age_s, timing) if bounds is None else head.part(place, age_s, timing)
            for _, head, place, age_s, _, bounds, _, _, _ in hits
        ]

    def note(
        self, clients: Sequence[str], hits: Sequence[Hit], now_s: float, edge_s: float
    ) -> None:
        """Count and log answers that were sent, each to the address of its client."""
        content_bytes = 0
        store, log = self._store, self._log
        budget = self._budget or None  # It may hold nothing against anybody.
        moment = moment_of_hit_lines(log.stamp(now_s), edge_s) if log.is_on else None
        lines: list[str] = []
        for client, hit in zip(clients, hits, strict=True):
            found, head, (start, stop), _, pieces, bounds, is_head, session, is_token_in_path = hit
            length = stop - start if pieces else 0
            content_bytes += length
            found.requests += 1
            store.note_hit(found, pieces)
            if budget is not None:
                budget.note_sent(session or client, length)
            if moment is not None:
                path = head.shown_behind_token if is_token_in_path else head.shown
                lines.append(hit_line(moment, is_head, path, bounds, length, (client, session)))
        if lines:  # As one text: kept one by one, they would be cold when they are written.
            log.note("".join(lines))
        self._counts.note(len(hits), content_bytes, edge_s)

    def _session(
        self,
        token: str,
        path: TokenPath,
        client: str,
        now_s: float,
        is_token_in_path: bool,  # noqa: FBT001
    ) -> str | None:
        """The session of a token that is known to open a path; empty where none is needed."""
        verifier = self._verifier
        if verifier is None:
            return ""
        claims = verifier.recall(token, now_s)
        if claims is None or (is_token_in_path and not claims.is_path_bound):
            return None
        if not claims.allows_read(path):
            return None
        if claims.network is not None and not claims.allows_client(client):
            return None
        return claims.session

    def _pieces(
        self, found: Representation, head: HitHead, place: tuple[int, int]
    ) -> list[Piece] | None:
        """Bytes `[start, stop)`, if all of them are here; a whole lot of them is not for here."""
        start, stop = place
        size = found.slice_bytes
        kept = self._store.kept(found)
        number, begin = divmod(start, size)
        end = stop - number * size
        if end > head.run_bytes_max:
            return None
        pieces: list[Piece] = []
        while True:
            stored: StoredSlice | VerifiedFile | None = kept.get(number)
            last = end if end < size else size  # noqa: FURB136 - a call costs three times as much
            if stored is None or (isinstance(stored, StoredSlice) and stored.spans is not None):
                stored = self._store.files.find(found, number, begin, last)
                if stored is None:
                    return None
            pieces.append((stored, begin, last))
            if last == end:
                return pieces
            number, begin, end = number + 1, 0, end - size

    def _make_head(self, found: Representation) -> HitHead | None:
        """Make what answers from a stored response have in common; None if they differ."""
        length = found.complete_length
        if found.status != 200 or not length or found.selecting.names or found.policy.is_no_cache:
            return None
        fields = representation_fields(found, has_cors=self._is_token_checked)
        if not all(name.isascii() and value.isascii() for name, value in fields.items()):
            return None
        response_s = found.times.response_s
        times = HitTimes(response_s, found.age_s(now_s=response_s), found.policy.lifetime_s)
        limit = self._lengths.of(has_strong_validator=found.has_strong_validator)
        path = found.target.partition("?")[0]
        head = HitHead(path, fields, length, times, is_whole_sent=length <= limit)
        is_paced = self._is_paced and BITRATE_FIELD in found.fields
        head.run_bytes_max = found.slice_bytes * (1 if is_paced else _SLICES_MAX)
        found.hit_head = head
        return head
