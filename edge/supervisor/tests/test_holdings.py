import os
from pathlib import Path

import pytest

from config.credentials import Credential
from config.sockets import ListenerError, port_of
from edge.listening import ListenerKind
from edge.settings import EdgeSettings
from edge.supervisor.brief import file_in_memory
from edge.supervisor.errors import SupervisorError
from edge.supervisor.holdings import FORM, Holdings, KeptWorker, workers_of

pytestmark = pytest.mark.socket


def settings_of(**values: object) -> EdgeSettings:
    return EdgeSettings.model_validate({"port": 0, "admin_port": 0, "workers": 2, **values})


def test_another_program_takes_them_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    held = Holdings.fresh(settings_of())
    channel_fd, other_fd = os.pipe()
    worker = KeptWorker(1, 77, channel_fd, tmp_path / "admin.sock", is_draining=True)
    told = Holdings(
        held.media, held.admin, held.run_dir, held.lock_fd, held.inner, [worker], {"a": 1}, {"b": 2}
    )
    fd = told.hand_over()
    ports = [port_of(queues[ListenerKind.MEDIA][0]) for queues in held.media]
    kept = [fd, channel_fd, held.lock_fd, *(one.fileno() for one in held.admin)]
    assert all(os.get_inheritable(one) for one in kept)
    # As in another program: the descriptors are there, the objects are not.
    for one in (*held.admin, *(one for queues in held.media for one in queues[ListenerKind.MEDIA])):
        one.detach()
    taken = Holdings.handed_over(fd)
    assert [port_of(queues[ListenerKind.MEDIA][0]) for queues in taken.media] == ports
    assert taken.inner.matches(held.inner.reveal())
    assert (taken.workers, taken.ledger, taken.counts) == ([worker], {"a": 1}, {"b": 2})
    assert not any(os.get_inheritable(one) for one in kept[1:])
    assert held.inner.reveal() not in repr(taken)
    taken.close()
    for left in (channel_fd, other_fd, held.lock_fd):
        os.close(left)


@pytest.mark.parametrize("form", [0, FORM + 1])
def test_what_has_another_form_is_refused(form: int):
    with pytest.raises(SupervisorError, match="another form"):
        Holdings.handed_over(file_in_memory(b'{"form": %d}' % form))


def test_what_an_earlier_program_hands_over_is_taken(tmp_path: Path):
    folder_fd = os.open(tmp_path, os.O_RDONLY)
    document = (
        b'{"form":1,"media":[],"admin":[],"run_dir":"/run/edge","lock_fd":%d,"inner":"%b",'
        b'"workers":[],"ledger":{},"counts":{}}'
    )
    inner = Credential.generate().reveal().encode()
    taken = Holdings.handed_over(file_in_memory(document % (folder_fd, inner)))
    os.close(folder_fd)
    assert taken.run_dir == Path("/run/edge")


def test_an_address_that_is_taken_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    held = Holdings.fresh(settings_of())
    with pytest.raises(ListenerError):
        Holdings.fresh(settings_of(port=port_of(held.media[0][ListenerKind.MEDIA][0])))
    held.close()
    os.close(held.lock_fd)


def test_none_is_one_for_each_core():
    assert workers_of(settings_of(workers=0)) == len(os.sched_getaffinity(0))
    assert workers_of(settings_of(workers=3)) == 3
