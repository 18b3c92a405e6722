"""What the origin has in the soak: objects of all kinds, that change and go wrong."""

import random
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from loadtest.behaviours.mischief import Fault, Mischief
from loadtest.behaviours.origin import Origin
from loadtest.behaviours.resource import Resource
from loadtest.soak.edge import Purge

KIB: Final = 1 << 10
# A version is so much longer than the one before.
GROWTH_BYTES: Final = 1500
GROUPS: Final = 4
# One in so many objects does not say how long it is; of each kind some.
CHUNKED_EACH: Final = 5
SHORT_S: Final = 2
LANGUAGES: Final = ("de", "en", "fr")

# What a cache can tell from what is right. Others only the origin could know.
FAULTS: Final = (
    Mischief.HANG,
    Mischief.RESET_EARLY,
    Mischief.RESET,
    Mischief.TRUNCATE,
    Mischief.STALL,
    Mischief.LENGTH_LONG,
    Mischief.IGNORE_RANGE,
    Mischief.OTHER_RANGE,
    Mischief.NO_TOTAL,
    Mischief.UNASKED_206,
    Mischief.UNASKED_304,
    Mischief.CHUNKED_GARBAGE,
    Mischief.REDIRECT,
)


class Kind(StrEnum):
    """How an object may be stored."""

    IMMUTABLE = "public, max-age=31536000, immutable"
    STALE = f"public, max-age={SHORT_S}, stale-while-revalidate=30, stale-if-error=60"
    SHORT = f"public, max-age={SHORT_S}, must-revalidate"
    VARYING = "public, max-age=600"
    UNTAGGED = "public, max-age=300"
    UNSTORED = "no-store"


@dataclass(slots=True)
class Object:
    """An object, and what may still be served of it.

    Attributes:
        path: where it is.
        kind: how it may be stored.
        length: of version 0.
        resource: what the origin has.
        floor: oldest version that may be served to a request that begins now.
        soft_floor: the same, unless nobody could be asked whether an older one still holds.
        changes: when each version became the current one, on the monotonic clock.
    """

    path: str
    kind: Kind
    length: int
    resource: Resource
    floor: int = 1
    soft_floor: int = 1
    changes: list[tuple[float, int]] = field(default_factory=list)

    def length_of(self, version: int) -> int:
        """Length of a version."""
        return self.length + GROWTH_BYTES * version

    def change(self) -> None:
        """Let there be a new version."""
        resource = self.resource
        resource.version += 1
        resource.length = self.length_of(resource.version)
        self.changes.append((time.monotonic(), resource.version))

    def oldest_for(self, now_s: float) -> int:
        """The oldest version that may be served to a request that begins at `now_s`."""
        if self.kind is Kind.UNSTORED:
            return self.resource.version
        if self.kind is not Kind.SHORT:
            return self.floor
        # Whole seconds on both sides, and what a validation may take.
        since_s = now_s - SHORT_S - 2.0
        current = [version for changed_s, version in self.changes if changed_s <= since_s]
        return max(self.floor, current[-1] if current else 1)

    @property
    def group(self) -> int:
        """Number of the group that it is purged with."""
        return int(self.path.split("/")[1].removeprefix("group-"))


class World:
    """All objects, and what happens to them.

    Args:
        origin: that serves them.
        choice: decides what happens.
        count: how many objects there are.
    """

    def __init__(self, origin: Origin, choice: random.Random, *, count: int) -> None:
        self._choice = choice
        self.objects = [self._make(number) for number in range(count)]
        for one in self.objects:
            origin.resources[one.path] = one.resource

    def _make(self, number: int) -> Object:
        choice, kinds = self._choice, list(Kind)
        kind = kinds[number % len(kinds)]
        length = choice.choice((20, 200, 700, 3000)) * KIB + choice.randrange(5000)
        group = number % GROUPS
        resource = Resource(
            length + GROWTH_BYTES,
            is_tagged=kind is not Kind.UNTAGGED,
            cache_control=kind.value,
            fields=(("Surrogate-Key", f"object:{number} group:{group}"),),
            variant_field="Accept-Language" if kind is Kind.VARYING else None,
            head_delay_s=choice.uniform(0, 0.03),
            bytes_per_s=choice.choice((None, 30 << 20, 8 << 20)),
            is_chunked=number % CHUNKED_EACH == 0,
        )
        return Object(f"/group-{group}/object-{number}", kind, length, resource)

    def pick(self) -> Object:
        """An object that somebody asks for: few are asked for often."""
        place = int(len(self.objects) * self._choice.random() ** 2)
        return self.objects[place]

    def happen(self) -> None:
        """Let something happen to some object."""
        resource = self.pick().resource
        match self._choice.randrange(4):
            case 0:
                self.pick().change()
            case 1:
                after = self._choice.randrange(resource.length)
                resource.fault = Fault(self._choice.choice(FAULTS), after)
                resource.faults_left = self._choice.choice((1, 1, 1, 5))
            case 2:
                resource.fault = None
            case _:
                self._fail_or_recover(resource)

    def _fail_or_recover(self, resource: Resource) -> None:
        """An error that may not be stored, until the next time."""
        for one in self.objects:
            one.resource.status, one.resource.cache_control = 200, one.kind.value
        resource.status = self._choice.choice((500, 503, 404))
        resource.cache_control = "no-store"

    def purge_of_something(self) -> tuple[Purge, list[Object]]:
        """A purge, and the objects that it is to reach; all of them change before."""
        one, is_soft = self.pick(), self._choice.random() < 0.3
        number = one.path.rpartition("-")[2]
        alike = [other for other in self.objects if other.group == one.group]
        purge, reached = self._choice.choice(
            (
                (Purge(urls=(one.path,), is_soft=is_soft), [one]),
                (Purge(tags=(f"object:{number}",), is_soft=is_soft), [one]),
                (Purge(tags=(f"group:{one.group}",), is_soft=is_soft), alike),
                (Purge(prefixes=(f"/group-{one.group}/",), is_soft=is_soft), alike),
            )
        )
        if self._choice.random() < 0.03:
            purge, reached = Purge(is_all=True), self.objects
        for other in reached:
            other.change()
        return purge, reached

    @staticmethod
    def raise_floors(purge: Purge, reached: list[Object], versions: list[int]) -> None:
        """Note that a purge was acknowledged: older versions than `versions` are gone."""
        for one, version in zip(reached, versions, strict=True):
            # A soft purge makes stale, and what is stale may be served where that is allowed.
            if purge.is_soft and one.kind is not Kind.SHORT:
                if one.kind is not Kind.STALE:
                    one.soft_floor = max(one.soft_floor, version)
            else:
                one.floor = max(one.floor, version)
