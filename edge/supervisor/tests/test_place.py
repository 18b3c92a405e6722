from pathlib import Path

from edge.supervisor.channel import Channel
from edge.supervisor.place import Place
from edge.supervisor.tests.making import config_of
from edge.supervisor.worker_process import WorkerProcess


async def test_its_workers_are_all_that_serve_or_will_or_did():
    place = Place(0, {}, config_of())
    assert place.workers == []
    channel, theirs = Channel.pair()
    workers = [
        WorkerProcess(slot=0, pid=pid, channel=channel, admin_path=Path("/a")) for pid in range(3)
    ]
    place.starting, place.current = workers[1], workers[0]
    place.draining.add(workers[2])
    assert place.workers == workers
    channel.close()
    theirs.close()


def test_no_secret_is_shown():
    assert "Credentials" not in repr(config_of())
