"""The worker process's side of packaging: one job after another, as JSON lines over pipes.

Requests come on standard input, one object a line:

    {"job": "inspect", "niceness": 10, "master": PATH, "edges": PATH}
    {"job": "package", "niceness": 0, "order": {...}}
    {"job": "tags", "niceness": 10, "master": PATH}
    {"job": "cover", "niceness": 10, "master": PATH, "folder": PATH, "beside": PATH or null}

Answers go to what standard output was at the start:

    {"event": "ready", "identity": {...}}             once, at the start
    {"event": "progress", "fraction": 0.42}           at most a hundred times a job
    {"event": "done", "facts": {...}}                 the last one of a job, or:
    {"event": "failed", "error": {"reason": ..., "facts": {...}}}

Paths are the hexadecimal form of their bytes. The worker ends at the end of its input, even in the
middle of a job, and when its parent is gone. Nothing of an order is ever written elsewhere.

Each job runs in a thread of its own, because of its niceness: on Linux that belongs to a thread,
and whoever has raised it may not lower it again.
"""

import ctypes
import os
import queue
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, Final

import av
import orjson

from packager.cover import read_cover
from packager.cover_facts import finding_to_json
from packager.cpu_dispatch import choose_class, force_cpu_class, variables_for
from packager.errors import PackagerError, encode_error
from packager.identity import CpuClass, identity_to_json
from packager.identity_probe import identity_of_this_process
from packager.inspection import inspect_master
from packager.inspection_result import inspection_to_json
from packager.job_limits import (
    READING_LIMITS,
    JobLimits,
    inspection_limits,
    packaging_limits,
)
from packager.jobs import (
    EXIT_NO_MEMORY,
    OnProgress,
    master_facts_from_json,
    order_from_json,
    path_from_text,
)
from packager.packaging import package_rendition
from packager.seek_index import facts_to_json
from packager.tag_reader import read_tags

Reply = Callable[[Mapping[str, object]], None]

_NICENESS: Final = 5
_NICENESS_MAX: Final = 19
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38

# Less than any job takes.
_JOB_BYTES_MIN: Final = 16 << 20


def run(*, memory_bytes_max: int, cpu_class: CpuClass | None, parent_pid: int) -> None:
    """Be a worker until the input ends.

    Args:
        memory_bytes_max: limit of this process's data, enforced by the kernel.
        cpu_class: to force; None for the best one of this machine.
        parent_pid: the process that must not be survived.
    """
    _follow_parent(parent_pid)
    try:
        chosen = choose_class(cpu_class)
    except PackagerError as error:
        _replier(sys.stdout.buffer)({"event": "failed", "error": encode_error(error)})
        return
    _start_again_unless_set(variables_for(chosen))
    _limit(memory_bytes_max)
    reply = _replier(_take_standard_output())
    av.logging.set_level(None)
    force_cpu_class(chosen)
    reply({"event": "ready", "identity": identity_to_json(identity_of_this_process(chosen))})
    serve(_limited(_lines_until_end(sys.stdin.buffer)), reply)


def _replier(answers: BinaryIO) -> Reply:
    def reply(message: Mapping[str, object]) -> None:
        answers.write(orjson.dumps(message) + b"\n")
        answers.flush()

    return reply


def _start_again_unless_set(variables: Mapping[str, str]) -> None:
    """Replace this process by one with these variables: the C library reads them at its start."""
    if any(os.environ.get(name) != value for name, value in variables.items()):
        os.execve(sys.executable, sys.orig_argv, {**os.environ, **variables})  # noqa: S606


def serve(requests: Iterator[bytes], reply: Reply) -> None:
    """Do one job after another.

    Raises:
        MemoryError: a job has exceeded the limit.
        ValueError: a request is not understood; the parent speaks another language.
    """
    for line in requests:
        try:
            facts = _do_nicely(orjson.loads(line), _throttled(reply))
        except PackagerError as error:
            reply({"event": "failed", "error": encode_error(error)})
        else:
            reply({"event": "done", "facts": facts})


