"""Another program in this process: the supervisor's own code is exchanged, and nothing else.

The process keeps its number, its sockets and its workers. Only when the new program has shown that
it can begin is the old one left; then it takes over what it finds (`edge.supervisor.holdings`) and
replaces the workers one after the other.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

from edge.supervisor.errors import SupervisorError
from edge.supervisor.holdings import FORM, FORMS_READ, VARIABLE, Holdings

logger = logging.getLogger(__name__)

# In which form a program on trial is to be handed over what there is.
FORM_VARIABLE: Final = f"{VARIABLE}_FORM"

# How long a program may take to show that it can begin.
_TRIAL_S_MAX: Final = 60.0

# They wait while there is nobody to answer them, rather than end the process.
_HELD_BACK: Final = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGUSR2,
)


def this_command() -> list[str]:
    """The command that this program was begun with."""
    return [sys.executable, *sys.orig_argv[1:]]


async def can_begin(command: Sequence[str]) -> bool:
    """Whether a program gets as far as having its settings, and ends in peace.

    Args:
        command: with an option that has it end there.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            env={**os.environ, FORM_VARIABLE: str(FORM)},
        )
    except OSError as error:
        logger.warning("a program cannot be tried", extra={"error": str(error)})
        return False
    try:
        async with asyncio.timeout(_TRIAL_S_MAX):
            return await process.wait() == 0
    except TimeoutError:
        logger.warning("a program on trial did not end", extra={"within_s": _TRIAL_S_MAX})
        process.kill()
        await process.wait()
        return False


def check_form() -> None:
    """On trial: find out whether what would be handed over can be read.

    Raises:
        SupervisorError: it cannot.
    """
    if os.environ.get(FORM_VARIABLE, str(FORM)) not in map(str, FORMS_READ):
        raise SupervisorError("what would be handed over has another form: restart the node")


def become(command: Sequence[str], holdings: Holdings) -> None:
    """Become another program that takes over what this one holds. It returns if it cannot."""
    fd = holdings.hand_over()
    environment = {**os.environ, VARIABLE: str(fd)}
    signal.pthread_sigmask(signal.SIG_BLOCK, _HELD_BACK)
    try:
        os.execve(command[0], list(command), environment)  # noqa: S606 - our own command
    except OSError as error:
        logger.error("no upgrade: %s", error)  # noqa: TRY400 - it is told
        os.close(fd)
        heed_signals()


def heed_signals() -> None:
    """Answer signals again, those that have waited first; once there is somebody who does."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD_BACK)


def taken_over() -> Holdings | None:
    """What the program before this one has handed over, if there was one.

    Raises:
        SupervisorError: it cannot be read.
    """
    told = os.environ.pop(VARIABLE, None)
    return None if told is None else Holdings.handed_over(int(told))
