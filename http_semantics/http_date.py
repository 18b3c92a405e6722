"""HTTP dates: RFC 9110 section 5.6.7, all three forms. Seconds since the epoch, in UTC."""

import re
from calendar import timegm
from datetime import UTC, date, datetime, timedelta
from typing import Final

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
)
_MONTH: Final = f"(?P<month>{'|'.join(_MONTHS)})"
_TIME: Final = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"

# No other time zone is allowed; a cache takes letters of either case: RFC 9111 section 4.2.
_FLAGS: Final = re.ASCII | re.IGNORECASE
_FORMS: Final = (
    re.compile(
        rf"(?:{'|'.join(_DAYS)}), (?P<day>\d\d) {_MONTH} (?P<year>\d{{4}}) {_TIME} GMT",
        _FLAGS,
    ),
    re.compile(
        r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, "
        rf"(?P<day>\d\d)-{_MONTH}-(?P<year>\d\d) {_TIME} GMT",
        _FLAGS,
    ),
    re.compile(
        rf"(?:{'|'.join(_DAYS)}) {_MONTH} (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})",
        _FLAGS,
    ),
)


def parse_http_date(value: str, *, now_s: float) -> int | None:
    """Parse an HTTP date.

    Args:
        value: the field value.
        now_s: the present; it decides the century of a two-digit year.

    Returns:
        Seconds since the epoch (negative before 1970), or None if it is no HTTP date.
    """
    text = value.strip(" \t")
    for form in _FORMS:
        match = form.fullmatch(text)
        if match is not None:
            return _seconds(match, now_s=now_s)
    return None


def format_http_date(when_s: float) -> str:
    """IMF-fixdate of a time, which is rounded down to the second."""
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(when_s))
    day, month = _DAYS[when.weekday()], _MONTHS[when.month - 1]
    return f"{day}, {when.day:02} {month} {when.year:04} {when:%H:%M:%S} GMT"


def _seconds(match: re.Match[str], *, now_s: float) -> int | None:
    year = int(match["year"])
    if len(match["year"]) == 2:
        year = _full_year(year, now_s=now_s)
    month = _MONTHS.index(match["month"].title()) + 1
    hour, minute, second = (int(match[name]) for name in ("hour", "minute", "second"))
    if hour > 23 or minute > 59 or second > 60:  # 60 is a leap second.
        return None
    try:
        day = date(year, month, int(match["day"]))
    except ValueError:
        return None
    return timegm((day.year, day.month, day.day, hour, minute, second))


def _full_year(short_year: int, *, now_s: float) -> int:
    """The year with these last two digits that is at most 50 years ahead."""
    this_year = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=now_s)).year
    year = this_year - this_year % 100 + short_year
    return year - 100 if year > this_year + 50 else year
