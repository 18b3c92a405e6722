"""A small shared cache made of this package's functions, to judge them together. For tests alone.

It keeps everything, evicts nothing and answers one request at a time.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from multidict import CIMultiDict

from http_semantics.byte_range import (
    ByteSlice,
    RangeSpec,
    parse_content_range,
    parse_range,
    resolve,
    unsatisfied_range,
)
from http_semantics.cache_control import parse_directives
from http_semantics.cache_status import CacheStatus, Forward
from http_semantics.freshness import ResponseTimes, current_age_s
from http_semantics.hop_by_hop import end_to_end_fields
from http_semantics.http_date import format_http_date
from http_semantics.interim import is_passed_on
from http_semantics.invalidation import invalidated_groups, invalidated_targets
from http_semantics.multipart import coalesce, lay_out
from http_semantics.preconditions import (
    CONDITIONAL_FIELDS,
    Preconditions,
    Validators,
    Verdict,
    does_range_apply,
    evaluate_at_cache,
)
from http_semantics.reuse import (
    ERROR_STATUSES,
    RequestLimits,
    Reuse,
    decide,
    may_answer_error,
    read_limits,
)
from http_semantics.storing import (
    Candidate,
    ReusePolicy,
    effective_directives,
    policy_of,
    why_not_storable,
)
from http_semantics.structured_field import strings_of
from http_semantics.targeted_field import CDN_CACHE_CONTROL
from http_semantics.updating import HeadUpdate, freshened_fields, head_update, is_confirmed
from http_semantics.vary import Selecting, choose, selecting_of

ORIGIN: Final = "http://origin.test"
NAME: Final = "model"
TARGETS: Final = (CDN_CACHE_CONTROL,)
DISCONNECTED_MAX_S: Final = 600.0

# Said anew with each answer.
_NOT_KEPT: Final = frozenset({"age", "content-length", "content-range", "cache-status"})


@dataclass(frozen=True, slots=True)
class Request:
    """A request."""

    method: str
    target: str
    fields: CIMultiDict[str]


@dataclass(frozen=True, slots=True)
class Response:
    """A response; its content is incomplete if the connection broke."""

    status: int
    fields: CIMultiDict[str]
    content: bytes = b""
    is_complete: bool = True
    interim: tuple[int, ...] = ()


@dataclass(slots=True)
class Stored:
    """A stored response, whole or in parts."""

    status: int
    fields: CIMultiDict[str]
    policy: ReusePolicy
    times: ResponseTimes
    selecting: Selecting
    complete_length: int
    content: bytearray
    parts: list[ByteSlice] = field(default_factory=list)
    is_stale: bool = False

    def age_s(self, now_s: float) -> float:
        """Its current age."""
        return current_age_s(self.times, now_s=now_s)

    def add(self, part: ByteSlice, content: bytes) -> None:
        """Keep some of its bytes."""
        self.content[part.start : part.stop] = content
        self.parts = sorted([*self.parts, part], key=lambda one: one.start)

    def holds(self, wanted: ByteSlice) -> bool:
        """Whether all bytes of a range are here."""
        position = wanted.start
        for part in self.parts:
            if part.start <= position < part.stop:
                position = part.stop
        return position >= wanted.stop

    @property
    def is_whole(self) -> bool:
        """Whether all of its content is here."""
        return not self.complete_length or self.holds(ByteSlice(0, self.complete_length))

    def validators(self, now_s: float) -> Validators:
        """Its validators."""
        return Validators.from_fields(self.fields.get, now_s=now_s)


Upstream = Callable[[Request], Response | None]
Clock = Callable[[], float]


class ModelCache:
    """A cache before one origin.

    Args:
        upstream: asks the origin; None stands for no answer.
        clock: seconds since the epoch.
    """

    def __init__(self, upstream: Upstream, clock: Clock) -> None:
        self._upstream = upstream
        self._clock = clock
        self._stored: dict[str, list[Stored]] = {}

    def handle(self, request: Request) -> Response:
        """Answer a request."""
        if request.method not in {"GET", "HEAD"}:
            return self._write_through(request)
        limits = read_limits(request.fields)
        stored = self._choose(request)
        if stored is None:
            if limits.is_only_if_cached:
                return _gateway_timeout()
            missed = Forward.VARY_MISS if self._stored.get(request.target) else Forward.URI_MISS
            return self._fetch(request, missed)
        answer = self._reuse(request, stored, limits)
        if answer is not None:
            return answer
        return (
            _gateway_timeout()
            if limits.is_only_if_cached
            else self._refresh(request, stored, limits)
        )

    def _choose(self, request: Request) -> Stored | None:
        stored = self._stored.get(request.target, [])
        place = choose([(one.selecting, one.times.date_s) for one in stored], request.fields)
        return None if place is None else stored[place]

    def _reuse(self, request: Request, stored: Stored, limits: RequestLimits) -> Response | None:
        """An answer without asking first; None if that is not allowed."""
        now_s = self._clock()
        reuse = decide(
            stored.policy, limits, age_s=stored.age_s(now_s), is_purged_softly=stored.is_stale
        )
        if reuse is Reuse.VALIDATE:
            return None
        answer = self._answer(request, stored)
        if answer is not None and reuse is Reuse.STALE_WHILE_REVALIDATE:
            self._validate(request, stored)
        return answer

    def _refresh(self, request: Request, stored: Stored, limits: RequestLimits) -> Response:
        """Ask the origin about what is stored."""
        if request.method == "HEAD":
            return self._head(request, stored, limits)
        needs_it = self._answer(request, stored) is not None
        received, fresh = self._validate(request, stored) if needs_it else self._ask(request)
        if received is None or received.status in ERROR_STATUSES:
            return self._on_error(request, stored, limits, received)
        if received.status == 304 and needs_it:
            status = CacheStatus(NAME, Forward.STALE, 304, is_stored=True)
            answer = None if fresh is None else self._answer(request, fresh, status)
            return self._fetch(request, Forward.STALE) if answer is None else answer
        return self._received(request, received, fresh, Forward.STALE)

    def _on_error(
        self, request: Request, stored: Stored, limits: RequestLimits, received: Response | None
    ) -> Response:
        may = may_answer_error(
            stored.policy,
            limits,
            age_s=stored.age_s(self._clock()),
            is_disconnected=received is None,
            disconnected_max_s=DISCONNECTED_MAX_S,
        )
        answer = self._answer(request, stored) if may else None
        if answer is not None:
            return answer
        return _gateway_timeout() if received is None else _forwarded(received, Forward.STALE)

    def _head(self, request: Request, stored: Stored, limits: RequestLimits) -> Response:
        received, _ = self._ask(request)
        if received is None or received.status in ERROR_STATUSES:
            return self._on_error(request, stored, limits, received)
        match head_update(
            stored.fields,
            received.fields,
            status=received.status,
            complete_length=stored.complete_length,
        ):
            case HeadUpdate.FRESHEN:
                self._freshen(stored, received)
                answer = self._answer(request, stored)
                assert answer is not None
                return answer
            case HeadUpdate.INVALIDATE:
                stored.is_stale = True
            case HeadUpdate.NOTHING:
                pass
        return _forwarded(received, Forward.STALE)

    def _fetch(self, request: Request, forward: Forward) -> Response:
        received, fresh = self._ask(request)
        if received is None:
            return _gateway_timeout()
        return self._received(request, received, fresh, forward)

    def _received(
        self, request: Request, received: Response, fresh: Stored | None, forward: Forward
    ) -> Response:
        """Answer with what the origin has sent."""
        status = CacheStatus(NAME, forward, is_stored=fresh is not None)
        if fresh is not None and received.is_complete and received.status != 206:
            answer = self._answer(request, fresh, status)
            if answer is not None:
                return replace(answer, interim=received.interim)
        return _forwarded(received, forward, is_stored=fresh is not None)

    def _validate(self, request: Request, stored: Stored) -> tuple[Response | None, Stored | None]:
        fields = request.fields.copy()
        for name in (*CONDITIONAL_FIELDS, "Range"):
            fields.popall(name, None)
        if "ETag" in stored.fields:
            fields["If-None-Match"] = stored.fields["ETag"]
        if "Last-Modified" in stored.fields:
            fields["If-Modified-Since"] = stored.fields["Last-Modified"]
        return self._ask(Request("GET", request.target, fields), stored)

    def _ask(
        self, request: Request, stale: Stored | None = None
    ) -> tuple[Response | None, Stored | None]:
        """Ask the origin, and store what it says."""
        request_s = self._clock()
        received = self._upstream(request)
        if received is None:
            return None, None
        if "Date" not in received.fields:
            received.fields["Date"] = format_http_date(self._clock())
        if received.status == 304 and stale is not None:
            if not is_confirmed(stale.fields, received.fields):
                self._stored[request.target].remove(stale)
                return received, None
            self._freshen(stale, received, request_s)
            return received, stale
        return received, self._store(request, received, request_s)

    def _freshen(self, stored: Stored, received: Response, request_s: float | None = None) -> None:
        now_s = self._clock()
        stored.times = ResponseTimes.from_fields(
            received.fields.get,
            request_s=now_s if request_s is None else request_s,
            response_s=now_s,
        )
        policy = policy_of(
            received.fields, status=stored.status, times=stored.times, targets=TARGETS
        )
        stored.fields = freshened_fields(
            stored.fields, received.fields, dropped=policy.dropped_fields | _NOT_KEPT
        )
        stored.policy = policy_of(
            stored.fields, status=stored.status, times=stored.times, targets=TARGETS
        )
        stored.is_stale = False
        if "no-store" in effective_directives(stored.fields, targets=TARGETS)[0]:
            stored.is_stale = True

    def _store(self, request: Request, received: Response, request_s: float) -> Stored | None:
        now_s = self._clock()
        times = ResponseTimes.from_fields(
            received.fields.get, request_s=request_s, response_s=now_s
        )
        policy = policy_of(received.fields, status=received.status, times=times, targets=TARGETS)
        directives, _ = effective_directives(received.fields, targets=TARGETS)
        vary = ", ".join(received.fields.getall("Vary", ()))
        selecting = selecting_of(vary, request.fields)
        refusal = why_not_storable(
            Candidate(
                status=received.status,
                fields=received.fields,
                policy=policy,
                directives=directives,
                selecting=selecting,
                method=request.method,
                target_uri=ORIGIN + request.target,
                is_request_authorized="Authorization" in request.fields,
                request_directives=parse_directives(
                    ", ".join(request.fields.getall("Cache-Control", ()))
                ),
                is_cookie_storable=True,
            )
        )
        if refusal is not None or selecting is None:
            return None
        return self._keep(request.target, received, policy, times, selecting)

    def _keep(
        self,
        target: str,
        received: Response,
        policy: ReusePolicy,
        times: ResponseTimes,
        selecting: Selecting,
    ) -> Stored | None:
        part, complete_length = _extent(received)
        if complete_length is None:
            return None
        fields = end_to_end_fields(received.fields, without=policy.dropped_fields | _NOT_KEPT)
        kept = self._stored.setdefault(target, [])
        same = [one for one in kept if one.selecting == selecting]
        stored = Stored(
            200 if received.status == 206 else received.status,
            fields,
            policy,
            times,
            selecting,
            complete_length,
            bytearray(complete_length),
        )
        for old in same:
            kept.remove(old)
            if received.status == 206 and _is_same_version(old, stored, times.response_s):
                stored.fields = freshened_fields(old.fields, fields)
                stored.content, stored.parts = old.content, old.parts
        if part is not None:
            stored.add(part, received.content)
        kept.append(stored)
        return stored

    def _write_through(self, request: Request) -> Response:
        received, fresh = self._ask(request)
        if received is None:
            return _gateway_timeout()
        arguments = (request.method, received.status)
        targets = invalidated_targets(*arguments, ORIGIN + request.target, received.fields)
        for target in targets:
            kept = self._stored.get(target, [])
            kept[:] = [one for one in kept if one is fresh]
        groups = invalidated_groups(*arguments, received.fields)
        for kept in self._stored.values():
            kept[:] = [one for one in kept if not groups & _groups(one)]
        return _forwarded(received, Forward.METHOD, is_stored=fresh is not None)

    def _answer(
        self, request: Request, stored: Stored, status: CacheStatus | None = None
    ) -> Response | None:
        """An answer made of what is stored; None if it does not hold what is asked for."""
        now_s = self._clock()
        age_s = stored.age_s(now_s)
        status = replace(status or CacheStatus(NAME), ttl_s=int(stored.policy.lifetime_s - age_s))
        fields = stored.fields.copy()
        fields["Age"] = str(int(age_s))
        fields["Cache-Status"] = status.appended_to(None)
        if stored.status == 200:
            verdict = evaluate_at_cache(
                Preconditions.from_fields(request.fields.get),
                stored.validators(now_s),
                now_s=now_s,
                received_s=stored.times.response_s,
            )
            if verdict is Verdict.NOT_MODIFIED:
                return Response(304, fields)
            specs = self._wanted(request, stored)
            if specs is not None:
                return _parts(stored, fields, resolve(specs, stored.complete_length))
        if not stored.is_whole:
            return None
        fields["Content-Length"] = str(stored.complete_length)
        content = b"" if request.method == "HEAD" else bytes(stored.content)
        return Response(stored.status, fields, content)

    def _wanted(self, request: Request, stored: Stored) -> tuple[RangeSpec, ...] | None:
        now_s = self._clock()
        if request.method != "GET" or "Range" not in request.fields:
            return None
        validators = stored.validators(now_s)
        if not does_range_apply(request.fields.get("If-Range"), validators, now_s=now_s):
            return None
        return parse_range(request.fields["Range"])


def _parts(
    stored: Stored, fields: CIMultiDict[str], slices: tuple[ByteSlice, ...]
) -> Response | None:
    if not slices:
        return Response(
            416, CIMultiDict({"Content-Range": unsatisfied_range(stored.complete_length)})
        )
    slices = coalesce(slices)
    if not all(map(stored.holds, slices)):
        return None
    contents = [bytes(stored.content[part.start : part.stop]) for part in slices]
    if len(slices) == 1:
        fields["Content-Range"] = slices[0].content_range(stored.complete_length)
        return Response(206, fields, contents[0])
    layout = lay_out(
        slices,
        content_type=fields.get("Content-Type"),
        complete_length=stored.complete_length,
        boundary="b",
    )
    fields["Content-Type"] = layout.content_type
    pieces = [piece for pair in zip(layout.heads, contents, strict=True) for piece in pair]
    return Response(206, fields, b"".join(pieces) + layout.tail)


def _extent(received: Response) -> tuple[ByteSlice | None, int | None]:
    """The bytes that a response carries, and the complete length; None if it cannot be told."""
    if received.status == 206:
        given = parse_content_range(received.fields.get("Content-Range", ""))
        if given is None or given.part is None or given.part.length != len(received.content):
            return None, None
        return given.part, given.complete_length
    stop = len(received.content)
    part = ByteSlice(0, stop) if stop else None
    if received.is_complete:
        return part, stop
    length = received.fields.get("Content-Length")
    return part, None if length is None or received.status != 200 else int(length)


def _is_same_version(old: Stored, new: Stored, now_s: float) -> bool:
    tags = old.validators(now_s).entity_tag, new.validators(now_s).entity_tag
    return (
        tags[0] is not None
        and not tags[0].is_weak
        and tags[0] == tags[1]
        and old.complete_length == new.complete_length
    )


def _groups(stored: Stored) -> frozenset[str]:
    return frozenset(strings_of(", ".join(stored.fields.getall("Cache-Groups", ()))) or ())


def _forwarded(received: Response, forward: Forward, *, is_stored: bool = False) -> Response:
    fields = end_to_end_fields(received.fields)
    status = CacheStatus(NAME, forward, is_stored=is_stored)
    fields["Cache-Status"] = status.appended_to(fields.get("Cache-Status"))
    interim = tuple(one for one in received.interim if is_passed_on(one, version=(1, 1)))
    return replace(received, fields=fields, interim=interim)


def _gateway_timeout() -> Response:
    return Response(504, CIMultiDict())
