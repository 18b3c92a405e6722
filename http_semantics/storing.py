"""What a shared cache may store, and on which terms it may reuse it: RFC 9111 sections 3 and 4.2.

The directives may come from a targeted field (RFC 9213) in place of `Cache-Control`. Of what the
standard leaves open: a heuristic lifetime is a tenth of the time since the last modification, with
or without a query in the target (section 4.2.2 says that the old ban is not observed); of
directives in conflict the most restrictive one counts, so `s-maxage` rules out
`stale-while-revalidate`.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from multidict import MultiMapping

from http_semantics.cache_control import (
    NO_DIRECTIVES,
    Directives,
    delta_seconds,
    field_names,
    parse_directives,
)
from http_semantics.entity_tag import parse_entity_tag
from http_semantics.freshness import ResponseTimes
from http_semantics.http_date import parse_http_date
from http_semantics.invalidation import is_same_target
from http_semantics.targeted_field import parse_targeted
from http_semantics.vary import Selecting

HEURISTIC_FRACTION: Final = 0.1
HEURISTIC_MAX_S: Final = 86400.0

# Cacheable although nothing is said of it: RFC 9110 section 15.1.
HEURISTICALLY_CACHEABLE: Final = frozenset(
    {200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501}
)

# Codes whose caching this cache implements: those of RFC 9110 section 15 that ask for nothing
# special, ranges (206), and RFC 7725. Only `must-understand` asks for it.
UNDERSTOOD: Final = frozenset(
    {200, 201, 202, 203, 204, 205, 206, 300, 301, 302, 303, 307, 308}
    | {400, 402, 403, 404, 405, 406, 408, 409, 410, 411, 412, 413, 414, 415, 417, 421, 422, 426}
    | {451, 500, 501, 502, 503, 504, 505}
)

# Never to be stored: RFC 6585 sections 3 to 6, and what is about a stored response or about the
# bytes of one request.
_NEVER_STORED: Final = frozenset({304, 416, 428, 429, 431, 511})

# Any of them lets a shared cache keep the answer to a request with `Authorization`: section 3.5.
_LIFTS_AUTHORIZATION: Final = ("public", "s-maxage", "must-revalidate")

# Any of them forbids to send a stale response: RFC 9111 section 4.2.4.
_FORBIDS_STALE: Final = ("must-revalidate", "proxy-revalidate", "s-maxage")


class Refusal(StrEnum):
    """Why a response is not stored."""

    METHOD = "method"
    STATUS = "status"
    NO_STORE = "no-store"
    PRIVATE = "private"
    AUTHORIZATION = "authorization"
    SET_COOKIE = "set-cookie"
    VARY = "vary"
    NO_FRESHNESS = "no-freshness"


@dataclass(frozen=True, slots=True)
class ReusePolicy:
    """The terms on which a stored response may be used again.

    Attributes:
        lifetime_s: freshness lifetime in a shared cache; 0 for what is to be validated each time.
        is_heuristic: the lifetime is guessed.
        is_no_cache: it is to be validated before each use, fresh or not.
        stale_while_revalidate_s: how long after that it may be sent while it is validated.
        stale_if_error_s: how long after that it may be sent when validation fails.
        may_be_stale: whether it may ever be sent stale.
        is_authorization_lifted: it may serve others although its request had `Authorization`.
        is_immutable: it does not change while it is fresh (RFC 8246).
        dropped_fields: names, in lower case, of fields that are not to be stored.
        is_explicit: the origin says how long it is fresh.
    """

    lifetime_s: float
    is_heuristic: bool = False
    is_no_cache: bool = False
    stale_while_revalidate_s: float = 0.0
    stale_if_error_s: float = 0.0
    may_be_stale: bool = True
    is_authorization_lifted: bool = False
    is_immutable: bool = False
    dropped_fields: frozenset[str] = frozenset()
    is_explicit: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A response, with all that decides whether it may be stored.

    Attributes:
        method: of the request.
        target_uri: of the request, absolute; needed for POST only.
        status: of the response.
        fields: of the response, as received.
        directives: those that count, from `effective_directives`.
        policy: of the response, from `policy_of`.
        selecting: from `vary.selecting_of`.
        is_request_authorized: the request that went upstream had `Authorization`.
        request_directives: of that request.
        is_cookie_storable: whether a response that sets a cookie may be stored. RFC 9111 allows it
            (section 7.3); but one listener's cookie is hardly ever meant for all others.
    """

    status: int
    fields: MultiMapping[str]
    policy: ReusePolicy
    directives: Directives
    selecting: Selecting | None
    method: str = "GET"
    target_uri: str = ""
    is_request_authorized: bool = False
    request_directives: Directives = field(default_factory=lambda: NO_DIRECTIVES)
    is_cookie_storable: bool = False


def effective_directives(
    fields: MultiMapping[str], *, targets: tuple[str, ...] = ()
) -> tuple[Directives, bool]:
    """The response directives that count for this cache.

    Args:
        fields: of the response.
        targets: names of targeted fields, the most specific one first.

    Returns:
        The directives, and whether they are a targeted field's: then `Cache-Control` and `Expires`
        count for nothing (RFC 9213 section 2.2).
    """
    for target in targets:
        targeted = parse_targeted(_joined(fields, target))
        if targeted is not None:
            return targeted, True
    return parse_directives(_joined(fields, "Cache-Control")), False


