"""CPU time of a process with all its threads and children, and the cores that they may use.

The scheduler's own count (`/proc/PID/task/TID/schedstat`, in nanoseconds) gives the sum; the
split into user and system is that of `/proc/PID/stat`, whose ticks are 10 ms.
"""

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
# Fields 14 and 15 of `/proc/PID/stat`, counted behind the name in parentheses: proc(5).
_UTIME: Final = 11
_STIME: Final = 12


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """CPU time that was spent, in seconds."""

    user_s: float
    system_s: float

    @property
    def total_s(self) -> float:
        """Both."""
        return self.user_s + self.system_s


@dataclass(frozen=True, slots=True)
class CpuReading:
    """What the operating system says at one moment.

    Attributes:
        ns_by_thread: of each thread's time on a core.
        user_ticks: of all processes.
        system_ticks: of all processes.
    """

    ns_by_thread: Mapping[int, int]
    user_ticks: int
    system_ticks: int

    def since(self, earlier: "CpuReading") -> CpuTimes:
        """What was spent between two readings; of threads that ended meanwhile, nothing."""
        total_s = 1e-9 * sum(
            ns - earlier.ns_by_thread.get(thread, 0) for thread, ns in self.ns_by_thread.items()
        )
        user = self.user_ticks - earlier.user_ticks
        system = self.system_ticks - earlier.system_ticks
        share = user / (user + system) if user + system > 0 else 0.0
        return CpuTimes(total_s * share, total_s * (1 - share))


def parse_schedstat(text: str) -> int:
    """Nanoseconds on a core."""
    return int(text.split(" ", 1)[0])


def parse_stat(text: str) -> tuple[int, int]:
    """Ticks of user and system time; the name of a process may hold anything."""
    fields = text.rpartition(")")[2].split()
    return int(fields[_UTIME]), int(fields[_STIME])


def read_cpu(pids: Iterable[int]) -> CpuReading:
    """Read all threads of some processes; those that have ended are passed over."""
    ns_by_thread: dict[int, int] = {}
    user_ticks = system_ticks = 0
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            user, system = parse_stat((_PROC / str(pid) / "stat").read_text())
            user_ticks, system_ticks = user_ticks + user, system_ticks + system
        for thread in _threads_of(pid):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                text = (_PROC / str(pid) / "task" / str(thread) / "schedstat").read_text()
                ns_by_thread[thread] = parse_schedstat(text)
    return CpuReading(ns_by_thread, user_ticks, system_ticks)


def pin(pids: Iterable[int], cores: Iterable[int]) -> None:
    """Let all threads of some processes run on `cores` only."""
    allowed = frozenset(cores)
    for pid in pids:
        for thread in _threads_of(pid):
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(thread, allowed)


def _threads_of(pid: int) -> list[int]:
    try:
        return [int(one.name) for one in (_PROC / str(pid) / "task").iterdir()]
    except FileNotFoundError:
        return []
