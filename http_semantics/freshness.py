"""Storing and freshness in a shared cache: RFC 9111 sections 3 and 4.2. No clock of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from http_semantics.cache_control import Directives, delta_seconds, parse_delta_seconds
from http_semantics.http_date import parse_http_date

# Any of these lets a shared cache keep the answer to a request with `Authorization`: section 3.5.
_LIFTS_AUTHORIZATION: Final = ("public", "s-maxage", "must-revalidate")


@dataclass(frozen=True, slots=True)
class ResponseTimes:
    """What a cache notes when a response arrives. Times are seconds since the epoch.

    Attributes:
        request_s: when the request left.
        response_s: when the response's header section arrived.
        date_s: the response's `Date`, or `response_s` if it had none.
        age_s: the response's `Age`, 0 if it had none.
    """

    request_s: float
    response_s: float
    date_s: float
    age_s: float

    @classmethod
    def from_fields(
        cls, get: Callable[[str], str | None], *, request_s: float, response_s: float
    ) -> Self:
        """Note the times of a response whose field values `get` returns.

        A clock that was set back between the two counts as an answer without delay.
        """
        date_s = parse_http_date(get("Date") or "", now_s=response_s)
        # Of an Age sent twice the first counts: RFC 9111 section 5.1.
        age_s = parse_delta_seconds((get("Age") or "").partition(",")[0].strip())
        return cls(
            request_s=min(request_s, response_s),
            response_s=response_s,
            date_s=response_s if date_s is None else date_s,
            age_s=age_s or 0,
        )


class Refusal(StrEnum):
    """Why a response is not stored."""

    NO_STORE = "no-store"
    PRIVATE = "private"
    AUTHORIZATION = "authorization"
    SET_COOKIE = "set-cookie"
    VARY = "vary"
    NO_FRESHNESS = "no-freshness"


@dataclass(frozen=True, slots=True)
class StoringFacts:
    """What decides whether a response to a GET may be stored.

    Attributes:
        directives: of the response.
        lifetime_s: its freshness lifetime, None if it says nothing of it.
        is_authorized: the request carried `Authorization` to the upstream.
        has_validator: the response has an entity tag or a date of last modification.
        has_cookie: the response sets a cookie.
        vary: its `Vary`, or None.
        neutral_fields: names in lower case that may stand in `Vary` because the request that was
            sent upstream is alike for all listeners in them.
    """

    directives: Directives
    lifetime_s: float | None
    is_authorized: bool = False
    has_validator: bool = False
    has_cookie: bool = False
    vary: str | None = None
    neutral_fields: frozenset[str] = frozenset()


def why_not_storable(facts: StoringFacts) -> Refusal | None:
    """The reason why a shared cache may or should not store a response; None if it may."""
    lifetime_s = facts.lifetime_s
    is_useless = lifetime_s is None or (lifetime_s <= 0 and not facts.has_validator)
    reasons = {
        Refusal.NO_STORE: "no-store" in facts.directives,
        Refusal.PRIVATE: "private" in facts.directives,
        Refusal.AUTHORIZATION: facts.is_authorized
        and not is_authorization_lifted(facts.directives),
        # Storing it is allowed; giving one listener's cookie to all others is never meant.
        Refusal.SET_COOKIE: facts.has_cookie,
        Refusal.VARY: not _fields_of(facts.vary) <= facts.neutral_fields,
        Refusal.NO_FRESHNESS: is_useless,
    }
    return next((reason for reason, applies in reasons.items() if applies), None)


def is_authorization_lifted(directives: Directives) -> bool:
    """Whether a shared cache may keep what came for a request with `Authorization`."""
    return any(name in directives for name in _LIFTS_AUTHORIZATION)


def current_age_s(times: ResponseTimes, *, now_s: float) -> float:
    """Age of a stored response (section 4.2.3); never negative.

    It errs upwards: of the two estimates that the standard gives, the larger one counts. A clock
    that was set back since the response arrived counts as no time spent here.
    """
    apparent_age_s = max(0.0, times.response_s - times.date_s)
    response_delay_s = times.response_s - times.request_s
    corrected_age_value_s = times.age_s + response_delay_s
    resident_time_s = max(0.0, now_s - times.response_s)
    return max(apparent_age_s, corrected_age_value_s) + resident_time_s


def freshness_lifetime_s(
    directives: Directives, *, expires: str | None, times: ResponseTimes
) -> float | None:
    """How long a shared cache may use a response from its making on (section 4.2.1).

    Returns:
        Seconds, 0 for what has to be validated before each use. None if the response does not
        say: nothing is guessed here.
    """
    if "no-cache" in directives:
        return 0.0
    for name in ("s-maxage", "max-age"):
        seconds = delta_seconds(directives, name)
        if seconds is not None:
            return float(seconds)
    if expires is None:
        return None
    expires_s = parse_http_date(expires, now_s=times.response_s)
    # A date that cannot be read, `0` above all, is one in the past: section 5.3.
    return 0.0 if expires_s is None else max(0.0, expires_s - times.date_s)


def _fields_of(vary: str | None) -> frozenset[str]:
    names = (name.strip().lower() for name in (vary or "").split(","))
    return frozenset(name for name in names if name)