def policy_of(
    fields: MultiMapping[str],
    *,
    status: int,
    times: ResponseTimes,
    targets: tuple[str, ...] = (),
    heuristic_fraction: float = HEURISTIC_FRACTION,
    heuristic_max_s: float = HEURISTIC_MAX_S,
) -> ReusePolicy:
    """The terms on which a shared cache may reuse a response.

    Args:
        fields: of the response.
        status: of the response; some may be kept although nothing is said of freshness.
        times: noted when it arrived.
        targets: see `effective_directives`.
        heuristic_fraction: of the time since the last modification that counts as lifetime.
        heuristic_max_s: longest lifetime that is guessed.
    """
    directives, is_targeted = effective_directives(fields, targets=targets)
    expires = None if is_targeted else fields.get("Expires")
    explicit_s = _explicit_lifetime_s(directives, expires, times)
    is_guessed = explicit_s is None and (
        status in HEURISTICALLY_CACHEABLE or "public" in directives
    )
    since_change_s = _since_change_s(fields, times) if is_guessed else 0.0
    guessed_s = min(heuristic_max_s, heuristic_fraction * since_change_s)
    is_no_cache = _is_unqualified(directives, "no-cache")
    may_be_stale = not is_no_cache and not any(name in directives for name in _FORBIDS_STALE)
    windows = directives if may_be_stale else NO_DIRECTIVES
    return ReusePolicy(
        lifetime_s=0.0 if is_no_cache else guessed_s if explicit_s is None else explicit_s,
        is_heuristic=guessed_s > 0.0 and not is_no_cache,
        is_no_cache=is_no_cache,
        stale_while_revalidate_s=_seconds(windows, "stale-while-revalidate"),
        stale_if_error_s=_seconds(windows, "stale-if-error"),
        may_be_stale=may_be_stale,
        is_authorization_lifted=any(name in directives for name in _LIFTS_AUTHORIZATION),
        is_immutable="immutable" in directives,
        dropped_fields=_dropped_fields(directives),
        is_explicit=explicit_s is not None,
    )


def why_not_storable(candidate: Candidate) -> Refusal | None:
    """The reason why a shared cache may or should not store a response; None if it may.

    206 passes: a cache that keeps parts understands it. 304 does not: it freshens what is stored.
    """
    directives, policy = candidate.directives, candidate.policy
    has_cookie = "Set-Cookie" in candidate.fields and "set-cookie" not in policy.dropped_fields
    reasons = {
        Refusal.METHOD: not _is_method_storable(candidate),
        Refusal.STATUS: not _is_status_storable(candidate.status, directives),
        Refusal.NO_STORE: "no-store" in candidate.request_directives
        or ("no-store" in directives and "must-understand" not in directives),
        Refusal.PRIVATE: _is_unqualified(directives, "private"),
        Refusal.AUTHORIZATION: candidate.is_request_authorized
        and not policy.is_authorization_lifted,
        Refusal.SET_COOKIE: has_cookie and not candidate.is_cookie_storable,
        Refusal.VARY: candidate.selecting is None,
        Refusal.NO_FRESHNESS: not _is_worth_storing(candidate),
    }
    return next((reason for reason, applies in reasons.items() if applies), None)


def has_validator(fields: MultiMapping[str], *, now_s: float) -> bool:
    """Whether a response can be validated: it has an entity tag or a date of last modification."""
    if parse_entity_tag(fields.get("ETag", "")) is not None:
        return True
    return parse_http_date(fields.get("Last-Modified", ""), now_s=now_s) is not None


def _is_method_storable(candidate: Candidate) -> bool:
    """GET; and POST that says where its content can be got, and for how long: RFC 9110 9.3.3."""
    if candidate.method != "POST":
        return candidate.method == "GET"
    location = candidate.fields.get("Content-Location")
    return (
        candidate.policy.is_explicit
        and location is not None
        and is_same_target(location, candidate.target_uri)
    )


def _is_status_storable(status: int, directives: Directives) -> bool:
    if status < 200 or status in _NEVER_STORED:
        return False
    return "must-understand" not in directives or status in UNDERSTOOD


def _is_worth_storing(candidate: Candidate) -> bool:
    """Whether it may be stored at all for what it says, and could ever be used again.

    Without a word on freshness the status has to allow it (the last item of section 3's list); what
    is stale from the first moment is of use only if it can be validated.
    """
    policy = candidate.policy
    is_allowed = (
        policy.is_explicit
        or candidate.status in HEURISTICALLY_CACHEABLE
        or "public" in candidate.directives
    )
    # A year of two digits is a date in any century.
    return is_allowed and (policy.lifetime_s > 0 or has_validator(candidate.fields, now_s=0.0))


def _explicit_lifetime_s(
    directives: Directives, expires: str | None, times: ResponseTimes
) -> float | None:
    """The lifetime that the origin gives (section 4.2.1); None if it gives none."""
    for name in ("s-maxage", "max-age"):
        seconds = delta_seconds(directives, name)
        if seconds is not None:
            return float(seconds)
    if expires is None:
        return None
    expires_s = parse_http_date(expires, now_s=times.response_s)
    # A date that cannot be read, `0` above all, is one in the past: section 5.3.
    return 0.0 if expires_s is None else max(0.0, expires_s - times.date_s)


def _since_change_s(fields: MultiMapping[str], times: ResponseTimes) -> float:
    modified_s = parse_http_date(fields.get("Last-Modified", ""), now_s=times.response_s)
    return 0.0 if modified_s is None else max(0.0, times.date_s - modified_s)


def _seconds(directives: Directives, name: str) -> float:
    return float(delta_seconds(directives, name) or 0)


def _is_unqualified(directives: Directives, name: str) -> bool:
    return name in directives and field_names(directives, name) is None


def _dropped_fields(directives: Directives) -> frozenset[str]:
    return frozenset().union(
        *(field_names(directives, name) or () for name in ("no-cache", "private"))
    )


def _joined(fields: MultiMapping[str], name: str) -> str:
    return ", ".join(fields.getall(name, ()))
