"""The fast lane: hits in memory, answered before there is a request object or a task.

It answers exactly as the ordinary road would, only earlier. Whatever it cannot answer so is left to
that road: other methods, conditions, several ranges, what is stale, what is not here whole, tokens
whose signature has to be verified. Nothing is noted of a request that is left.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from drm.tokens import TokenVerifier
from edge.access_log import AccessLog
from edge.answers import representation_fields
from edge.hit_head import HitHead, HitTimes
from edge.lane_request import PlainRequest, PlainRequests
from edge.metrics import CacheResult, HitCounts
from edge.origin_budget import OriginBudget
from edge.representation import Representation
from edge.slices import SliceStore
from edge.stored_slice import Piece
from edge.target import TOKEN_MASK, TOKEN_PREFIX
from edge.upstream_answers import LengthLimits

_HIT: Final = str(CacheResult.HIT)

# What is sent in one go, in slices: a listener who takes it slowly pins it meanwhile.
_SLICES_MAX: Final = 5


class HitSender(Protocol):
    """A connection at a message boundary, with nothing left to send."""

    def send_hit(self, head: bytes, pieces: list[Piece]) -> None:
        """Send an answer."""
        ...


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
        clock: seconds since the epoch.
        monotonic: seconds.
    """

    store: SliceStore
    verifier: TokenVerifier | None
    lengths: LengthLimits
    budget: OriginBudget
    counts: HitCounts
    log: AccessLog
    clock: Callable[[], float]
    monotonic: Callable[[], float]


class Lane:
    """Answers hits in memory.

    Args:
        parts: what it stands on.
    """

    __slots__ = (
        "_budget",
        "_clock",
        "_counts",
        "_is_token_checked",
        "_lengths",
        "_log",
        "_monotonic",
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
        self._clock = parts.clock
        self._monotonic = parts.monotonic

    def answer(self, data: bytes, connection: HitSender, client: str) -> bool:  # noqa: PLR0911
        """Answer what has arrived, if that is one plain request for what is here.

        Args:
            data: what has arrived since the last request.
            connection: where it arrived.
            client: address of the client.

        Returns:
            Whether it was answered. If not, nothing has happened.
        """
        started_s = self._monotonic()
        request = self._requests.read(data)
        if request is None:
            return False
        now_s = self._clock()
        target, payer = request.target, client
        if self._verifier is not None:
            admitted = self._admit(self._verifier, request, client, now_s)
            if admitted is None:
                return False
            target, payer = admitted
        # What is stored has been asked for in this way before, so the target is acceptable, and
        # not one that goes to drm.
        found = self._store.only_current(target)
        if found is None or found.is_purged_softly:
            return False
        head = found.hit_head or self._make_head(found)
        if head is None:
            return False
        age_s = head.fresh_age_s(now_s)
        place = head.place_of(request.bounds, is_head=request.is_head)
        if age_s is None or place is None:
            return False
        pieces = [] if request.is_head else self._pieces(found, *place)
        if pieces is None:
            return False
        edge_s = self._monotonic() - started_s
        is_part = request.bounds is not None
        told = head.text(place if is_part else None, age_s=age_s, edge_ms=edge_s * 1e3)
        connection.send_hit(told, pieces)
        found.requests += 1
        self._store.note_hit(found, pieces)
        content_bytes = place[1] - place[0] if pieces else 0
        self._budget.note_sent(payer, content_bytes)
        self._counts.note(content_bytes, edge_s)
        if self._log.is_on:
            session = None if self._verifier is None else payer
            self._note(request, target, content_bytes, (client, session), (now_s, edge_s))
        return True

    def _note(
        self,
        request: PlainRequest,
        target: str,
        content_bytes: int,
        listener: tuple[str, str | None],
        times: tuple[float, float],
    ) -> None:
        is_head, asked, _, bounds = request
        path = target.partition("?")[0] if "?" in target else target
        if target is not asked:
            path = TOKEN_MASK + path
        range_field = None if bounds is None else f"bytes={bounds[0].decode()}-{bounds[1].decode()}"
        now_s, edge_s = times
        client, session = listener
        self._log.note(
            (
                now_s + edge_s,
                "HEAD" if is_head else "GET",
                path,
                200 if bounds is None else 206,
                _HIT,
                content_bytes,
                edge_s,
                edge_s,
                client,
                session,
                None,
                False,
                None,
                range_field,
                0,
            )
        )

    def _admit(
        self, verifier: TokenVerifier, request: PlainRequest, client: str, now_s: float
    ) -> tuple[str, str] | None:
        """The target without a token in it, and the session; None unless a known token opens it."""
        target, token = request.target, request.token
        is_in_path = target.startswith(TOKEN_PREFIX)
        if is_in_path:
            end = target.find("/", len(TOKEN_PREFIX))
            if end < 0 or token:
                return None
            token, target = target[len(TOKEN_PREFIX) : end], target[end:]
        claims = verifier.recall(token, now_s=now_s)
        if claims is None or (is_in_path and not claims.is_path_bound):
            return None
        path = target.partition("?")[0] if "?" in target else target
        if not claims.allows(path) or not claims.allows_client(client):
            return None
        return target, claims.session

    def _pieces(self, found: Representation, start: int, stop: int) -> list[Piece] | None:
        """Bytes `[start, stop)`, if all of them are here; a whole lot of them is not for here."""
        size = found.slice_bytes
        first, last = start // size, (stop - 1) // size
        if last - first >= _SLICES_MAX:
            return None
        kept = self._store.kept(found)
        pieces: list[Piece] = []
        for number in range(first, last + 1):
            stored = kept.get(number)
            if stored is None or stored.spans is not None:
                return None
            offset = number * size
            begin, end = start - offset, stop - offset
            pieces.append((stored, max(0, begin), min(size, end)))
        return pieces

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
        found.hit_head = HitHead(fields, length, times, is_whole_sent=length <= limit)
        return found.hit_head
