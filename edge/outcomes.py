"""What a first contact comes to, and how those who wait for it are told."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from multidict import CIMultiDictProxy

from edge.errors import EdgeError
from edge.fields import Fields
from edge.ports import OnInterim, UpstreamAnswer
from edge.representation import Representation
from edge.upstream_answers import Asked
from http_semantics.byte_range import ByteSlice, IntRange
from http_semantics.vary import EMPTY, Selecting


@dataclass(frozen=True, slots=True)
class Learned:
    """The resource has a stored representation, which is fresh or was just validated.

    Attributes:
        detail: how the upstream met it, where that is told.
    """

    representation: Representation
    upstream_status: int
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """An error for all who waited for it.

    Attributes:
        fields: of the answer, for listeners.
        is_patience: a sound upstream asks for patience; that is no failure.
        is_of_session: it is for those only who have the session `session`.
        session: of who asked, as it was told upstream; None if he has none.
    """

    status: int
    fields: Fields
    content: bytes
    is_patience: bool = False
    is_of_session: bool = False
    session: str | None = None

    def is_for(self, session: str | None) -> bool:
        """Whether whoever has this session may be told."""
        return not self.is_of_session or session == self.session


@dataclass(slots=True)
class Uncacheable:
    """Each listener has to ask on its own. The answer at hand is for one of them."""

    reason: str
    upstream_status: int
    answer: UpstreamAnswer | None = None

    def take(self) -> UpstreamAnswer | None:
        """The answer, for the first who asks."""
        answer, self.answer = self.answer, None
        return answer


Outcome = Learned | Told | Uncacheable


class Contact:
    """A first contact under way.

    Args:
        asked: what it asks for.
        lead: what is to be fetched afterwards.
        stale: what it validates.
        variant: the fields of its request that are known to select a variant.
        purge_sequence: the newest purge when it began; who asks after a later one does not join.
        is_shared: others may join it.

    Attributes:
        is_outdated: the resource was changed since, so its answer is for nobody who asks later.
        is_late: it took longer than those wait who can do without it.
    """

    def __init__(
        self,
        asked: Asked,
        *,
        lead: ByteSlice | None = None,
        stale: Representation | None = None,
        variant: Selecting = EMPTY,
        purge_sequence: int = 0,
        is_shared: bool = True,
    ) -> None:
        self.asked = asked
        self.lead = lead
        self.stale = stale
        self.variant = variant
        self.purge_sequence = purge_sequence
        self.is_shared = is_shared
        self.is_outdated = False
        self._outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.is_leader_waiting = True
        self.is_late = False
        self._hearing: list[OnInterim] = []

    def is_answer_to(self, asked: Asked, stale: Representation | None) -> bool:
        """Whether who wants this is served as soon by waiting as by asking.

        A validation says the same of all parts, and everything has every part. A range that lies
        elsewhere has its own way.
        """
        if stale is not None and self.stale is stale:
            return True
        if not self.asked.is_range or not asked.is_range:
            return not self.asked.is_range
        mine, other = self.asked.part, asked.part
        if mine is None or other is None:
            return self.asked.suffix_length == asked.suffix_length
        return mine.start <= other.start < mine.stop

    @property
    def extra_bytes(self) -> int:
        """How much it fetches beyond what was asked for."""
        part, wanted = self.asked.part, self.asked.wanted
        if part is None or not isinstance(wanted, IntRange) or wanted.last_pos is None:
            return 0
        fetched = part.length + (0 if self.lead is None else self.lead.length)
        return max(0, fetched - (wanted.last_pos + 1 - wanted.first_pos))

    def tell_interim(self, status: int, fields: CIMultiDictProxy[str]) -> None:
        """Pass an interim response on to all who wait."""
        for hear in self._hearing:
            hear(status, fields)

    @contextlib.contextmanager
    def heard_by(self, hear: OnInterim) -> Iterator[None]:
        """Tell `hear` of interim responses while the block lasts."""
        self._hearing.append(hear)
        try:
            yield
        finally:
            self._hearing.remove(hear)

    async def outcome(self) -> Outcome:
        """Wait for it; leaving early leaves the others waiting.

        Raises:
            EdgeError: the upstream gave no usable answer.
        """
        return await asyncio.shield(self._outcome)

    async def outcome_for_leader(self) -> Outcome:
        """The same for who began it: an answer that nobody may share is his."""
        try:
            return await self.outcome()
        except asyncio.CancelledError:
            self.is_leader_waiting = False
            if self._outcome.done() and self._outcome.exception() is None:
                abandon(self._outcome.result())
            raise

    def settle(self, outcome: Outcome) -> None:
        """Tell all who wait."""
        if not self.is_leader_waiting:
            abandon(outcome)
        self._outcome.set_result(outcome)

    def fail(self, error: EdgeError) -> None:
        """Tell all who wait that it failed."""
        self._outcome.set_exception(error)
        self._outcome.exception()  # Marked as seen: perhaps nobody waits any more.


def abandon(outcome: Outcome) -> None:
    """Close an answer that nobody will take."""
    if isinstance(outcome, Uncacheable):
        answer = outcome.take()
        if answer is not None:
            answer.close()
