"""Lines of the access log: what is noted of a request, and how it is written. No I/O.

A line is noted on the way of every request, so that is a plain tuple and nothing more; it is
formatted later, with others.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import orjson

# In this order:
#   when it was over, in seconds since the epoch
#   method
#   path, as it may be shown: without token and query; None if the target was refused
#   status; 0 if there was no answer
#   result: a `CacheResult`, or its text
#   content bytes that were sent
#   until the first byte, in seconds
#   until it was over, in seconds
#   address of the client
#   session of the token; None without one
#   detail: why nothing was stored, or what failed
#   whether it shared another request's way to the upstream
#   how long the upstream was waited for, in seconds; None if it was not
#   `Range` as it was sent; None without one
#   which request of its connection it was, from 1 on; 0 where that is not known
AccessLine: TypeAlias = tuple[
    float,
    str,
    str | None,
    int,
    str,
    int,
    float,
    float,
    str,
    str | None,
    str | None,
    bool,
    float | None,
    str | None,
    int,
]

# Clients choose it, and a list of ranges can be as long as a head.
_RANGE_CHARACTERS_MAX: Final = 200


def stamp_of(second: int) -> str:
    """A timestamp but for its milliseconds and its zone, which is UTC."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.")


def format_lines(lines: Sequence[AccessLine | str]) -> bytes:
    """`lines` as JSON objects, each with its line end; a text is one already."""
    formatted = []
    second, prefix = -1, ""
    for line in lines:
        if isinstance(line, str):
            formatted.append(line.encode())
            continue
        time_s = line[0]
        if int(time_s) != second:
            second = int(time_s)
            prefix = stamp_of(second)
        facts = _facts(line, f"{prefix}{int((time_s - second) * 1e3):03d}Z")
        try:
            formatted.append(orjson.dumps(facts, option=orjson.OPT_APPEND_NEWLINE))
        except orjson.JSONEncodeError:  # Octets that are no UTF-8, which stand in it as surrogates.
            shown = {name: _readable(fact) for name, fact in facts.items()}
            formatted.append(orjson.dumps(shown, option=orjson.OPT_APPEND_NEWLINE))
    return b"".join(formatted)


def _facts(line: AccessLine, timestamp: str) -> dict[str, Any]:
    (
        _,
        method,
        path,
        status,
        result,
        content_bytes,
        first_byte_s,
        duration_s,
        client,
        session,
        detail,
        is_collapsed,
        upstream_s,
        range_field,
        request_number,
    ) = line
    facts: dict[str, Any] = {
        "timestamp": timestamp,
        "event": "request",
        "method": method,
        "path": path,
        "status": status,
        "result": result,
        "content_bytes": content_bytes,
        "first_byte_ms": int(first_byte_s * 1e6) / 1e3,
        "duration_ms": int(duration_s * 1e6) / 1e3,
        "client": client,
    }
    if session is not None:
        facts["session"] = session
    if detail is not None:
        facts["detail"] = detail
    if is_collapsed:
        facts["collapsed"] = True
    if upstream_s is not None:
        facts["upstream_ms"] = int(upstream_s * 1e6) / 1e3
    if range_field is not None:
        facts["range"] = range_field[:_RANGE_CHARACTERS_MAX]
    if request_number:
        facts["request_number"] = request_number
    return facts


def _readable(fact: object) -> object:
    if isinstance(fact, str):
        return fact.encode("utf-8", "backslashreplace").decode()
    return fact
