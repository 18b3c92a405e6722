"""Opens the origin: the library on its store, and the listeners in front of it."""

import asyncio
import contextlib
import functools
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from config.credentials import Credential
from config.listener import admin_app, open_listener
from config.tasks import open_tasks
from drm.ports import ContentKeys
from origin.access import OriginCredentials
from origin.adapters.folder_store import open_folder_store
from origin.adapters.http_edge import HttpEdge
from origin.claim_sweep import open_claim_sweep
from origin.claims import Claims
from origin.demand import Demand, DemandLimits, open_demand
from origin.intake.intake import IntakeMeans, open_intake
from origin.intake.labels import KnownLabel, Label, Labels, Quota
from origin.intake.ledger import OPEN_UPLOADS_MAX
from origin.intake.ports import Ingest
from origin.intake.routes import add_intake
from origin.invalidation import Invalidation
from origin.last_use import open_last_use
from origin.library import Library
from origin.metrics import OriginMetrics
from origin.outbox import Outbox
from origin.ports import ObjectStore
from origin.readiness import open_readiness
from origin.record_store import RecordStore
from origin.release_warming import NotingIngest, ReleaseWarming
from origin.resources import Resources
from origin.routes import origin_app
from origin.settings import OriginSettings, StoreKind, StoreSettings
from origin.upkeep import Upkeep
from origin.work_folder import open_work_folder
from origin.workshop import Workshop
from packager.errors import ScratchError
from packager.pool import open_pool

__all__ = ["OriginCredentials", "OriginService", "open_library", "open_origin"]


@dataclass(frozen=True, slots=True)
class OriginService:
    """A running origin.

    Attributes:
        url: for edges.
        admin_url: `/metrics`, `/healthz`, `/readyz`.
        library: takes masters in.
        telling: keeps edges told what to purge, while its block runs; they are named by the URLs of
            their admin listeners, with their operators' credentials.
    """

    url: str
    admin_url: str
    library: Library
    telling: Callable[[Mapping[str, Credential]], AbstractAsyncContextManager[None]]


@contextlib.asynccontextmanager
async def open_library(
    settings: OriginSettings, *, content_keys: ContentKeys, clock: Callable[[], float]
) -> AsyncIterator[Library]:
    """Open the library on its store, without listeners. Others may have it open too.

    Raises:
        StoreError: the store cannot be opened.
        PackagerError: the scratch folder cannot be used, or no worker starts.
    """
    figures = OriginMetrics()
    async with (
        _open_workshop(settings, content_keys, clock) as workshop,
        _open_demand(settings, workshop, figures) as demand,
    ):
        yield _library_of(workshop, demand, figures)


@contextlib.asynccontextmanager
async def open_origin(
    settings: OriginSettings,
    *,
    content_keys: ContentKeys,
    credentials: OriginCredentials,
    clock: Callable[[], float],
) -> AsyncIterator[OriginService]:
    """Run the origin until the block is left.

    Raises:
        StoreError: the store cannot be opened.
        PackagerError: the scratch folder cannot be used, or no worker starts.
        ListenerError: an address cannot be listened on.
    """
    figures = OriginMetrics()
    allowed_hosts = frozenset(settings.allowed_hosts)
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        workshop = await enter(_open_workshop(settings, content_keys, clock))
        demand = await enter(_open_demand(settings, workshop, figures))
        library = _library_of(workshop, demand, figures)
        readiness = await enter(
            open_readiness(
                workshop.store,
                packager_problem=lambda: library.packager_problem,
                interval_s=settings.probe_interval_s,
            )
        )
        last_use = await enter(
            open_last_use(workshop.store, clock=clock, monotonic=workshop.monotonic)
        )
        await enter(open_claim_sweep(workshop.store, _claims_of(settings, workshop)))
        app = origin_app(
            Resources(
                workshop.store,
                workshop.records,
                demand,
                wait_s=settings.packager.wait_s,
                note_use=last_use.note,
            ),
            credentials=credentials,
            allowed_hosts=allowed_hosts,
            figures=figures,
            clock=clock,
        )
        warming = ReleaseWarming(workshop.records, figures=figures)
        ingest = NotingIngest(library, warming) if settings.is_release_warmed else library
        intake = await enter(
            open_intake(
                _intake_means(settings, workshop, ingest, credentials, figures),
                settings.ingest.uploads,
            )
        )
        add_intake(app, intake)
        admin = admin_app(
            registry=figures.registry,
            readiness=readiness.reasons,
            operator=credentials.operator,
            is_metrics_open=settings.is_metrics_open,
            allowed_hosts=allowed_hosts,
        )
        url = await enter(open_listener(app, host=settings.host, port=settings.port))
        admin_url = await enter(
            open_listener(admin, host=settings.admin_host, port=settings.admin_port)
        )
        telling = functools.partial(_telling, settings, workshop, figures, warming)
        yield OriginService(url, admin_url, library, telling)


