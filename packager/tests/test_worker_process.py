import asyncio
import logging
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typing_extensions import override

from packager import worker_process
from packager.errors import WorkerDiedError, WorkerStartError, WorkerTimeoutError
from packager.worker_process import WorkerProcess, start_worker

READY = (
    '{"event": "ready", "identity": {"libraries": {}, "wheels": {}, "architecture": "a",'
    ' "libc": "b", "cpu_class": "generic", "packaging_format": 1}}'
)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes `python -m packager` run another program in the worker's place."""

    def use(text: str) -> None:
        package = tmp_path / "packager"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "__main__.py").write_text(text)
        monkeypatch.setattr(worker_process, "_PROJECT", str(tmp_path))

    return use


async def worker() -> WorkerProcess:
    return await start_worker(memory_bytes_max=400 << 20, cpu_class=None)


async def test_a_worker_becomes_ready_and_ends_when_it_is_closed():
    running = await worker()
    identity = await running.identify()
    assert identity.libraries["av"]
    assert running.is_alive
    assert not running.is_busy
    await running.close()
    assert not running.is_alive


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


async def test_a_worker_inherits_neither_secrets_nor_what_changes_its_mathematics(
    monkeypatch: pytest.MonkeyPatch,
):
    withheld = {
        "ATTACCA_DRM__KEK": "key-of-keys",
        "attacca_origin__store__secret": "in-lower-case",
        "AWS_SECRET_ACCESS_KEY": "of-the-store",
        "GLIBC_TUNABLES": "glibc.malloc.check=0",
    }
    for name, value in {**withheld, "TZ": "Asia/Kathmandu"}.items():
        monkeypatch.setenv(name, value)
    running = await worker()
    await running.identify()
    environment = environment_of(running.pid)
    await running.close()
    assert b"Asia/Kathmandu" in environment
    assert not [value for value in withheld.values() if value.encode() in environment]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="ends at once"),
        pytest.param("print('hello', flush=True); input()", id="says no JSON"),
        pytest.param("print('[]', flush=True); input()", id="says something else"),
        pytest.param("print('x' * (9 << 20), flush=True); input()", id="says too much"),
        pytest.param("print('half a line', end='', flush=True)", id="half a line"),
    ],
)
async def test_what_does_not_become_ready_is_refused(program: Callable[[str], None], text: str):
    program(text)
    running = await worker()
    with pytest.raises(WorkerStartError):
        await running.identify()
    await running.kill()


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        pytest.param("import os; input(); os._exit(7)", "status 7", id="ends"),
        pytest.param("import os; input(); os._exit(86)", "more memory", id="needs more memory"),
        pytest.param("import os; input(); os.kill(os.getpid(), 11)", "signal 11", id="crashes"),
        pytest.param("input(); print('?', flush=True); input()", "not understood", id="no JSON"),
        pytest.param("input(); print('1', flush=True); input()", "not understood", id="a number"),
    ],
)
async def test_a_job_whose_worker_fails_fails_with_the_cause(
    program: Callable[[str], None], text: str, cause: str
):
    program(f"print('{READY}', flush=True); {text}")
    running = await worker()
    await running.identify()
    with pytest.raises(WorkerDiedError, match=cause):
        await running.call({"job": "any"}, None)
    assert running.is_busy
    await running.kill()


async def test_a_job_that_takes_too_much_of_the_processors_time_is_late(
    program: Callable[[str], None],
):
    program(f"import os; print('{READY}', flush=True); input(); os.kill(os.getpid(), 24)")
    running = await worker()
    await running.identify()
    with pytest.raises(WorkerTimeoutError, match="processor's time"):
        await running.call({"job": "any"}, None)
    await running.kill()


async def test_what_a_worker_writes_to_standard_error_is_logged_up_to_a_bound(
    program: Callable[[str], None], caplog: pytest.LogCaptureFixture
):
    program(
        "import sys; sys.stderr.write('trouble ' * 20_000); sys.stderr.flush();"
        f"print('{READY}', flush=True); input()"
    )
    with caplog.at_level(logging.WARNING):
        running = await worker()
        await running.identify()
        await running.kill()
    texts = [str(vars(record)["text"]) for record in caplog.records]
    assert "trouble" in texts[0]
    assert sum(map(len, texts)) <= 32 << 10


class _Reading(asyncio.ReadTransport):
    """Tells whether the pipe is read; stands for the process, too."""

    def __init__(self) -> None:
        super().__init__()
        self.is_read = True

    @override
    def pause_reading(self) -> None:
        self.is_read = False

    @override
    def resume_reading(self) -> None:
        self.is_read = True

    def get_pipe_transport(self, fd: int) -> asyncio.ReadTransport | None:
        return self if fd == 1 else None


async def test_a_worker_that_writes_without_end_does_not_fill_this_processs_memory():
    pipes, reading = worker_process._Pipes(), _Reading()
    pipes.connection_made(reading)
    chunks = 0
    while reading.is_read:
        pipes.pipe_data_received(1, bytes(1 << 20))
        chunks += 1
        assert chunks < 20
    assert chunks > 8


async def test_without_python_there_is_no_worker(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(WorkerStartError, match="no process"):
        await worker()


async def test_a_worker_that_does_not_end_by_itself_is_killed(
    program: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(worker_process, "_END_TIMEOUT_S", 0.05)
    program(f"print('{READY}', flush=True)\nimport signal\nwhile True: signal.pause()")
    running = await worker()
    await running.identify()
    monkeypatch.setattr(worker_process, "_END_TIMEOUT_S", 0.05)
    await running.close()
    assert not running.is_alive
