"""`python -m cli.edge_worker FD`: a worker of an edge. Its supervisor starts it, and nobody else.

What it is to do stands in its standard input; FD is a channel to the supervisor.
"""

import ctypes
import faulthandler
import os
import signal
import socket
import sys
from typing import Final

from cli import console
from cli.clock import WALL_CLOCK_S
from config.descriptors import raise_descriptor_limit
from config.observability import configure_logging
from edge.allocator import keep_freed_memory
from edge.supervisor.brief import Brief
from edge.supervisor.channel import Channel
from edge.supervisor.worker import run_worker

# linux/prctl.h
_PR_SET_PDEATHSIG: Final = 1

# What is sent to a group of processes is for the supervisor to answer.
_IGNORED: Final = (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def main() -> None:
    """Run a worker; the exit status tells whether it could serve."""
    # Should the supervisor be killed, nothing is to be left of it.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    # A worker that hangs is asked where before it is killed. Nothing of its data is shown.
    faulthandler.register(signal.SIGQUIT)
    configure_logging()
    keep_freed_memory()
    raise_descriptor_limit()
    with open(os.devnull, "rb") as nothing, os.fdopen(os.dup(0), "rb") as told:  # noqa: PTH123
        document = told.read()
        os.dup2(nothing.fileno(), 0)
    channel = Channel(socket.socket(fileno=int(sys.argv[1])))
    has_served = console.run(run_worker(Brief.decode(document), channel, clock=WALL_CLOCK_S))
    sys.exit(0 if has_served else 1)


if __name__ == "__main__":
    main()
