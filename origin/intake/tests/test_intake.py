import asyncio
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from origin.intake.errors import UploadFieldError, UploadTooLargeError
from origin.intake.event_log import EventLog
from origin.intake.intake import IntakeMeans, open_intake
from origin.intake.labels import Label, Quota
from origin.intake.settings import UploadSettings
from origin.intake.tests.services import (
    Clock,
    TextIngest,
    make_claims,
    make_intake,
    make_labels,
    make_store,
)
from origin.intake.tests.uploads import add_complete
from origin.intake.upload import State
from origin.intake.upload_store import UploadStore

LABEL = Label("nebula", Quota(1 << 40, None, 10))


async def test_what_waits_is_processed_in_the_background(tmp_path: Path):
    store, clock = make_store(), Clock()
    stored = [await add_complete(store, b"tone %d" % number) for number in range(5)]
    registry = CollectorRegistry()
    ingest = TextIngest(store)
    means = IntakeMeans(
        store=store,
        claims=make_claims(store, clock),
        ingest=ingest,
        labels=make_labels(),
        scratch=tmp_path,
        master_bytes_max=1 << 20,
        registry=registry,
        clock=clock,
        monotonic=clock,
    )
    async with asyncio.timeout(10), open_intake(means, UploadSettings(poll_s=0.01)):
        await ingest.is_reached.wait()
        follower = EventLog(store)
        while not any(await follower.read("nebula", after=19, limit=1)):
            await follower.wait(0.005)
    assert registry.get_sample_value("origin_uploads_total", {"state": "ready"}) == 5
    for one in stored:
        found = await UploadStore(store).find("nebula", one.upload.upload_id)
        assert found is not None
        assert found.upload.state is State.READY


async def test_no_upload_is_empty_or_larger_than_a_master(tmp_path: Path):
    intake = make_intake(make_store(), tmp_path)
    with pytest.raises(UploadFieldError):
        await intake.create(LABEL, 0, {}, None)
    with pytest.raises(UploadTooLargeError):
        await intake.create(LABEL, (1 << 30) + 1, {}, None)
