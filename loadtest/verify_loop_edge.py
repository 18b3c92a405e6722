"""An edge whose event loop is watched: which calls it makes into the system, how long it is held.

Run by `loadtest.verify_loop` as a process of its own. The first line of standard input has the
settings and what to watch; then `begin` and `end` stand around what counts. The report is a line of
JSON on standard output.

* `calls`: a profile function sees each call of a builtin from the loop's thread, and an audit hook
  what libraries do by themselves. What may wait for a disk, a name server or another process is
  noted with who has called it.
* `times`: each callback of the loop is timed: the CPU that it took, and how long it slept, which is
  what to block means. That others had the processor meanwhile is left out (the kernel tells how
  long). asyncio's debug mode is on.
"""

import asyncio
import heapq
import logging
import os
import sys
import threading
import time
from asyncio import base_events, events
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Final, TypeAlias

import orjson
import uvloop
from typing_extensions import override

from config.credentials import Credential
from config.loop_watch import settle_collector
from edge.app import EdgeCredentials, open_edge
from edge.settings import EdgeSettings

ROOT: Final = Path(__file__).parents[1].as_posix() + "/"
SLOW_S: Final = 0.05
_SLOWEST: Final = 12
_NEVER_S: Final = 1e6
_ASLEEP_S: Final = 0.005

# Functions of the operating system's module that never wait.
_HARMLESS: Final = frozenset(
    {
        *("fspath", "getpid", "get_blocking", "set_blocking", "register_at_fork", "urandom"),
        *("get_terminal_size", "getcwd", "cpu_count", "sched_getaffinity", "strerror", "WIFEXITED"),
    }
)
_WAITING: Final = frozenset(
    {
        *("time.sleep", "_io.open", "_socket.getaddrinfo", "_socket.getnameinfo"),
        *("_socket.gethostbyname", "_socket.gethostbyaddr", "_posixsubprocess.fork_exec"),
    }
)
_WAITING_MODULES: Final = frozenset({"posix", "fcntl", "_sqlite3", "_posixshmem"})
_FILES: Final = (
    "FileIO.",
    "BufferedReader.",
    "BufferedWriter.",
    "BufferedRandom.",
    "TextIOWrapper.",
)
_AUDITED: Final = (
    *("open", "import", "os.", "shutil.", "glob.", "tempfile.", "sqlite3.", "subprocess."),
    *("socket.getaddrinfo", "socket.gethostby", "time.sleep", "ctypes.dlopen", "fcntl."),
)

Profile: TypeAlias = Callable[[FrameType, str, Any], object]


