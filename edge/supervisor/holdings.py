"""What a supervisor holds, and hands over to the program that takes its place in an upgrade.

The process stays the same, with its number and its children; only the program in it is another.
What it has to know of the one before stands in a file without a name, whose descriptor is told in
a variable.
"""

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import orjson

from config.credentials import Credential
from config.sockets import Queue, bind_tcp
from edge.listening import ListenerKind, Queues, bind_queues, close_queues
from edge.settings import EdgeSettings
from edge.supervisor.brief import file_in_memory, read_file_in_memory
from edge.supervisor.errors import SupervisorError
from edge.supervisor.run_folder import make_run_folder

# Whoever changes what is handed over, or what workers say, changes this: a program that cannot
# read it must not begin. Workers of form 1 may not say that they live.
FORM: Final = 2
FORMS_READ: Final = (1, 2)

VARIABLE: Final = "ATTACCA_HANDED_OVER"


@dataclass(frozen=True, slots=True)
class KeptWorker:
    """A worker that was started by the program before this one."""

    slot: int
    pid: int
    channel_fd: int
    admin_path: Path
    is_draining: bool


@dataclass(frozen=True, slots=True)
class Holdings:
    """What belongs to the node, whichever program supervises it.

    Attributes:
        media: the queues of each slot.
        admin: of the admin listener.
        run_dir: where the node's processes meet.
        lock_fd: marks it as in use.
        inner: the credential that workers ask their supervisor for.
        workers: that run already.
        ledger: see `Ledger.save`.
        counts: see `SupervisorCounts`.
    """

    media: Sequence[Queues]
    admin: Queue
    run_dir: Path
    lock_fd: int
    inner: Credential = field(repr=False)
    workers: Sequence[KeptWorker] = ()
    ledger: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def fresh(cls, settings: EdgeSettings) -> Self:
        """Those of a node that begins.

        Raises:
            ListenerError: an address is taken or not of this machine.
        """
        (admin,) = bind_tcp(settings.admin_host, settings.admin_port)
        try:
            media = bind_queues(settings, workers_of(settings))
        except BaseException:
            for one in admin:
                one.close()
            raise
        run_dir, lock_fd = make_run_folder()
        return cls(media, admin, run_dir, lock_fd, Credential.generate())

    @classmethod
    def handed_over(cls, fd: int) -> Self:
        """Those of the program before this one.

        Raises:
            SupervisorError: that one told it in another form.
        """
        facts: dict[str, Any] = orjson.loads(read_file_in_memory(fd))
        if facts["form"] not in FORMS_READ:
            raise SupervisorError("what was handed over has another form: restart the node")
        return cls(
            media=[
                {ListenerKind(kind): _sockets(fds) for kind, fds in queues.items()}
                for queues in facts["media"]
            ],
            admin=_sockets(facts["admin"]),
            run_dir=Path(facts["run_dir"]),
            lock_fd=_kept_back(facts["lock_fd"]),
            inner=Credential(facts["inner"]),
            workers=[
                KeptWorker(
                    one["slot"],
                    one["pid"],
                    _kept_back(one["channel_fd"]),
                    Path(one["admin_path"]),
                    one["is_draining"],
                )
                for one in facts["workers"]
            ],
            ledger=facts["ledger"],
            counts=facts["counts"],
        )

    def hand_over(self) -> int:
        """A file for the next program; it and all that it names are kept when that begins."""
        media = [
            {str(kind): [one.fileno() for one in queue] for kind, queue in queues.items()}
            for queues in self.media
        ]
        admin = [one.fileno() for one in self.admin]
        facts = {
            "form": FORM,
            "media": media,
            "admin": admin,
            "run_dir": str(self.run_dir),
            "lock_fd": self.lock_fd,
            "inner": self.inner.reveal(),
            "workers": [
                {
                    "slot": one.slot,
                    "pid": one.pid,
                    "channel_fd": one.channel_fd,
                    "admin_path": str(one.admin_path),
                    "is_draining": one.is_draining,
                }
                for one in self.workers
            ],
            "ledger": self.ledger,
            "counts": self.counts,
        }
        fd = file_in_memory(orjson.dumps(facts))
        channels = [one.channel_fd for one in self.workers]
        of_media = [one for queues in media for fds in queues.values() for one in fds]
        for one in (fd, self.lock_fd, *channels, *admin, *of_media):
            os.set_inheritable(one, True)  # noqa: FBT003 - it has no name
        return fd

    def close(self) -> None:
        """Close the sockets."""
        for queues in self.media:
            close_queues(queues)
        for one in self.admin:
            one.close()


def as_held(settings: EdgeSettings, held: Holdings) -> EdgeSettings:
    """Settings of a node that runs: its addresses and its workers are as they are."""
    kept = {"workers": len(held.media)}
    return settings.model_copy(update=kept)


def workers_of(settings: EdgeSettings) -> int:
    """How many workers a node has."""
    return settings.workers or len(os.sched_getaffinity(0))


def _sockets(fds: Sequence[int]) -> Queue:
    return tuple(socket.socket(fileno=_kept_back(fd)) for fd in fds)


def _kept_back(fd: int) -> int:
    """A descriptor that no further program is to have."""
    os.set_inheritable(fd, False)  # noqa: FBT003 - it has no name
    return fd
