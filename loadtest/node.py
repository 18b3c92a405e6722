"""An installation as a process tree: `attacca up` in a folder, and the commands beside it.

with running_node(data) as node:
    (track,) = node.json_lines("ingest", str(master))
    report = node.json_lines("play", track["track_id"])[0]
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from queue import Empty, Queue
from types import MappingProxyType
from typing import IO, Any, Final

import psutil

# Packaging a long master takes minutes; a command that takes longer hangs.
COMMAND_S_MAX: Final = 1800.0
START_S_MAX: Final = 60.0
STOP_S_MAX: Final = 20.0


class NodeFailedError(Exception):
    """A command failed, or the node did not start or stop as it should."""


class Node:
    """Commands on one data folder, and what `up` said when it was ready.

    Args:
        data: the folder.
        attacca: the command; None for that of this checkout.
        variables: of the environment, beside those of this process.
    """

    def __init__(
        self,
        data: Path,
        *,
        attacca: Path | None = None,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.data = data
        self._variables = variables
        self.ready: dict[str, Any] = {}
        self._attacca = [str(attacca)] if attacca else [sys.executable, "-m", "cli"]
        self._process: subprocess.Popen[str] | None = None

    @property
    def edge(self) -> str:
        """URL of the edge."""
        return str(self.ready["edge"])

    @property
    def process(self) -> subprocess.Popen[str]:
        """The process of `up`."""
        assert self._process is not None
        return self._process

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command on the data folder and wait for it."""
        return subprocess.run(
            [*self._attacca, *arguments],
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=COMMAND_S_MAX,
            check=False,
        )

    def output(self, *arguments: str) -> str:
        """What a command prints.

        Raises:
            NodeFailedError: it failed.
        """
        done = self.command(*arguments)
        if done.returncode != 0:
            raise NodeFailedError(f"{arguments} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def json_lines(self, *arguments: str) -> list[dict[str, Any]]:
        """What a command prints with `--json`.

        Raises:
            NodeFailedError: it failed.
        """
        return [json.loads(line) for line in self.output(*arguments, "--json").splitlines()]

    def start_command(
        self, *arguments: str, stderr: IO[str] | int = subprocess.DEVNULL
    ) -> subprocess.Popen[str]:
        """Start a command in a process group of its own and do not wait for it."""
        return subprocess.Popen(
            [*self._attacca, *arguments],
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )

    def start(self, *arguments: str) -> None:
        """Start `up` on free ports and wait until it says that it is ready.

        Raises:
            NodeFailedError: it ended, or said nothing in time.
        """
        self._process = self.start_command("up", "--port", "0", "--json", *arguments)
        lines: Queue[str] = Queue()
        threading.Thread(target=_pump, args=(self._process, lines), daemon=True).start()
        try:
            self.ready = json.loads(lines.get(timeout=START_S_MAX))
            if self.ready["event"] != "ready":
                raise NodeFailedError(f"`up` said {self.ready}")
        except (Empty, ValueError, LookupError) as error:
            status = self._process.poll()
            raise NodeFailedError(f"`up` said nothing that is ready; status {status}") from error
        finally:
            if not self.ready:
                self.kill()

    def stop(self) -> int:
        """Stop `up` as Ctrl-C does, and tell its exit status.

        Raises:
            NodeFailedError: it does not stop, or leaves processes behind.
        """
        process = self.process
        tree = _tree_of(process.pid)
        process.send_signal(signal.SIGINT)
        try:
            status = process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            raise NodeFailedError("`up` does not stop") from None
        left = psutil.wait_procs(tree, timeout=STOP_S_MAX)[1]
        _close(process)
        if left:
            raise NodeFailedError(f"`up` left {len(left)} processes behind")
        return status

    def kill(self) -> None:
        """Kill the whole tree at once, as a power cut would."""
        kill_tree(self.process)
        _close(self.process)

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "ATTACCA_DATA": str(self.data), **self._variables}


def kill_tree(process: subprocess.Popen[str]) -> None:
    """Kill a process and all that it started, and wait until none is left."""
    tree = _tree_of(process.pid)
    for one in tree:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    process.kill()
    process.wait(STOP_S_MAX)
    psutil.wait_procs(tree, timeout=STOP_S_MAX)


@contextlib.contextmanager
def running_node(data: Path, *arguments: str) -> Iterator[Node]:
    """A node on `data`, stopped when the block is left."""
    node = Node(data)
    node.start(*arguments)
    try:
        yield node
    finally:
        if node.process.poll() is None:
            node.stop()


def _tree_of(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _pump(process: subprocess.Popen[str], lines: Queue[str]) -> None:
    assert process.stdout is not None
    with contextlib.suppress(ValueError):  # Closed while it waited: nobody reads on.
        for line in process.stdout:
            lines.put(line)
    lines.put("")


def _close(process: subprocess.Popen[str]) -> None:
    if process.stdout is not None:
        process.stdout.close()
