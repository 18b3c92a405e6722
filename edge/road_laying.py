"""Laying the road: the parts that answer requests, put together from the settings."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Self

from config.tasks import Tasks
from edge.access_log import AccessLog
from edge.breaker import Breaker, RetryBudget
from edge.contacts import Contacts
from edge.fill_slots import FillSlots
from edge.fills import Fills
from edge.guarded_upstream import GuardedUpstream
from edge.invalidation import Invalidation
from edge.lane import Lane, LaneParts
from edge.metrics import EdgeCounts
from edge.origin_budget import OriginBudget
from edge.pacing import AnswerPacing
from edge.passing import Passer
from edge.past_cache import PastCache
from edge.ports import Upstream
from edge.purges import Purges
from edge.reading import Reading
from edge.road import Checkpoint, Road
from edge.sending import Sender
from edge.serving import Serving, StaleLimits
from edge.settings import EdgeSettings, LimitSettings
from edge.tiers import Tiers
from edge.uncacheables import Uncacheables
from edge.upstream_answers import LengthLimits
from edge.warming import Warmer, WarmLimits, WarmParts


@dataclass(frozen=True, slots=True)
class Ground:
    """What all parts of a node stand on.

    Attributes:
        settings: of the node.
        tiers: keep stored responses.
        purges: that are in effect.
        origin: where everything comes from.
        source: who is asked for it: the origin, or the owner among several processes.
        tasks: owns what goes on apart from listeners.
        counts: of this worker.
        clock: seconds since the epoch.
        slots: bound requests to the origin.
        uncacheables: what there is no use in asking for together.
        budget: of what clients make the edge fetch.
    """

    settings: EdgeSettings
    tiers: Tiers
    purges: Purges
    origin: Upstream
    source: Upstream
    tasks: Tasks
    counts: EdgeCounts
    clock: Callable[[], float]
    slots: FillSlots = field(init=False)
    uncacheables: Uncacheables = field(init=False)
    budget: OriginBudget = field(init=False)

    def __post_init__(self) -> None:
        cache, limits = self.settings.cache, self.settings.limits
        slots = FillSlots(
            slots_max=limits.fills_max,
            wait_s=limits.fill_wait_s,
            lent_max=max(0, limits.upstream_connections_max - limits.fills_max),
        )
        uncacheables = Uncacheables(
            keys_max=cache.uncacheable_keys_max, remembered_s=cache.uncacheable_s
        )
        budget = OriginBudget(
            debt_bytes_max=limits.origin_debt_bytes_max,
            forgiven_bytes_per_s=limits.origin_debt_forgiven_bytes_per_s,
            clients_max=limits.origin_debts_max,
        )
        object.__setattr__(self, "slots", slots)
        object.__setattr__(self, "budget", budget)
        object.__setattr__(self, "uncacheables", uncacheables)

    @property
    def is_token_checked(self) -> bool:
        """Whether listeners show tokens."""
        return self.settings.token_check

    @property
    def lengths(self) -> LengthLimits:
        """Longer representations are kept and served in parts only."""
        cache = self.settings.cache
        disk_bytes = sum(folder.bytes_max for folder in cache.disk.folders)
        in_one = int(cache.memory_bytes * cache.object_share_max)
        return LengthLimits(max(in_one, int(disk_bytes * cache.object_share_max)), in_one)

    @property
    def run_bytes_max(self) -> int:
        """What one request for a range asks for."""
        return max(self.settings.cache.slice_bytes, self.settings.cache.run_bytes_max)


@dataclass(frozen=True, slots=True)
class WayToContent:
    """The parts that know of content, or have it fetched: listeners and warming share them.

    Attributes:
        fills: what is under way.
        reading: content that is here, or comes.
        contacts: the way to what is not known.
    """

    fills: Fills
    reading: Reading
    contacts: Contacts

    @classmethod
    def of(cls, ground: Ground) -> Self:
        """The one of a node."""
        fills = _fills(ground)
        return cls(fills, Reading(ground.tiers.store, fills), _contacts(ground, fills))


def lay_road(
    ground: Ground,
    way: WayToContent,
    *,
    checkpoint: Checkpoint | None,
    node_id: str,
    log: AccessLog,
    invalidation: Invalidation,
) -> Road:
    """The way of requests through a node.

    Args:
        ground: what it is laid on.
        way: where it leads.
        checkpoint: checks tokens; None where they are not checked.
        node_id: told to upstreams.
        log: of requests.
        invalidation: of what is changed.
    """
    passer = Passer(
        content_bytes_max=ground.settings.limits.content_bytes_max,
        content_stall_s=ground.settings.limits.content_stall_s,
        is_token_checked=ground.is_token_checked,
        counts=ground.counts,
    )
    return Road(
        serving=_serving(ground, way, passer),
        invalidation=invalidation,
        passer=passer,
        origin=ground.origin,
        checkpoint=checkpoint,
        node_id=node_id,
        clock=ground.clock,
        counts=ground.counts,
        log=log,
    )


def lay_lane(ground: Ground, checkpoint: Checkpoint | None, log: AccessLog) -> Lane | None:
    """The fast lane beside the road; None if the settings do without it."""
    if not ground.settings.fast_lane:
        return None
    return Lane(
        LaneParts(
            store=ground.tiers.store,
            verifier=None if checkpoint is None else checkpoint.gate.verifier,
            lengths=ground.lengths,
            budget=ground.budget,
            counts=ground.counts.hits,
            log=log,
            is_paced=ground.settings.limits.pace > 0,
            clock=ground.clock,
        )
    )


def guarded(upstream: Upstream, limits: LimitSettings, counts: EdgeCounts) -> Upstream:
    """An upstream that is spared while it does not answer."""
    breaker = Breaker(failures_max=limits.upstream_failures_max, open_s=limits.upstream_open_s)
    retries = RetryBudget(share=limits.upstream_retry_share)
    return GuardedUpstream(upstream, breaker=breaker, retries=retries, counts=counts)


def warmer_of(ground: Ground, way: WayToContent) -> Warmer:
    """What warms the cache of a node."""
    limits = ground.settings.limits
    slice_bytes = ground.settings.cache.slice_bytes
    return Warmer(
        WarmParts(
            store=ground.tiers.store,
            fills=way.fills,
            reading=way.reading,
            contacts=way.contacts,
            purges=ground.purges,
            is_busy=partial(_is_busy, ground),
            counts=ground.counts,
        ),
        WarmLimits(
            targets_max=limits.warms_max,
            bytes_per_s=limits.warm_bytes_per_s,
            slice_bytes=slice_bytes,
            step_bytes=ground.run_bytes_max - ground.run_bytes_max % slice_bytes,
            kept_bytes_max=ground.lengths.in_parts,
        ),
        is_token_checked=ground.is_token_checked,
        clock=ground.clock,
    )


def _is_busy(ground: Ground) -> bool:
    """Whether what nobody waits for is better left: for listeners' fills, or for the disk."""
    if ground.slots.is_crowded:
        return True
    disk = ground.tiers.disk
    if disk is None:
        return False
    # What the queue has no room for is not written at all.
    queued_bytes_max = ground.settings.cache.disk.queue_bytes_max // 2
    return not disk.is_listed or disk.queued_bytes > queued_bytes_max


