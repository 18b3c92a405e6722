"""An edge node: its parts put together, its two listeners opened."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial

from aiohttp import web
from prometheus_client import CollectorRegistry

from config.credentials import Credential
from config.listener import admin_app, open_listener_on, url_of_queue
from config.sockets import ListenerError, Queue, bind_tcp
from config.tasks import Tasks, open_tasks
from drm.tokens import TokenVerifier
from edge.access import Gate
from edge.access_log import AccessLog, open_access_log
from edge.adapters.aiohttp_upstream import open_upstream
from edge.disk.disk_folder import make_shared_folder
from edge.fields import CACHE_NAME
from edge.invalidation import Invalidation
from edge.listening import (
    ListenerKind,
    Listening,
    Queues,
    bind_queues,
    close_queues,
    open_listening,
)
from edge.metrics import EdgeCounts, registry_of
from edge.peers.joining import join
from edge.peers.mesh import ALONE, Mesh, MeshGround, open_mesh
from edge.peers.spreading import Spreading
from edge.ports import Upstream
from edge.purge_api import PurgeApi
from edge.purges import Purges
from edge.refusal_limits import RefusalLimits
from edge.road import Checkpoint
from edge.road_laying import Ground, WayToContent, guarded, lay_lane, lay_road, warmer_of
from edge.settings import EdgeSettings
from edge.slices import SliceStore
from edge.slot import Slot
from edge.tiers import Tiers, open_tiers
from edge.tls.doorway import TlsDoorway
from edge.tls.metrics import TlsCollector
from edge.token_keys import TokenKeys
from edge.warm_api import WarmApi
from edge.worker_share import share_of

# The start waits this long for drm, and goes on without keys: `/readyz` says so.
_FIRST_KEYS_S = 2.0

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class EdgeCredentials:
    """What an edge shows, and what it is shown.

    Attributes:
        edge: shown to origin and drm with each request.
        operator: opens the admin listener.
    """

    edge: Credential | None = field(default=None, repr=False)
    operator: Credential | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class EdgeSockets:
    """What an edge listens on, bound by whoever starts it; the edge closes them.

    Attributes:
        media: for listeners.
        admin: for the operator.
    """

    media: Queues
    admin: Queue

    def close(self) -> None:
        """Close this process's copies."""
        close_queues(self.media)
        for one in self.admin:
            one.close()


@dataclass(frozen=True, slots=True)
class EdgeService:
    """A running edge.

    Attributes:
        url: of the listener for media.
        admin_url: of the admin listener.
        tiers: what keeps stored responses, for those who look into it.
        counts: of this worker.
        log: of requests.
        doorway: TLS of the listener for media; None if it speaks in the clear.
        listening: for media.
        registry: of its metrics.
    """

    url: str
    admin_url: str
    tiers: Tiers
    counts: EdgeCounts
    log: AccessLog
    doorway: TlsDoorway | None
    listening: Listening
    registry: CollectorRegistry

    async def drain(self, within_s: float) -> None:
        """Take no new connections, and wait until those that there are have come to their end.

        The disk is given up at once: a successor waits for it.
        """
        await asyncio.gather(self.listening.drain(within_s), self.tiers.give_up_disk())

    def read_certificates(self) -> None:
        """Read them now, changed or not."""
        if self.doorway is not None:
            self.doorway.watch.ask()

    @property
    def store(self) -> SliceStore:
        """The memory tier."""
        return self.tiers.store


@contextlib.asynccontextmanager
async def open_edge(
    settings: EdgeSettings,
    *,
    credentials: EdgeCredentials,
    clock: Clock,
    slot: Slot | None = None,
    sockets: EdgeSockets | None = None,
    is_successor: bool = False,
) -> AsyncIterator[EdgeService]:
    """Run an edge until the block is left; requests under way then have a moment to end.

    Args:
        settings: of the node; a worker takes its share of them.
        credentials: of the node and its operator.
        clock: seconds since the epoch.
        slot: which of the node's workers this is; None if it has no others.
        sockets: to listen on, rather than on the addresses of the settings.
        is_successor: another worker of the slot may be there, and have its disk folders.

    Raises:
        ListenerError: an address is taken or not of this machine.
        SettingsError: the access log cannot be opened, or a certificate not be used.
    """
    if slot is not None:
        if slot.count > 1:
            for folder in settings.cache.disk.folders:
                await asyncio.to_thread(make_shared_folder, folder.path)
        settings = share_of(settings, slot)
    limits = settings.limits
    counts = EdgeCounts()
    purges = Purges(entries_max=settings.cache.purge_entries_max)
    node_id = secrets.token_hex(8)
    reach = partial(
        open_upstream, credential=credentials.edge, node_id=node_id, limits=limits, clock=clock
    )
    async with contextlib.AsyncExitStack() as stack:
        tiers = await stack.enter_async_context(
            open_tiers(settings.cache, purges, is_successor=is_successor)
        )
        origin = guarded(await stack.enter_async_context(reach(settings.upstream)), limits, counts)
        drm = await stack.enter_async_context(reach(settings.drm)) if settings.token_check else None
        mesh_ground = MeshGround(settings.peers, limits, slot or ALONE, node_id, clock, counts)
        mesh = await stack.enter_async_context(open_mesh(mesh_ground))
        # They end before the upstreams that they ask.
        tasks = await stack.enter_async_context(open_tasks())
        checkpoint = await _open_checkpoint(settings, drm, tasks, counts)
        ground = Ground(settings, tiers, purges, origin, mesh.source(origin), tasks, counts, clock)
        way = WayToContent.of(ground)
        spreading = await stack.enter_async_context(join(mesh, ground, way))
        log = await stack.enter_async_context(open_access_log(settings.access_log, counts))
        invalidation = Invalidation(spreading.invalidate, purge=spreading.purge)
        road = lay_road(
            ground, way, invalidation=invalidation, checkpoint=checkpoint, node_id=node_id, log=log
        )
        bound = sockets or bind_sockets(settings)
        stack.callback(bound.close)
        doorway = await _open_doorway(settings, tasks, clock)
        lane = lay_lane(ground, checkpoint, log)
        listening = await stack.enter_async_context(open_listening(road, lane, doorway, ground))
        registry = _registry(counts, tiers, purges, doorway)
        admin = _admin_of(ground, checkpoint, registry, credentials.operator)
        for api in _apis_of(ground, way, mesh, spreading):
            api.add_to(admin)
        await stack.enter_async_context(open_listener_on(admin, bound.admin, shutdown_s=1.0))
        # Last: a purge reaches everything that has been served.
        tiers.wait_for_disk()
        await listening.accept(mesh.ground.slot.number, bound.media)
        admin_url = url_of_queue(settings.admin_host, bound.admin)
        url = media_url(settings, bound.media)
        yield EdgeService(url, admin_url, tiers, counts, log, doorway, listening, registry)


