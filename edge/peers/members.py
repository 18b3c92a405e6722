"""The members of this cache, and which of them are asked for what."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from edge.peers.member import Member
from edge.peers.ownership import Candidate, ranked
from edge.peers.wording import Hop

# So many owners are asked in vain before the origin is.
_STEPS_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class Workers:
    """The workers of this node.

    Attributes:
        number: of this one.
        others: all but this one, by their numbers.
    """

    number: int
    others: dict[int, Member]

    @property
    def candidates(self) -> list[Candidate]:
        """All of them, this one too."""
        return [Candidate(slot_name(number)) for number in sorted({self.number, *self.others})]


@dataclass(frozen=True, slots=True)
class Nodes:
    """The nodes of the PoP.

    Attributes:
        own: name of this one; None if it is not among them.
        candidates: all of them.
        others: all but this one, by name.
    """

    own: str | None
    candidates: tuple[Candidate, ...]
    others: dict[str, Member]


def slot_name(number: int) -> str:
    """What a worker is called in the order of owners; no node is called like this."""
    return f"slot {number}"


class Members:
    """All members, as far as this worker knows.

    Args:
        workers: of this node.
        nodes: of the PoP; they may change.
    """

    def __init__(self, workers: Workers, nodes: Nodes) -> None:
        self._slots = workers.candidates
        self._slot = slot_name(workers.number)
        self._workers = {slot_name(number): one for number, one in workers.others.items()}
        self.nodes = nodes

    @property
    def has_others(self) -> bool:
        """Whether there is anybody else."""
        return bool(self._workers or self.nodes.others)

    def names(self) -> list[str]:
        """Of all others."""
        return sorted(one.name for hop in Hop for one in self.of(hop))

    def of(self, hop: Hop) -> list[Member]:
        """All others that are workers of this node, or other nodes."""
        others = self._workers if hop is Hop.WORKER else self.nodes.others
        return list(others.values())

    def way(self, key: str, span: int, *, hop: Hop | None = None) -> list[Member]:
        """Whom to ask for a span, one after the other, before this worker asks the origin.

        Args:
            key: the cache key.
            span: its number.
            hop: who asks this worker; None for a listener.
        """
        if hop is Hop.WORKER:
            return []
        way = [] if hop is Hop.NODE else list(self._nodes_before_own(key, span))
        way += self._workers_before_own(key, span)
        return way[:_STEPS_MAX]

    def is_owner(self, key: str, span: int) -> bool:
        """Whether what is asked of this worker first goes to the origin from here."""
        return not self.way(key, span)

    def _nodes_before_own(self, key: str, span: int) -> Iterator[Member]:
        nodes = self.nodes
        if not nodes.others:
            return iter(())
        return _before(nodes.own, ranked(nodes.candidates, key, span), nodes.others.__getitem__)

    def _workers_before_own(self, key: str, span: int) -> Iterator[Member]:
        if not self._workers:
            return iter(())
        return _before(self._slot, ranked(self._slots, key, span), self._workers.__getitem__)


def _before(
    own: str | None, names: Sequence[str], find: Callable[[str], Member]
) -> Iterator[Member]:
    """Those that are there of the names before one's own."""
    for name in names:
        if name == own:
            return
        member = find(name)
        if member.is_up:
            yield member
