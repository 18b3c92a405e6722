"""One account of what all workers have counted, those that have ended included. No I/O.

Counters and histograms are added up, so that a restart takes nothing away: of a worker that has
ended, what it last told still counts. Gauges are of the workers that serve now.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

_ADDED_UP: Final = frozenset({"counter", "histogram", "summary"})

# Gauges whose sum over workers says nothing: the largest counts.
_LARGEST: Final = ("_sequence", "_seconds", "_max")

_Key = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(slots=True)
class _Family:
    name: str
    documentation: str
    type: str
    values: dict[_Key, float] = field(default_factory=dict)

    def take_in(self, values: Mapping[_Key, float]) -> None:
        is_largest = self.type not in _ADDED_UP and self.name.endswith(_LARGEST)
        combine: Callable[[float, float], float] = max if is_largest else _sum
        for key, value in values.items():
            mine = self.values.get(key)
            self.values[key] = value if mine is None else combine(mine, value)

    def metric(self) -> Metric:
        made = Metric(self.name, self.documentation, self.type)
        made.samples = [
            Sample(name, dict(labels), value) for (name, labels), value in self.values.items()
        ]
        return made


_Families = dict[str, _Family]


class Ledger:
    """Keeps the account."""

    def __init__(self) -> None:
        self._ended: _Families = {}
        self._told: dict[int, _Families] = {}
        self._current: set[int] = set()

    def note(self, worker: int, content: bytes, *, is_current: bool) -> None:
        """Take in what a worker tells.

        Args:
            worker: its process.
            content: its metrics, in the text format.
            is_current: whether it serves a slot, rather than drains.

        Raises:
            ValueError: they cannot be read; what it told before still counts.
        """
        self._told[worker] = {
            family.name: _Family(
                family.name,
                family.documentation,
                family.type,
                {_key(sample): sample.value for sample in family.samples},
            )
            for family in text_string_to_metric_families(content.decode())
        }
        self._current.discard(worker)
        if is_current:
            self._current.add(worker)

    def retire(self, worker: int) -> None:
        """A worker has ended: what it has counted stays."""
        self._current.discard(worker)
        for family in self._told.pop(worker, {}).values():
            if family.type in _ADDED_UP:
                _add(self._ended, family)

    def metrics(self) -> Iterator[Metric]:
        """The account, by families in the order of the workers' own."""
        total: _Families = {}
        for worker, families in self._told.items():
            for family in families.values():
                if worker in self._current or family.type in _ADDED_UP:
                    _add(total, family)
        for family in self._ended.values():
            _add(total, family)
        return (family.metric() for family in total.values())

    def save(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            "ended": _plain(self._ended),
            "told": [[worker, _plain(families)] for worker, families in self._told.items()],
            "current": list(self._current),
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Take up what another account has saved."""
        self._ended = _families(saved["ended"])
        self._told = {worker: _families(told) for worker, told in saved["told"]}
        self._current = set(saved["current"])


def _plain(families: _Families) -> list[dict[str, Any]]:
    return [
        {
            "name": family.name,
            "documentation": family.documentation,
            "type": family.type,
            "values": [[name, labels, value] for (name, labels), value in family.values.items()],
        }
        for family in families.values()
    ]


def _families(plain: Iterable[Mapping[str, Any]]) -> _Families:
    return {
        one["name"]: _Family(
            one["name"],
            one["documentation"],
            one["type"],
            {
                (name, tuple((label, text) for label, text in labels)): value
                for name, labels, value in one["values"]
            },
        )
        for one in plain
    }


def _add(families: _Families, family: _Family) -> None:
    mine = families.setdefault(family.name, _Family(family.name, family.documentation, family.type))
    mine.take_in(family.values)


def _key(sample: Sample) -> _Key:
    return sample.name, tuple(sorted(sample.labels.items()))


def _sum(one: float, other: float) -> float:
    return one + other
