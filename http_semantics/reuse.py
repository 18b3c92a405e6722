"""Whether a stored response may answer a request: RFC 9111 sections 4.2.4 and 5.2.1, RFC 5861."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import Final, Self

from multidict import MultiMapping

from http_semantics.cache_control import delta_seconds, parse_directives
from http_semantics.storing import ReusePolicy

# Answers that count as a failure of the origin: RFC 5861 section 4.
ERROR_STATUSES: Final = frozenset({500, 502, 503, 504})


class Reuse(StrEnum):
    """What to do with a stored response that matches a request."""

    FRESH = "fresh"  # Send it.
    STALE_WHILE_REVALIDATE = "stale-while-revalidate"  # Send it, and validate it meanwhile.
    STALE = "stale"  # Send it: the client takes it as it is.
    VALIDATE = "validate"  # Ask the origin first.


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """What a request says of the responses that it accepts.

    Attributes:
        max_age_s: oldest response wanted.
        max_stale_s: how long it may have been stale; 0 if no word was said of it.
        min_fresh_s: how long it has to stay fresh.
        is_no_cache: it has to be validated.
        is_no_store: the response is not to be stored.
        is_only_if_cached: no request is to be made for it; what is not stored is answered 504.
        stale_if_error_s: how long it may have been stale if it cannot be validated.
    """

    max_age_s: float = inf
    max_stale_s: float = 0.0
    min_fresh_s: float = 0.0
    is_no_cache: bool = False
    is_no_store: bool = False
    is_only_if_cached: bool = False
    stale_if_error_s: float = 0.0

    @classmethod
    def from_fields(cls, get: Callable[[str], str | None]) -> Self:
        """Read what a request says, whose field values `get` returns with their lines joined."""
        value = get("Cache-Control")
        # `Pragma` counts only for who does not know `Cache-Control`: section 5.4.
        directives = parse_directives((get("Pragma") or "") if value is None else value)
        if value is None:
            return cls(is_no_cache="no-cache" in directives)
        max_age_s = delta_seconds(directives, "max-age")
        has_any_stale = "max-stale" in directives and directives["max-stale"] is None
        return cls(
            max_age_s=inf if max_age_s is None else max_age_s,
            max_stale_s=inf if has_any_stale else delta_seconds(directives, "max-stale") or 0,
            min_fresh_s=delta_seconds(directives, "min-fresh") or 0,
            is_no_cache="no-cache" in directives,
            is_no_store="no-store" in directives,
            is_only_if_cached="only-if-cached" in directives,
            stale_if_error_s=delta_seconds(directives, "stale-if-error") or 0,
        )


UNLIMITED: Final = RequestLimits()


def read_limits(headers: MultiMapping[str]) -> RequestLimits:
    """Read what a request says of the responses that it accepts; most say nothing."""
    if "Cache-Control" not in headers and "Pragma" not in headers:
        return UNLIMITED
    return RequestLimits.from_fields(
        lambda name: ", ".join(headers.getall(name)) if name in headers else None
    )


def decide(
    policy: ReusePolicy, limits: RequestLimits, *, age_s: float, is_purged_softly: bool = False
) -> Reuse:
    """Decide whether a stored response may be sent.

    Args:
        policy: of the stored response.
        limits: of the request.
        age_s: current age of the stored response.
        is_purged_softly: it has to be validated, fresh or not.
    """
    if policy.is_no_cache or limits.is_no_cache or is_purged_softly:
        return Reuse.VALIDATE
    left_s = policy.lifetime_s - age_s
    is_fresh = left_s > 0
    # A reload asks for what cannot have changed: RFC 8246 section 2.
    is_too_old = age_s > limits.max_age_s and not (policy.is_immutable and is_fresh)
    if is_too_old or limits.min_fresh_s > max(0.0, left_s):
        return Reuse.VALIDATE
    if is_fresh:
        return Reuse.FRESH
    return _decide_stale(policy, limits, stale_s=-left_s)


def may_answer_error(
    policy: ReusePolicy,
    limits: RequestLimits,
    *,
    age_s: float,
    is_disconnected: bool,
    disconnected_max_s: float = 0.0,
    is_purged_softly: bool = False,
) -> bool:
    """Whether a stored response may be sent because it could not be validated.

    To be asked when the origin answered with one of `ERROR_STATUSES`, or not at all.

    Args:
        policy: of the stored response.
        limits: of the request.
        age_s: current age of the stored response.
        is_disconnected: no answer came: refused, reset, or too late. Then no permission is needed
            (RFC 9111 section 4.2.4).
        disconnected_max_s: how long a response may have been stale that is sent so.
        is_purged_softly: it counts as stale, whatever its age.
    """
    if not policy.may_be_stale or limits.is_no_cache:
        return False
    stale_s = age_s - policy.lifetime_s
    allowed_s = max(policy.stale_if_error_s, limits.stale_if_error_s)
    if is_disconnected:
        allowed_s = max(allowed_s, disconnected_max_s)
    is_fresh = stale_s < 0 and not is_purged_softly
    return is_fresh or (allowed_s > 0 and stale_s <= allowed_s)


def _decide_stale(policy: ReusePolicy, limits: RequestLimits, *, stale_s: float) -> Reuse:
    if not policy.may_be_stale:
        return Reuse.VALIDATE
    is_accepted = limits.max_stale_s > 0 and stale_s <= limits.max_stale_s
    # A client that names a highest age wants nothing stale, unless it says so: section 5.2.1.1.
    is_silent = limits.max_stale_s == 0 and limits.max_age_s == inf
    is_permitted = policy.stale_while_revalidate_s > 0 and (is_accepted or is_silent)
    if is_permitted and stale_s <= policy.stale_while_revalidate_s:
        return Reuse.STALE_WHILE_REVALIDATE
    return Reuse.STALE if is_accepted else Reuse.VALIDATE
