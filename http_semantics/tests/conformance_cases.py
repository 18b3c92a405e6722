"""The conformance cases of `http_semantics/conformance`, read and checked.

A case is a list of exchanges, one after the other, through one cache that starts empty. Each says
what the client sends, what the origin would answer, and where the answer has to come from. Whoever
runs them needs a clock that he can set, and an origin that answers as it is told.

In a field's value `{now-60}` stands for the HTTP date of 60 seconds before the origin answers, or
before the client sends; `{start+60}` is counted from the start of the case. The origin sends `Date`
if a case does not; a line `-Date` forbids it.
"""

import re
import tomllib
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self

from multidict import CIMultiDict, MultiMapping

from http_semantics.byte_range import parse_range, resolve
from http_semantics.http_date import format_http_date
from http_semantics.preconditions import CONDITIONAL_FIELDS

FOLDER: Final = Path(__file__).parents[1] / "conformance"
TARGET: Final = "/a"

_DATE: Final = re.compile(r"\{(now|start)([+-][0-9]+)?\}")

Lines = tuple[str, ...]


class Kind(StrEnum):
    """How much a case weighs."""

    REQUIRED = "required"  # The standard says MUST, or what amounts to it.
    OPTIMAL = "optimal"  # It says SHOULD, or allows what a good cache does.
    CHECK = "check"  # It leaves a choice; this is ours.


class Need(StrEnum):
    """What a cache has to do for a case to say anything about it."""

    EXACT_RANGES = "exact-ranges"  # Pass on the ranges of its clients as they are.
    EXACT_CONDITIONS = "exact-conditions"  # Their conditions, too.


class Source(StrEnum):
    """Where the answer to a client has to come from."""

    CACHE = "cache"  # What is stored; the origin hears nothing.
    ORIGIN = "origin"  # The origin's answer to this request.
    VALIDATED = "validated"  # What is stored, after the origin said 304 to a condition of ours.
    BACKGROUND = "background"  # What is stored; the origin is asked once meanwhile.
    ON_ERROR = "on-error"  # What is stored, after the origin failed.
    NONE = "none"  # The cache itself, which has nothing and asks nobody.
    GIVE_UP = "give-up"  # The cache itself, after the origin failed: 504, or 502.


@dataclass(frozen=True, slots=True)
class OriginAnswer:
    """What the origin answers if it is asked.

    Attributes:
        status: of the final response.
        fields: lines `Name: value`.
        content: as text.
        is_silent: the connection closes without an answer.
        sent: how much of the content arrives before the connection breaks; None for all of it.
        delay_s: how long it thinks.
        interim: statuses before the final one.
        otherwise: what it answers instead to a request without a condition; None for the same.
        has_ranges: it obeys `Range`; fields and content are those of the whole.
    """

    status: int = 200
    fields: Lines = ()
    content: str = ""
    is_silent: bool = False
    sent: int | None = None
    delay_s: float = 0.0
    interim: tuple[int, ...] = ()
    otherwise: Self | None = None
    has_ranges: bool = False

    def to(self, request_fields: MultiMapping[str]) -> "OriginAnswer":
        """The answer to a request with these fields."""
        is_conditional = any(name in request_fields for name in CONDITIONAL_FIELDS)
        if self.otherwise is not None and not is_conditional:
            return self.otherwise
        specs = parse_range(request_fields.get("Range", "")) if self.has_ranges else None
        if specs is None:
            return self
        (part,) = resolve(specs, len(self.content))
        line = f"Content-Range: {part.content_range(len(self.content))}"
        content = self.content[part.start : part.stop]
        return replace(self, status=206, fields=(*self.fields, line), content=content)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request, with what is expected of it.

    Attributes:
        after_s: time that passes before it.
        method: of the request.
        target: path and query.
        sends: request fields, lines `Name: value`.
        origin: what the origin would answer.
        source: where the answer has to come from; None if it does not matter.
        status: that the client has to get.
        content: that the client has to get; None if it does not matter.
        has: fields that the client has to get: `Name: value`, or `Name` for any value.
        lacks: names of fields that he must not get.
        asks: fields that the origin has to get, like `has`.
        asks_not: names of fields that it must not get.
        says: parameters of this cache's member in `Cache-Status`.
        says_not: parameters that it must not have.
        interim: statuses of interim responses that the client has to get; None if it does not
            matter.
    """

    after_s: float
    method: str
    target: str
    sends: Lines
    origin: OriginAnswer
    source: Source | None
    status: int
    content: str | None
    has: Lines = ()
    lacks: Lines = ()
    asks: Lines = ()
    asks_not: Lines = ()
    says: Lines = ()
    says_not: Lines = ()
    interim: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A rule of a standard, as exchanges.

    Attributes:
        id: unique.
        section: such as `9111-4.2.1`: the RFC and its section.
        kind: how much it weighs.
        rule: what is judged, in words.
        exchanges: in their order.
        needs: what a cache has to do for it to apply.
    """

    id: str
    section: str
    kind: Kind
    rule: str
    exchanges: tuple[Exchange, ...]
    needs: frozenset[Need] = frozenset()


