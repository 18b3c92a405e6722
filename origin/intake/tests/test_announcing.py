import orjson
from prometheus_client import CollectorRegistry

from origin.intake.announcing import Announcer
from origin.intake.event_log import EventLog
from origin.intake.metrics import IntakeMetrics
from origin.intake.tests.services import Clock, make_store
from origin.intake.tests.uploads import NOW_S, UPLOAD_ID, add_complete, make_upload
from origin.intake.upload import State
from origin.intake.upload_store import UploadStore
from origin.ports import ObjectStore


def make_announcer(store: ObjectStore) -> Announcer:
    figures = IntakeMetrics(CollectorRegistry())
    return Announcer(UploadStore(store), EventLog(store), figures, clock=Clock())


async def test_a_new_state_is_in_the_record_and_told():
    store = make_store()
    stored = await UploadStore(store).add(make_upload())
    changed = await make_announcer(store).enter(stored, stored.upload.in_state(State.DECODING))
    assert await UploadStore(store).find("nebula", UPLOAD_ID) == changed
    (event,) = await EventLog(store).read("nebula", after=0, limit=10)
    document = orjson.loads(event.content)
    assert (document["upload_id"], document["state"]) == (UPLOAD_ID, "decoding")
    assert document["at_s"] == NOW_S


async def test_a_complete_upload_is_told_once():
    store = make_store()
    announcer = make_announcer(store)
    stored = await announcer.tell_once(await add_complete(store, b"tone"))
    assert stored.upload.is_told
    assert await announcer.tell_once(stored) == stored
    assert await EventLog(store).newest("nebula") == 1


async def test_what_somebody_processes_already_is_left_alone():
    store = make_store()
    stored = await add_complete(store, b"tone")
    begun = await UploadStore(store).change(stored, stored.upload.in_state(State.DECODING))
    assert await make_announcer(store).tell_once(stored) == stored
    assert await UploadStore(store).find("nebula", stored.upload.upload_id) == begun