def bind_sockets(settings: EdgeSettings) -> EdgeSockets:
    """Listen on the addresses of an edge.

    Raises:
        ListenerError: one is taken or not of this machine.
    """
    (media,) = bind_queues(settings)
    try:
        (admin,) = bind_tcp(settings.admin_host, settings.admin_port)
    except ListenerError:
        close_queues(media)
        raise
    return EdgeSockets(media, admin)


def _admin_of(
    ground: Ground,
    checkpoint: Checkpoint | None,
    registry: CollectorRegistry,
    operator: Credential | None,
) -> web.Application:
    settings = ground.settings
    admin = admin_app(
        registry=registry,
        readiness=lambda: _readiness(checkpoint),
        weaknesses=ground.tiers.problems,
        operator=operator,
        is_metrics_open=settings.is_metrics_open,
        allowed_hosts=frozenset(settings.allowed_hosts),
    )
    admin.on_response_prepare.append(_name_server)
    return admin


def _apis_of(
    ground: Ground, way: WayToContent, mesh: Mesh, spreading: Spreading
) -> tuple[PurgeApi, WarmApi]:
    is_checked = ground.is_token_checked
    purge = PurgeApi(spreading.purge, is_token_checked=is_checked, members=mesh.members.names)
    return purge, WarmApi(warmer_of(ground, way).warm, is_token_checked=is_checked)


async def _open_checkpoint(
    settings: EdgeSettings, drm: Upstream | None, tasks: Tasks, counts: EdgeCounts
) -> Checkpoint | None:
    if drm is None:
        return None
    drm = guarded(drm, settings.limits, counts)
    checked = settings.tokens
    verifier = TokenVerifier({}, checked.remembered_max)
    limits = RefusalLimits(
        burst=checked.refusals_burst,
        refill_per_s=checked.refusals_per_s,
        clients_max=checked.clients_max,
    )
    keys = TokenKeys(
        verifier,
        drm,
        refresh_s=checked.refresh_s,
        early_refresh_s=checked.early_refresh_s,
        clock=asyncio.get_running_loop().time,
        counts=counts,
    )
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_FIRST_KEYS_S):
            await keys.refresh()
    tasks.keep(keys.keep_fresh, "fetching token keys")
    return Checkpoint(Gate(verifier, limits), keys, drm, frozenset(settings.allowed_hosts))


def _registry(
    counts: EdgeCounts, tiers: Tiers, purges: Purges, doorway: TlsDoorway | None
) -> CollectorRegistry:
    registry = registry_of(counts, tiers, purges)
    if doorway is not None:
        registry.register(TlsCollector(doorway.keyring, doorway.counts))
    return registry


def media_url(settings: EdgeSettings, media: Queues) -> str:
    """The URL of the listener for media."""
    scheme = "https" if settings.tls.certificates else "http"
    return url_of_queue(settings.host, media[ListenerKind.MEDIA], scheme=scheme)


async def _open_doorway(settings: EdgeSettings, tasks: Tasks, clock: Clock) -> TlsDoorway | None:
    if not settings.tls.certificates:
        return None
    doorway = await TlsDoorway.open(settings.tls, settings.front.fronts(), clock)
    tasks.keep(doorway.watch.watch, "watching certificates")
    return doorway


async def _name_server(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = CACHE_NAME


def _readiness(checkpoint: Checkpoint | None) -> dict[str, str]:
    if checkpoint is None or checkpoint.keys.has_keys:
        return {}
    return {"token-keys-missing": "drm has not been reached since the start"}