class CallWatch:
    """Notes calls that may wait, on one thread."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._is_on = False
        self.calls: Counter[tuple[str, str]] = Counter()
        sys.addaudithook(self._hear)

    def begin(self) -> None:
        """From now on. Called on the thread that is watched, as is `end`."""
        self._is_on = True
        sys.setprofile(self._see)
        # A watch that sees nothing proves nothing.
        before = len(self.calls)
        Path("/dev/null").read_bytes()
        time.sleep(0)
        if len(self.calls) < before + 3:
            raise SystemExit("calls are not seen")
        self.calls.clear()

    def end(self) -> None:
        """No more."""
        sys.setprofile(None)
        self._is_on = False

    def report(self) -> dict[str, object]:
        """What was seen, the most frequent first."""
        return {"calls": [[*key, count] for key, count in self.calls.most_common()]}

    def _see(self, frame: FrameType, event: str, called: Any) -> None:  # noqa: ANN401
        if event != "c_call":
            return
        module, name = getattr(called, "__module__", None), called.__qualname__
        is_waiting = (
            (module in _WAITING_MODULES and name not in _HARMLESS)
            or f"{module}.{name}" in _WAITING
            or name.startswith(_FILES)
        )
        if is_waiting:
            self.calls[f"{module}.{name}" if module else name, _place(frame)] += 1

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self._is_on or threading.get_ident() != self._thread:
            return
        if event.startswith(_AUDITED):
            what = f" {arguments[0]}" if event == "import" else ""
            self.calls[f"audit {event}{what}", _place(sys._getframe(1))] += 1  # noqa: SLF001


def _place(frame: FrameType | None) -> str:
    """Where a call comes from: the innermost place within this project."""
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(ROOT) and not name.startswith(ROOT + ".venv"):
            return f"{name.removeprefix(ROOT)}:{frame.f_code.co_name}"
        frame = frame.f_back
    return "outside"


class TimeWatch(logging.Handler):
    """Times each callback of a loop."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._is_on = False
        self._slowest: list[tuple[float, int, float, str]] = []
        self._number = 0
        self._asleep = 0
        self._asleep_s = 0.0
        self._schedule = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
        self._warnings: list[str] = []
        loop = asyncio.get_running_loop()
        loop.set_debug(True)
        loop.slow_callback_duration = _NEVER_S
        logging.getLogger("asyncio").addHandler(self)
        timed = self._timed(events.Handle._run)  # noqa: SLF001
        events.Handle._run = timed  # type: ignore[method-assign,assignment]  # noqa: SLF001

    def begin(self) -> None:
        """From now on."""
        self._is_on = True

    def end(self) -> None:
        """No more."""
        self._is_on = False

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Keep what asyncio has to say."""
        if self._is_on:
            self._warnings.append(record.getMessage())

    def report(self) -> dict[str, object]:
        """The slowest callbacks, and how many gave up the processor."""
        slowest = [
            {"held_ms": held_s * 1e3, "cpu_ms": cpu_s * 1e3, "what": what}
            for held_s, _, cpu_s, what in sorted(self._slowest, reverse=True)
        ]
        return {
            "callbacks": self._number,
            "asleep": self._asleep,
            "asleep_ms": self._asleep_s * 1e3,
            "slowest": slowest,
            "warnings": self._warnings,
        }

    def _timed(self, run: Callable[[events.Handle], None]) -> Callable[[events.Handle], None]:
        def timed(handle: events.Handle) -> None:
            if not self._is_on:
                run(handle)
                return
            begun_s, (cpu_s, delayed_s) = time.perf_counter(), self._scheduled()
            run(handle)
            cpu_after_s, delayed_after_s = self._scheduled()
            held_s = time.perf_counter() - begun_s - (delayed_after_s - delayed_s)
            self._note(handle, held_s, cpu_after_s - cpu_s)

        return timed

    def _scheduled(self) -> tuple[float, float]:
        """CPU seconds of this thread, and how long it was ready to run and others were running."""
        cpu_ns, delayed_ns, _ = os.pread(self._schedule, 100, 0).split()
        return int(cpu_ns) / 1e9, int(delayed_ns) / 1e9

    def _note(self, handle: events.Handle, held_s: float, cpu_s: float) -> None:
        self._number += 1
        # The kernel brings its figures up to date some hundred times a second.
        if held_s - cpu_s > _ASLEEP_S:
            self._asleep += 1
            self._asleep_s += held_s - cpu_s
        if len(self._slowest) < _SLOWEST or held_s > self._slowest[0][0]:
            heapq.heappush(self._slowest, (held_s, self._number, cpu_s, _told(handle)))
            if len(self._slowest) > _SLOWEST:
                heapq.heappop(self._slowest)


def _told(handle: events.Handle) -> str:
    """What a callback was; of a task where in this project it stands now."""
    task = getattr(handle._callback, "__self__", None)  # type: ignore[attr-defined]  # noqa: SLF001
    if not isinstance(task, asyncio.Task):
        return str(base_events._format_handle(handle))  # type: ignore[attr-defined]  # noqa: SLF001
    inner: Any = task.get_coro()
    places = []
    while (code := getattr(inner, "cr_code", None)) is not None:
        places.append(code.co_qualname)
        inner = inner.cr_await
    return " > ".join(places)


class Watched:
    """The edge, on a thread of its own: the first one reads orders, which may wait."""

    def __init__(self, settings: EdgeSettings, operator: Credential, watch: str) -> None:
        self._settings = settings
        self._credentials = EdgeCredentials(operator=operator)
        self._kind: type[CallWatch | TimeWatch] = CallWatch if watch == "calls" else TimeWatch
        self._is_uvloop = watch == "calls"
        self._is_open = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def follow_orders(self) -> None:
        """Until standard input ends."""
        self._thread.start()
        while not self._is_open.wait(0.1):
            if not self._thread.is_alive():
                raise SystemExit(1)
        print(orjson.dumps([self._service.url, self._service.admin_url]).decode(), flush=True)
        for line in sys.stdin:
            match line.strip():
                case "begin":
                    self._call(self._watch.begin)
                case "reopen":
                    self._call(self._service.log.reopen)
                case "end":
                    self._call(self._watch.end)
                    print(orjson.dumps(self._watch.report()).decode(), flush=True)
                case other:
                    raise SystemExit(f"no such order: {other}")
        self._call(self._stopped.set)
        self._thread.join()

    def _call(self, what: Callable[[], object]) -> None:
        done = threading.Event()

        def call() -> None:
            what()
            done.set()

        self._loop.call_soon_threadsafe(call)
        done.wait()

    def _run(self) -> None:
        factory = uvloop.new_event_loop if self._is_uvloop else asyncio.new_event_loop
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        self._watch = self._kind()
        opening = open_edge(self._settings, credentials=self._credentials, clock=time.time)
        async with opening as self._service:
            settle_collector()
            self._is_open.set()
            await self._stopped.wait()


def main() -> None:
    """Run one edge."""
    order = orjson.loads(sys.stdin.readline())
    settings = EdgeSettings.model_validate(order["settings"])
    Watched(settings, Credential(order["operator"]), order["watch"]).follow_orders()


if __name__ == "__main__":
    main()
