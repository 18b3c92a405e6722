import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge.supervisor.errors import SupervisorError
from edge.supervisor.holdings import FORM, FORMS_READ
from edge.supervisor.upgrading import (
    FORM_VARIABLE,
    can_begin,
    check_form,
    taken_over,
    this_command,
)

pytestmark = pytest.mark.socket

# Becomes another program that takes over and tells what it found; a signal comes between.
_SCRIPT = """
import os, signal, sys
from edge.settings import EdgeSettings
from edge.supervisor.holdings import Holdings
from edge.supervisor.upgrading import become, heed_signals, taken_over
from config.sockets import port_of
held = taken_over()
if held is None:
    held = Holdings.fresh(EdgeSettings(port=0, admin_port=0))
    print(os.getpid(), port_of(held.admin[0]), flush=True)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
    os.kill(os.getpid(), signal.SIGHUP)
    become([sys.executable, "-c", sys.orig_argv[-1]], held)
signal.signal(signal.SIGHUP, lambda *_: print("heard", flush=True))
heed_signals()
print(os.getpid(), port_of(held.admin[0]), flush=True)
os.close(held.lock_fd)
"""


def test_another_program_has_the_process_the_sockets_and_the_signals(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        env={**os.environ, "RUNTIME_DIRECTORY": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    first, heard, second = done.stdout.splitlines()
    assert first == second
    assert heard == "heard"


@pytest.mark.parametrize(("code", "can"), [("pass", True), ("import nothing_like_it", False)])
async def test_a_program_that_cannot_begin_is_found_out(code: str, *, can: bool):
    assert await can_begin([sys.executable, "-S", "-c", code]) is can


async def test_a_program_is_told_what_it_would_have_to_read(monkeypatch: pytest.MonkeyPatch):
    code = f"import os, sys; sys.exit(os.environ['{FORM_VARIABLE}'] != '{FORM}')"
    assert await can_begin([sys.executable, "-S", "-c", code])
    check_form()
    for form in FORMS_READ:
        monkeypatch.setenv(FORM_VARIABLE, str(form))
        check_form()
    monkeypatch.setenv(FORM_VARIABLE, str(FORM + 1))
    with pytest.raises(SupervisorError, match="restart the node"):
        check_form()


async def test_a_program_that_is_not_there_is_none(caplog: pytest.LogCaptureFixture):
    assert not await can_begin(["/nowhere/python"])
    assert caplog.messages == ["a program cannot be tried"]


def test_without_a_program_before_there_is_nothing_to_take_over():
    assert taken_over() is None


def test_the_command_is_that_of_this_process():
    assert this_command()[0] == sys.executable
    assert this_command()[1:] == sys.orig_argv[1:]