def _do_nicely(request: object, on_progress: OnProgress) -> dict[str, object]:
    match request:
        case {"niceness": int(niceness), **job}:
            # A thread that lacks the memory to begin would be waited for for ever.
            bytearray(_JOB_BYTES_MIN)
            with ThreadPoolExecutor(1, initializer=_yield_more, initargs=(niceness,)) as thread:
                try:
                    done = thread.submit(_do, job, on_progress)
                except RuntimeError as error:  # There is no room for its stack.
                    raise MemoryError from error
                return done.result()
        case _:
            raise ValueError("a request that is not understood")


def _yield_more(niceness: int) -> None:
    if sys.platform == "linux":
        thread = threading.get_native_id()
        own = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, min(_NICENESS_MAX, own + niceness))


def _do(request: Mapping[object, object], on_progress: OnProgress) -> dict[str, object]:
    match request:
        case {"job": "inspect", "master": str(master), "edges": str(edges)}:
            return inspection_to_json(
                inspect_master(
                    path_from_text(master), edges=path_from_text(edges), on_progress=on_progress
                )
            )
        case {"job": "tags", "master": str(master)}:
            return {**read_tags(path_from_text(master))}
        case {
            "job": "cover",
            "master": str(master),
            "folder": str(folder),
            "beside": str() | None as beside,
        }:
            picture = None if beside is None else path_from_text(beside)
            found = read_cover(path_from_text(master), path_from_text(folder), picture)
            return finding_to_json(found)
        case {"job": "package", "order": dict(order)}:
            facts = package_rendition(order_from_json(order), on_progress=on_progress)
            return facts_to_json(facts)
        case _:
            raise ValueError("a request that is not understood")


def _throttled(reply: Reply) -> OnProgress:
    """Pass a fraction on only when it has grown by a hundredth."""
    told = 0

    def on_progress(fraction: float) -> None:
        nonlocal told
        percent = int(100 * fraction)
        if percent > told:
            told = percent
            reply({"event": "progress", "fraction": fraction})

    return on_progress


def _take_standard_output() -> BinaryIO:
    """Keep standard output for answers; what libraries print there goes to standard error."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


def _follow_parent(parent_pid: int) -> None:
    """Die with the parent, and leave Ctrl-C, which goes to the whole group, to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(0)  # The parent ended before the line above.


def _limit(memory_bytes_max: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes_max, memory_bytes_max))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # A core file would hold content keys.
    os.nice(_NICENESS)


def _limited(lines: Iterator[bytes]) -> Iterator[bytes]:
    """The same lines; before each of them the kernel is told what its job may take.

    A job that takes more of the processor's time is ended, with all of the process; one that writes
    a larger file is told that there is no room.
    """
    for line in lines:
        limits = _limits_of(line)
        _set_soft(resource.RLIMIT_CPU, int(time.process_time()) + limits.cpu_s)
        _set_soft(resource.RLIMIT_FSIZE, limits.file_bytes)
        yield line


def _set_soft(kind: int, limit: int) -> None:
    _, most = resource.getrlimit(kind)
    soft = limit if most == resource.RLIM_INFINITY else min(limit, most)
    resource.setrlimit(kind, (soft, most))


def _limits_of(line: bytes) -> JobLimits:
    match orjson.loads(line):
        case {"job": "inspect", "master": str(master)}:
            return inspection_limits(_size_of(path_from_text(master)))
        case {"job": "package", "order": {"facts": facts}}:
            return packaging_limits(master_facts_from_json(facts))
        case _:
            return READING_LIMITS


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # The job itself will say so.
        return 0


def _lines_until_end(file: BinaryIO) -> Iterator[bytes]:
    """The lines of `file`; its end also ends the process, whatever the main thread is doing."""
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read() -> None:
        try:
            for line in file:
                lines.put(line)
        except MemoryError:  # The main thread would wait for ever.
            os._exit(EXIT_NO_MEMORY)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield lines.get()


def main(arguments: list[str]) -> None:
    """Run with `MEMORY_BYTES_MAX CPU_CLASS PARENT_PID`, where the class may be `best`."""
    memory_bytes_max, cpu_class, parent_pid = arguments
    try:
        run(
            memory_bytes_max=int(memory_bytes_max),
            cpu_class=None if cpu_class == "best" else CpuClass(cpu_class),
            parent_pid=int(parent_pid),
        )
    except MemoryError:
        os._exit(EXIT_NO_MEMORY)
    except Exception:  # noqa: BLE001 - the one border of this process
        traceback.print_exc()  # Frames and messages only: no values, hence no keys.
        os._exit(1)
