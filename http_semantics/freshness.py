"""The age of stored responses: RFC 9111 section 4.2.3. No clock of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from http_semantics.cache_control import parse_delta_seconds
from http_semantics.http_date import parse_http_date


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
