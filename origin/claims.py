"""Claims: who of several processes on one store does a piece of work. Kept in the store itself.

A claim is an object that its holder puts if it is absent, and puts again from time to time. Others
watch its entity tag. If that has not changed for a whole lease, by the watcher's own monotonic
clock, the holder is taken for dead, and the first one to replace its claim has it: no two clocks
are ever compared.

A holder that was only slow learns at its next renewal that it has lost the claim. Until then two
may work: what is done under a claim must do no harm if it is done twice.
"""

import asyncio
import contextlib
import logging
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

import orjson

from config.tasks import open_tasks
from origin.errors import ClaimLostError, ObjectConflictError, ObjectMissingError, StoreError
from origin.object_key import claim_key
from origin.ports import IfAbsent, IfMatch, ObjectStore, PutCondition

logger = logging.getLogger(__name__)

CLAIM_BYTES_MAX: Final = 4096

# Renewals in a lease: two may fail before a claim is lost.
_RENEWALS: Final = 3

# Looks at a claim of somebody else: often at first, since most work is short.
_POLL_FIRST_S: Final = 0.1
_POLL_GROWTH: Final = 1.5
_POLL_S_MAX: Final = 2.0

# Claims of others that are watched at a time. Whoever falls out is watched anew.
_WATCHED_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class ClaimState:
    """What a claim tells about itself.

    Attributes:
        owner: the process that holds it.
        progress: of its work, from 0 to 1.
    """

    owner: str
    progress: float


@dataclass(frozen=True, slots=True)
class _Found:
    """A claim in the store; `nonce` is that of the one who took it, None if it is unreadable."""

    etag: str
    nonce: str | None
    state: ClaimState


class Claim:
    """A claim that is held. Made by `Claims`."""

    def __init__(self, store: ObjectStore, name: str, owner: str) -> None:
        self._store = store
        self._key = claim_key(name)
        self._name = name
        self._owner = owner
        self._nonce = secrets.token_hex(8)
        self._progress = 0.0
        self._renewals = 0
        self._etag = ""

    @property
    def name(self) -> str:
        """What is claimed."""
        return self._name

    def tell(self, progress: float) -> None:
        """Note how far the work is, from 0 to 1; others learn it with the next renewal."""
        self._progress = progress

    async def renew(self) -> None:
        """Show that the holder is alive.

        Raises:
            ClaimLostError: somebody else has taken it over.
            StoreError: the store cannot be written; the claim may still hold.
        """
        if not await self.put(IfMatch(self._etag)):
            raise ClaimLostError(self._name)

    async def release(self) -> None:
        """Let others have it. Nothing happens if it was lost.

        Raises:
            StoreError: the store cannot be written; others wait for the end of the lease.
        """
        found = await _read(self._store, self._name)
        # By the nonce: a renewal that was cancelled may have been done.
        if found is not None and found.nonce == self._nonce:
            await self._store.delete(self._key)

    async def put(self, condition: PutCondition) -> bool:
        """Write the claim; tell whether it is ours. For `Claims`.

        Raises:
            StoreError: the store cannot be written.
        """
        self._renewals += 1
        content = orjson.dumps(
            {
                "owner": self._owner,
                "nonce": self._nonce,
                "progress": self._progress,
                "renewals": self._renewals,
            }
        )
        try:
            head = await self._store.put(self._key, content, condition=condition)
        except ObjectConflictError:
            # A put that was tried again may have met the one that it was tried again for.
            found = await _read(self._store, self._name)
            if found is None or found.nonce != self._nonce:
                return False
            self._etag = found.etag
        else:
            self._etag = head.etag
        return True


