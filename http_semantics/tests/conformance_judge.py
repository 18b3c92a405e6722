"""Compares what a cache did in an exchange of a conformance case with what it was to do."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from multidict import MultiMapping

from http_semantics.structured_field import Item, parse_list
from http_semantics.tests.conformance_cases import Exchange, Lines, Source, expanded

Fields = MultiMapping[str]

# The origin hears nothing of these, and of those at least once; of all others it hears once.
_SILENT: Final = frozenset({Source.CACHE, Source.NONE})
_MAY_BE_REPEATED: Final = frozenset({Source.ON_ERROR, Source.GIVE_UP})

# Another error than 504 may be more applicable: RFC 9111 section 5.2.2.2.
_GIVEN_UP: Final = frozenset({502, 504})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one exchange.

    Attributes:
        status: that the client got.
        fields: that he got.
        content: that he got.
        asked: fields of the requests that the origin got, once background work has ended.
        interim: statuses before the final one.
    """

    status: int
    fields: Fields
    content: bytes
    asked: tuple[Fields, ...]
    interim: tuple[int, ...] = ()


def faults(exchange: Exchange, outcome: Outcome, *, start_s: float, now_s: float) -> Iterator[str]:
    """Say what differs, in words."""
    yield from _source_faults(exchange.source, outcome.asked)
    is_given_up = exchange.source is Source.GIVE_UP
    if outcome.status not in (_GIVEN_UP if is_given_up else {exchange.status}):
        yield f"status {outcome.status}, not {exchange.status}"
    if exchange.content is not None and outcome.content != exchange.content.encode():
        yield f"content {outcome.content!r}, not {exchange.content!r}"
    has = expanded(exchange.has, start_s=start_s, now_s=now_s)
    yield from _field_faults(outcome.fields, has, exchange.lacks)
    if outcome.asked:
        asks = expanded(exchange.asks, start_s=start_s, now_s=now_s)
        yield from _field_faults(outcome.asked[0], asks, exchange.asks_not)
    elif exchange.asks:
        yield "the origin was not asked"
    yield from _cache_status_faults(exchange, outcome.fields)
    if exchange.interim is not None and exchange.interim != outcome.interim:
        yield f"interim responses {outcome.interim}, not {exchange.interim}"


def _source_faults(source: Source | None, asked: tuple[Fields, ...]) -> Iterator[str]:
    if source is None:
        return
    expected = 0 if source in _SILENT else 1
    if len(asked) != expected and not (asked and source in _MAY_BE_REPEATED):
        yield f"the origin was asked {len(asked)} times, not {expected}"
    elif source is Source.VALIDATED and not any(
        name in asked[0] for name in ("If-None-Match", "If-Modified-Since")
    ):
        yield "the origin was asked without a condition"


def _field_faults(fields: Fields, has: Lines, lacks: Lines) -> Iterator[str]:
    for line in has:
        name, separator, value = line.partition(":")
        given = ", ".join(fields.getall(name, ()))
        if name not in fields or (separator and given != value.strip()):
            yield f"{name}: {given!r}, not {value.strip()!r}"
    yield from (f"has {name}" for name in lacks if name in fields)


def _cache_status_faults(exchange: Exchange, fields: Fields) -> Iterator[str]:
    if not exchange.says and not exchange.says_not:
        return
    members = parse_list(", ".join(fields.getall("Cache-Status", ())))
    member = members[-1] if members else None
    if not isinstance(member, Item):
        yield f"Cache-Status that cannot be read: {members}"
        return
    said = {
        name if value is True else f"{name}={getattr(value, 'text', value)}"
        for name, value in member.parameters.items()
    }
    yield from (f"does not say {text}" for text in exchange.says if text not in said)
    yield from (f"says {name}" for name in exchange.says_not if name in member.parameters)