@contextlib.asynccontextmanager
async def _telling(
    settings: OriginSettings,
    workshop: Workshop,
    figures: OriginMetrics,
    warming: ReleaseWarming,
    edges: Mapping[str, Credential],
) -> AsyncIterator[None]:
    async with aiohttp.ClientSession() as session, open_tasks() as tasks:
        told = [HttpEdge(url, operator, session) for url, operator in edges.items()]
        invalidation = Invalidation(
            Outbox(workshop.store, clock=workshop.clock),
            told,
            figures=figures,
            clock=workshop.clock,
            monotonic=workshop.monotonic,
        )
        tasks.start(invalidation.run(settings.purge_interval_s))
        tasks.start(warming.run(told))
        yield


def _library_of(workshop: Workshop, demand: Demand, figures: OriginMetrics) -> Library:
    outbox = Outbox(workshop.store, clock=workshop.clock)
    return Library(workshop, demand, Upkeep(workshop, demand, outbox), figures)


@contextlib.asynccontextmanager
async def _open_workshop(
    settings: OriginSettings, content_keys: ContentKeys, clock: Callable[[], float]
) -> AsyncIterator[Workshop]:
    async with contextlib.AsyncExitStack() as stack:
        scratch = await _enter_scratch(settings.scratch, stack)
        store = await stack.enter_async_context(_open_store(settings.store, scratch, clock))
        pool = await stack.enter_async_context(
            open_pool(
                workers=settings.packager.workers,
                memory_bytes_max=settings.packager.memory_bytes_max,
                cpu_class=settings.packager.cpu_class,
            )
        )
        yield Workshop(
            store=store,
            records=RecordStore(store, kept_bytes_max=settings.record_memory_bytes),
            content_keys=content_keys,
            packager=pool,
            scratch=scratch,
            master_bytes_max=settings.ingest.master_bytes_max,
            scheme=settings.packager.scheme,
            clock=clock,
            monotonic=time.monotonic,
        )


def _open_demand(
    settings: OriginSettings, workshop: Workshop, figures: OriginMetrics
) -> AbstractAsyncContextManager[Demand]:
    limits = DemandLimits(
        places=settings.packager.workers, session_jobs_max=settings.packager.session_jobs_max
    )
    return open_demand(workshop, _claims_of(settings, workshop), limits, figures)


def _claims_of(settings: OriginSettings, workshop: Workshop) -> Claims:
    return Claims(
        workshop.store,
        owner=f"{socket.gethostname()}-{os.getpid()}",
        lease_s=settings.packager.claim_lease_s,
        monotonic=workshop.monotonic,
    )


def _intake_means(
    settings: OriginSettings,
    workshop: Workshop,
    ingest: Ingest,
    credentials: OriginCredentials,
    figures: OriginMetrics,
) -> IntakeMeans:
    return IntakeMeans(
        store=workshop.store,
        claims=_claims_of(settings, workshop),
        ingest=ingest,
        labels=_labels_of(settings, credentials),
        scratch=workshop.scratch,
        master_bytes_max=workshop.master_bytes_max,
        registry=figures.registry,
        clock=workshop.clock,
        monotonic=workshop.monotonic,
    )


def _labels_of(settings: OriginSettings, credentials: OriginCredentials) -> Labels:
    bytes_max = settings.ingest.master_bytes_max
    return Labels(
        KnownLabel(Label("", Quota(bytes_max, None, OPEN_UPLOADS_MAX)), credentials.operator),
        [
            KnownLabel(
                Label(
                    name,
                    Quota(
                        upload_bytes_max=label.upload_bytes_max or bytes_max,
                        day_bytes_max=label.day_bytes_max,
                        open_uploads_max=label.open_uploads_max,
                    ),
                ),
                credentials.labels[name],
            )
            for name, label in settings.ingest.labels.items()
        ],
        allowed_hosts=frozenset(settings.allowed_hosts),
        origins=frozenset(settings.ingest.uploads.origins),
    )


def _open_store(
    settings: StoreSettings, scratch: Path, clock: Callable[[], float]
) -> AbstractAsyncContextManager[ObjectStore]:
    match settings.kind:
        case StoreKind.FOLDER:
            return open_folder_store(settings.folder)
        case StoreKind.S3:
            # botocore takes a tenth of a second to import, and a folder needs none of it.
            from origin.adapters.s3_store import open_s3_store  # noqa: PLC0415

            return open_s3_store(settings.s3, scratch=scratch, clock=clock)


async def _enter_scratch(parent: Path, stack: contextlib.AsyncExitStack) -> Path:
    """The work folder of this process; what killed processes left is removed."""
    try:
        return await asyncio.to_thread(stack.enter_context, open_work_folder(parent))
    except OSError as error:
        raise ScratchError(f"folder {parent}: {error.strerror or error}") from error