class Claims:
    """Takes claims for this process, and watches those of others.

    Args:
        store: where claims are.
        owner: names this process for people; it need not be unique.
        lease_s: how long a holder may be silent before it is taken for dead.
        monotonic: seconds since any moment.
    """

    def __init__(
        self, store: ObjectStore, *, owner: str, lease_s: float, monotonic: Callable[[], float]
    ) -> None:
        assert lease_s > 0
        self.lease_s: Final = lease_s
        self._store = store
        self._owner = owner
        self._monotonic = monotonic
        # For each claim of others its entity tag, and since when it has been that.
        self._watched: OrderedDict[str, tuple[str, float]] = OrderedDict()

    async def take(self, name: str) -> Claim | None:
        """Take a claim if it is free; the caller renews and releases it.

        A claim whose holder is dead is free as soon as this process has watched it for a lease:
        so wait (`wait_free`) and ask again, or use `hold`, which does all of it.

        Returns:
            None if somebody else holds it and is alive as far as is known.

        Raises:
            StoreError: the store cannot be read or written.
        """
        claim = Claim(self._store, name, self._owner)
        found = await _read(self._store, name)
        if found is None:
            return claim if await self._put(claim, IfAbsent()) else None
        if not self._is_dead(name, found.etag):
            return None
        self._watched.pop(name, None)
        if not await self._put(claim, IfMatch(found.etag)):
            return None
        logger.warning(
            "a claim was taken over", extra={"claim": name, "former_owner": found.state.owner}
        )
        return claim

    @contextlib.asynccontextmanager
    async def hold(
        self, name: str, *, on_wait: Callable[[ClaimState], None] = lambda _: None
    ) -> AsyncIterator[Claim]:
        """Wait until a claim is ours, keep it while the block runs, and release it.

        Args:
            name: what to claim; one or more segments of a key.
            on_wait: is told what its holder tells, time after time while another one has it.

        Raises:
            ClaimLostError: it was taken over; the block is cancelled.
            StoreError: the store cannot be read or written.
        """
        while (claim := await self.take(name)) is None:
            await self.wait_free(name, on_wait=on_wait)
        async with self.keep(claim):
            yield claim

    @contextlib.asynccontextmanager
    async def keep(self, claim: Claim) -> AsyncIterator[None]:
        """Renew a claim that was taken while the block runs, and release it.

        Raises:
            ClaimLostError: it was taken over; the block is cancelled.
        """
        try:
            async with open_tasks() as tasks:
                tasks.start(self._renew(claim))
                yield
        except ExceptionGroup as failures:
            match failures.exceptions:
                case (ClaimLostError() as lost,):
                    raise lost from None
                case _:
                    raise
        finally:
            await self._let_go(claim)

    async def wait_free(
        self, name: str, *, on_wait: Callable[[ClaimState], None] = lambda _: None
    ) -> None:
        """Wait until a claim is released, or its holder is dead: then `take` may succeed.

        Raises:
            StoreError: the store cannot be read.
        """
        pause_s = _POLL_FIRST_S
        while (found := await _read(self._store, name)) is not None:
            if self._is_dead(name, found.etag):
                return
            on_wait(found.state)
            await asyncio.sleep(min(pause_s, self.lease_s / _RENEWALS))
            pause_s = min(pause_s * _POLL_GROWTH, _POLL_S_MAX)

    async def bury(self, name: str) -> bool:
        """Remove a claim if its holder is dead; otherwise it is watched from now on.

        It is taken over first, so that whoever wants it at the same moment does not lose his.

        Raises:
            StoreError: the store cannot be read or written.
        """
        found = await _read(self._store, name)
        if found is None or not self._is_dead(name, found.etag):
            return False
        self._watched.pop(name, None)
        claim = Claim(self._store, name, self._owner)
        if not await self._put(claim, IfMatch(found.etag)):
            return False
        await self._let_go(claim)
        return True

    async def peek(self, name: str) -> ClaimState | None:
        """What the holder of a claim tells; None if nobody holds it.

        Raises:
            StoreError: the store cannot be read.
        """
        found = await _read(self._store, name)
        return None if found is None else found.state

    async def _renew(self, claim: Claim) -> None:
        """Renew a claim until it is lost, which ends the block that it is held for."""
        renewed_s = self._monotonic()
        while True:
            await asyncio.sleep(self.lease_s / _RENEWALS)
            try:
                await claim.renew()
                renewed_s = self._monotonic()
            except ClaimLostError:
                raise
            except StoreError as error:
                logger.warning("a claim cannot be renewed", extra={"reason": error.reason})
                if self._monotonic() - renewed_s > self.lease_s:
                    # Others may take it over from now on.
                    raise ClaimLostError(claim.name) from error

    async def _put(self, claim: Claim, condition: PutCondition) -> bool:
        try:
            return await claim.put(condition)
        except (asyncio.CancelledError, StoreError):
            # It may have been done all the same, and nobody would renew it.
            await self._let_go(claim)
            raise

    async def _let_go(self, claim: Claim) -> None:
        try:
            await claim.release()
        except StoreError as error:
            logger.warning("a claim stays until its lease ends", extra={"reason": error.reason})

    def _is_dead(self, name: str, etag: str) -> bool:
        """Watch a claim; tell whether it has not changed for a lease."""
        now_s = self._monotonic()
        watched = self._watched.get(name)
        if watched is not None and watched[0] == etag:
            return now_s - watched[1] >= self.lease_s
        self._watched[name] = (etag, now_s)
        self._watched.move_to_end(name)
        if len(self._watched) > _WATCHED_MAX:
            self._watched.popitem(last=False)
        return False


async def _read(store: ObjectStore, name: str) -> _Found | None:
    try:
        stored = await store.read(claim_key(name), size_max=CLAIM_BYTES_MAX)
    except ObjectMissingError:
        return None
    match _decode(stored.content):
        case {"owner": str(owner), "nonce": str(nonce), "progress": float(progress)}:
            return _Found(stored.head.etag, nonce, ClaimState(owner, progress))
        case _:
            # Of another release, perhaps: it counts until its lease ends.
            return _Found(stored.head.etag, None, ClaimState("", 0.0))


def _decode(content: bytes) -> object:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