def load_cases(folder: Path = FOLDER) -> tuple[Case, ...]:
    """Read all cases, in the order of their files.

    Raises:
        ValueError: a case has an unknown key or value, or an id for the second time.
    """
    cases = [
        _case(table)
        for path in sorted(folder.glob("*.toml"))
        for table in tomllib.loads(path.read_text())["case"]
    ]
    ids = [case.id for case in cases]
    if len(set(ids)) != len(ids):
        raise ValueError(f"twice: {sorted({name for name in ids if ids.count(name) > 1})}")
    return tuple(cases)


def expanded(lines: Lines, *, start_s: float, now_s: float) -> Lines:
    """Lines with their dates put in."""
    moments = {"start": start_s, "now": now_s}

    def date_of(match: re.Match[str]) -> str:
        return format_http_date(moments[match[1]] + int(match[2] or 0))

    return tuple(_DATE.sub(date_of, line) for line in lines)


def field_map(lines: Lines, *, start_s: float, now_s: float) -> CIMultiDict[str]:
    """Fields from their lines, with dates put in."""
    pairs = (line.partition(":") for line in expanded(lines, start_s=start_s, now_s=now_s))
    return CIMultiDict(
        [(name, value.strip()) for name, _, value in pairs if not name.startswith("-")]
    )


def answer_fields(origin: OriginAnswer, *, start_s: float, now_s: float) -> CIMultiDict[str]:
    """All fields that the origin sends, but those of the connection."""
    fields = field_map(origin.fields, start_s=start_s, now_s=now_s)
    if "Date" not in fields and "-Date" not in origin.fields:
        fields["Date"] = format_http_date(now_s)
    return fields


def _case(table: dict[str, Any]) -> Case:
    exchanges: list[Exchange] = []
    try:
        for number, row in enumerate(table.pop("exchanges"), start=1):
            exchanges.append(_exchange(row, number, exchanges))
        table["kind"] = Kind(table["kind"])
        table["needs"] = frozenset(map(Need, table.get("needs", ())))
        return Case(exchanges=tuple(exchanges), **table)
    except (TypeError, KeyError) as error:
        raise ValueError(f"{table.get('id')}: {error}") from error


def _exchange(row: dict[str, Any], number: int, before: list[Exchange]) -> Exchange:
    origin = _origin(row.pop("origin", {}), number)
    source = Source(row.pop("from")) if "from" in row else None
    status, content = _expected(source, origin, before)
    defaults = {"after_s": 0.0, "method": "GET", "target": TARGET, "sends": ()}
    row = {**defaults, "status": status, "content": content, **row}
    if row["method"] == "HEAD" or row["status"] in {204, 304}:
        row["content"] = ""
    if row["content"] == "any":
        row["content"] = None
    lists = {name: tuple(value) for name, value in row.items() if isinstance(value, list)}
    return Exchange(origin=origin, source=source, **{**row, **lists})


def _origin(row: dict[str, Any] | list[str], number: int) -> OriginAnswer:
    if isinstance(row, list):
        row = {"fields": row}
    if "otherwise" in row:
        row["otherwise"] = _origin(row["otherwise"], number)
    content = "" if row.get("status") in {204, 304} else f"content {number}"
    lists = {name: tuple(value) for name, value in row.items() if isinstance(value, list)}
    return OriginAnswer(**{"content": content, **row, **lists})


def _expected(
    source: Source | None, origin: OriginAnswer, before: list[Exchange]
) -> tuple[int, str | None]:
    """Status and content where a case does not give them: of what is stored, or of the origin."""
    match source:
        case None:
            return 200, None
        case Source.NONE | Source.GIVE_UP:
            return 504, None
        case Source.ORIGIN:
            return origin.status, origin.content
        case _:
            pass
    stored = next((one for one in reversed(before) if one.source in {None, Source.ORIGIN}), None)
    assert stored is not None
    return stored.origin.status, stored.origin.content
