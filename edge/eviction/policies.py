"""The eviction policies by the names that settings know them by. No I/O."""

from collections.abc import Hashable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol, TypeVar

from edge.eviction.clock import ClockPolicy
from edge.eviction.lru import LruPolicy
from edge.eviction.queued_policy import IdOf
from edge.eviction.s3fifo import S3FifoPolicy
from edge.ports import EvictionPolicy

EntryT = TypeVar("EntryT", bound=Hashable)


class PolicyName(StrEnum):
    """How a policy is called in settings and metrics."""

    LRU = "lru"
    CLOCK = "clock"
    S3FIFO = "s3fifo"


class PolicyFactory(Protocol):
    """Makes a policy for entries of any kind."""

    def __call__(self, *, bytes_max: int, id_of: IdOf[EntryT]) -> EvictionPolicy[EntryT]:
        """Make one.

        Args:
            bytes_max: what all entries together may take.
            id_of: tells an entry from others, also after it was forgotten and has come back as
                another object: what a policy remembers of forgotten entries are these numbers.
        """
        ...


def _lru(*, bytes_max: int, id_of: IdOf[EntryT]) -> EvictionPolicy[EntryT]:  # noqa: ARG001
    return LruPolicy(bytes_max=bytes_max)


def _clock(*, bytes_max: int, id_of: IdOf[EntryT]) -> EvictionPolicy[EntryT]:  # noqa: ARG001
    return ClockPolicy(bytes_max=bytes_max)


def _s3fifo(*, bytes_max: int, id_of: IdOf[EntryT]) -> EvictionPolicy[EntryT]:
    return S3FifoPolicy(bytes_max=bytes_max, id_of=id_of)


POLICIES: Final[Mapping[PolicyName, PolicyFactory]] = MappingProxyType(
    {PolicyName.LRU: _lru, PolicyName.CLOCK: _clock, PolicyName.S3FIFO: _s3fifo}
)