def _serving(ground: Ground, way: WayToContent, passer: Passer) -> Serving:
    limits = ground.settings.limits
    sender = Sender(
        way.reading,
        budget=ground.budget,
        is_token_checked=ground.is_token_checked,
        clock=ground.clock,
        pacing=AnswerPacing(factor=limits.pace, burst_s=limits.pace_burst_s),
    )
    return serving_of(ground, way, passer=passer, sender=sender, budget=ground.budget)


def serving_of(
    ground: Ground, way: WayToContent, *, passer: Passer, sender: Sender, budget: OriginBudget
) -> Serving:
    """What serves GET and HEAD to those that `sender` and `passer` send to."""
    cache = ground.settings.cache
    return Serving(
        store=ground.tiers.store,
        sender=sender,
        contacts=way.contacts,
        uncacheables=ground.uncacheables,
        past=PastCache(
            passer,
            ground.tiers.store,
            origin=ground.origin,
            told_of=ground.source,
            is_token_checked=ground.is_token_checked,
        ),
        lengths=ground.lengths,
        stale=StaleLimits(cache.stale_patience_s, cache.stale_disconnected_s),
        budget=budget,
        is_token_checked=ground.is_token_checked,
        clock=ground.clock,
    )


def _fills(ground: Ground) -> Fills:
    return Fills(
        store=ground.tiers.store,
        upstream=ground.source,
        tasks=ground.tasks,
        slots=ground.slots,
        run_bytes_max=ground.run_bytes_max,
        length_max=ground.lengths.in_one,
        uncacheables=ground.uncacheables,
        is_token_checked=ground.is_token_checked,
        counts=ground.counts,
    )


def _contacts(ground: Ground, fills: Fills) -> Contacts:
    return Contacts(
        store=ground.tiers.store,
        fills=fills,
        slots=ground.slots,
        upstream=ground.source,
        tasks=ground.tasks,
        uncacheables=ground.uncacheables,
        purges=ground.purges,
        slice_bytes=ground.settings.cache.slice_bytes,
        run_bytes_max=ground.run_bytes_max,
        limits=ground.lengths,
        told_s=ground.settings.cache.told_s,
        is_token_checked=ground.is_token_checked,
        counts=ground.counts,
    )
